"""The dnsmasq processes of the host, their files, and who else listens for DHCP requests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.model.hoststate import Lease

_TIME = re.compile(r"(\d+)([smhdw]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class DnsmasqProcess:
    """One process named dnsmasq in this network namespace."""

    pid: int
    parent: int
    argv: tuple[str, ...]
    state: str
    """One letter, as in proc(5): S sleeps, R runs, T is stopped, D waits for a disk."""
    started: float
    """Seconds since the epoch."""
    busy: float
    """The share of a moment in which it ran or waited for a processor, 0 to 1."""
    watched: tuple[int, ...] | None = None
    """Inode numbers of what it watches by inotify(7); None where they may not be read."""
    open_files: tuple[int, int] | None = None
    """How many files and sockets it has open, and may have (RLIMIT_NOFILE of getrlimit(2)); None
    where they may not be read, or have no bound."""

    def options(self, name: str) -> tuple[str, ...]:
        """Return the values of a long option, in order."""
        return dnsmasq_arguments.values(self.argv, name)

    def option(self, name: str) -> str:
        """Return the value of a long option, empty where it is not given."""
        return next(iter(self.options(name)), "")

    @property
    def lease_seconds(self) -> int | None:
        """How long its leases last; None where that is not said, or for ever."""
        for given in self.options("dhcp-range"):
            found = _TIME.fullmatch(given.rpartition(",")[2])
            if found:
                return int(found[1]) * _SECONDS[found[2]]
        return None


@dataclass(frozen=True, slots=True)
class LeaseFile:
    """A file in which a dnsmasq keeps its leases."""

    written: float
    """When, in seconds since the epoch."""
    text: str
    leases: tuple[Lease, ...]


@dataclass(frozen=True, slots=True)
class PortListener:
    """A socket that hears a UDP port."""

    address: str
    interface: str
    """The one that it is bound to; empty for one that hears all."""
    program: str
    pid: int
    port: int = 67


@dataclass(frozen=True, slots=True)
class DnsmasqProcesses:
    """All of them. Files and directories are those that their arguments name, by path."""

    read_at: float
    """Seconds since the epoch."""
    processes: tuple[DnsmasqProcess, ...] = ()
    pid_files: Mapping[str, str] = field(default_factory=dict)
    """The text of each; one that is not there is missing."""
    lease_files: Mapping[str, LeaseFile] = field(default_factory=dict)
    directories: Mapping[str, int] = field(default_factory=dict)
    """The inode number of each --dhcp-hostsdir."""
    listeners: tuple[PortListener, ...] = ()
    name_listeners: tuple[PortListener, ...] = ()
    """Those of UDP port 53; `listeners` are of 67."""
    inotify_instances: int = 0
    """How many the processes of root have together (fs.inotify.max_user_instances is the most)."""

    def get(self, pid: int) -> DnsmasqProcess | None:
        """Return a process, or None."""
        return next((each for each in self.processes if each.pid == pid), None)
