"""Reads the dnsmasq processes, their files, and who listens on UDP port 67."""

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from netconsole.backend.model import lease_file
from netconsole.backend.model.hoststate import Observed
from netconsole.backend.model.text import decoded
from netconsole.backend.system import files
from netconsole.backend.system.processes import arguments, running
from netconsole.backend.system.programs import run
from netconsole.diagnostics.parts.dnsmasq import (
    DnsmasqProcess,
    DnsmasqProcesses,
    LeaseFile,
    PortListener,
)

SECONDS = 0.5
"""How long each process is watched, to see how busy it is."""

_DHCP, _DNS = 67, 53
"""The ports of UDP at which servers are asked (RFC 2131, RFC 1035)."""
_INOTIFY = Path("anon_inode:inotify")
_MOST_FILES = "Max open files"
_USER = re.compile(r'\("([^"]*)",pid=(\d+)')


def read_dnsmasq(known: Observed | None = None) -> DnsmasqProcesses:
    """Return the processes that were seen, and read what else there is to know of them.

    Who has not looked at the host anyway has them looked for. Raises what `run` raises.
    """
    seen = _running() if known is None else _seen(known)
    before = {pid: _runtime(pid) for pid in seen}
    began = time.monotonic()
    listeners = tuple(_listeners())
    instances = _inotify_instances(seen)
    time.sleep(max(0.0, SECONDS - (time.monotonic() - began)) if seen else 0.0)
    elapsed = time.monotonic() - began
    found = (
        _process(pid, argv, (_runtime(pid) - before[pid]) / elapsed) for pid, argv in seen.items()
    )
    processes = tuple(each for each in found if each is not None)
    return DnsmasqProcesses(
        time.time(),
        processes,
        dict(_pid_files(processes)),
        dict(_lease_files(processes)),
        dict(_directories(processes)),
        tuple(each for each in listeners if each.port == _DHCP),
        tuple(each for each in listeners if each.port == _DNS),
        instances,
    )


def _seen(known: Observed) -> dict[int, tuple[str, ...]]:
    """The arguments of each process; a helper child has those of the one that it is forked from."""
    return {pid: server.argv for server in known.dnsmasq for pid in server.pids}


def _running() -> dict[int, tuple[str, ...]]:
    return {pid: arguments(pid) for pid in running("dnsmasq")}


def _runtime(pid: int) -> float:
    """Return the seconds that a process has run, or waited to run (proc schedstat).

    The wait counts: a process that wants a processor which others hold is as late as a busy one.
    """
    try:
        ran, waited, _ = files.read_text(f"/proc/{pid}/schedstat").split()
    except (OSError, ValueError):
        return 0.0
    return (int(ran) + int(waited)) / 1e9


def _process(pid: int, argv: tuple[str, ...], busy: float) -> DnsmasqProcess | None:
    try:
        process = psutil.Process(pid)
        parent = process.ppid()
        started = process.create_time()
        state = decoded(Path(f"/proc/{pid}/stat").read_bytes()).rpartition(")")[2].split()[0]
    except (psutil.Error, OSError):
        return None
    share = round(min(1.0, max(0.0, busy)), 2)
    return DnsmasqProcess(pid, parent, argv, state, started, share, _watched(pid), _open_files(pid))


def _open_files(pid: int) -> tuple[int, int] | None:
    """Return how many files a process has open, and may have (proc(5), fd and limits)."""
    try:
        count = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        limits = files.read_text(f"/proc/{pid}/limits").splitlines()
    except OSError:
        return None
    told = next((line for line in limits if line.startswith(_MOST_FILES)), "")
    bound = next(iter(told.removeprefix(_MOST_FILES).split()), "")
    return (count, int(bound)) if bound.isdigit() else None


def _watched(pid: int) -> tuple[int, ...] | None:
    """Return what a process watches: /proc/PID/fdinfo has a line for each (proc(5))."""
    try:
        instances = tuple(_instances_of(pid))
        texts = [files.read_text(f"/proc/{pid}/fdinfo/{name}") for name in instances]
    except OSError:
        return None
    found = re.findall(r"^inotify .*?\bino:([0-9a-f]+)", "".join(texts), re.MULTILINE)
    return tuple(int(number, 16) for number in found)


def _instances_of(pid: int) -> Iterator[str]:
    """Yield the descriptors of a process's inotify instances. Raises OSError.

    A busy process closes others while they are looked at.
    """
    for descriptor in os.scandir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            if Path(descriptor.path).readlink() == _INOTIFY:
                yield descriptor.name


def _listeners() -> Iterator[PortListener]:
    """Ask ss(8): it alone says which interface a socket is bound to."""
    ports = f"sport = :{_DHCP} or sport = :{_DNS}"
    for line in run(["ss", "-H", "-l", "-u", "-n", "-p", ports]).splitlines():
        words = line.split()
        if len(words) < 5:
            continue
        place, _, port = words[3].rpartition(":")
        address, _, interface = place.partition("%")
        user = _USER.search(line)
        name, pid = (user[1], int(user[2])) if user else ("", 0)
        yield PortListener(address, interface, name, pid, int(port))


def _inotify_instances(servers: Collection[int]) -> int:
    """Count those of root, and of the dnsmasq, which make theirs before they give up root."""
    count = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if int(entry.name) not in servers and entry.stat().st_uid != 0:
                continue
            count += sum(1 for _ in _instances_of(int(entry.name)))
        except OSError:
            continue  # it has ended, or is not for this user
    return count


def _pid_files(processes: Iterable[DnsmasqProcess]) -> Iterator[tuple[str, str]]:
    for path in _named(processes, "pid-file"):
        try:
            yield path, files.read_text(path)
        except OSError:
            continue


def _lease_files(processes: Iterable[DnsmasqProcess]) -> Iterator[tuple[str, LeaseFile]]:
    for path in _named(processes, "dhcp-leasefile"):
        try:
            text = files.read_text(path)
            written = Path(path).stat().st_mtime
        except OSError:
            continue
        yield path, LeaseFile(written, text, lease_file.parse(text))


def _directories(processes: Iterable[DnsmasqProcess]) -> Iterator[tuple[str, int]]:
    for path in _named(processes, "dhcp-hostsdir"):
        try:
            yield path, Path(path).stat().st_ino
        except OSError:
            continue


def _named(processes: Iterable[DnsmasqProcess], option: str) -> list[str]:
    return [path for each in processes if (path := each.option(option))]
