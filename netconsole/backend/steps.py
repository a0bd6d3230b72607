"""Steps: the smallest changes to a host, each with its command and its inverse.

A step is a value. It says what it does as the commands an admin would type, and knows from what
was observed how to take itself back. `host.perform` executes it. Fields hold only text, numbers
and tuples of them, so that the journal can write a step down and a later process undo it.
"""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from netconsole.backend.hoststate import Family, TableName

LinkAttribute = Literal["up", "master", "mtu", "mac", "hairpin", "forward_delay", "alias"]
FileEntry = tuple[str, str]
"""A path and the text in it."""


Argv = tuple[str, ...]


def _argv(*words: object) -> Argv:
    return tuple(str(word) for word in words)


def _given(option: str, value: object) -> Argv:
    return () if value in (None, "") else (option, str(value))


def _words(*words: object) -> str:
    return shlex.join(_argv(*words))


@dataclass(frozen=True, slots=True)
class Step:
    """Base of all steps. Each either happens or does not: none can be half done."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        """The programs to run, for a step that is a program's doing."""
        return ()

    @property
    def commands(self) -> tuple[str, ...]:
        """What an admin would type to the same effect, quoted for a shell."""
        return tuple(shlex.join(argv) for argv in self.argvs)

    @property
    def inverse(self) -> "Step | None":
        """The step that takes this one back, or None where nothing can."""
        return None


@dataclass(frozen=True, slots=True)
class SetSysctl(Step):
    """Write a kernel setting (sysctl(8))."""

    key: str
    value: str
    former: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (_words("sysctl", "-w", f"{self.key}={self.value}"),)

    @property
    def inverse(self) -> Step:
        return SetSysctl(self.key, self.former, self.value)


@dataclass(frozen=True, slots=True)
class _LinkStep(Step):
    name: str
    kind: str
    alias: str
    mac: str = ""
    peer: str = ""
    peer_mac: str = ""
    forward_delay: int | None = None


@dataclass(frozen=True, slots=True)
class AddLink(_LinkStep):
    """Create a bridge, a tap or a veth pair (ip-link(8)).

    The kernel takes no alias at creation: the mark that it is ours is a step of its own.
    """

    @property
    def argvs(self) -> tuple[Argv, ...]:
        if self.kind == "tap":
            return (_argv("ip", "tuntap", "add", "dev", self.name, "mode", "tap"),)
        named = ("name", self.name, *_given("address", self.mac))
        if self.kind == "veth":
            peer = ("peer", "name", self.peer, *_given("address", self.peer_mac))
            return (_argv("ip", "link", "add", *named, "type", "veth", *peer),)
        delay = _given("forward_delay", self.forward_delay)
        return (_argv("ip", "link", "add", *named, "type", self.kind, *delay),)

    @property
    def inverse(self) -> Step:
        return RemoveLink(**asdict(self))


@dataclass(frozen=True, slots=True)
class RemoveLink(_LinkStep):
    """Delete a link of ours."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (_argv("ip", "link", "delete", "dev", self.name),)

    @property
    def inverse(self) -> Step | None:
        if self.kind == "veth" and not self.peer:
            return None  # the guest's end had moved away: nobody knows where to
        return AddLink(**asdict(self))


@dataclass(frozen=True, slots=True)
class SetLink(Step):
    """Change one attribute of a link."""

    name: str
    attribute: LinkAttribute
    value: str
    former: str

    @property
    def argvs(self) -> tuple[Argv, ...]:
        link = ("ip", "link", "set", "dev", self.name)
        match self.attribute:
            case "up":
                return (_argv(*link, "up" if self.value == "1" else "down"),)
            case "master" if not self.value:
                return (_argv(*link, "nomaster"),)
            case "master" | "mtu" | "alias":
                return (_argv(*link, self.attribute, self.value),)
            case "mac":
                return (_argv(*link, "address", self.value),)
            case "forward_delay":
                return (_argv(*link, "type", "bridge", "forward_delay", self.value),)
            case "hairpin":
                state = "on" if self.value == "1" else "off"
                return (_argv("bridge", "link", "set", "dev", self.name, "hairpin", state),)

    @property
    def inverse(self) -> Step:
        return replace(self, value=self.former, former=self.value)


@dataclass(frozen=True, slots=True)
class _AddressStep(Step):
    interface: str
    address: str
    broadcast: str = ""

    def _argvs(self, verb: str) -> tuple[Argv, ...]:
        broadcast = _given("broadcast", self.broadcast)
        return (_argv("ip", "address", verb, self.address, *broadcast, "dev", self.interface),)


@dataclass(frozen=True, slots=True)
class AddAddress(_AddressStep):
    """Put an address on an interface (ip-address(8))."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return self._argvs("add")

    @property
    def inverse(self) -> Step:
        return RemoveAddress(**asdict(self))


@dataclass(frozen=True, slots=True)
class RemoveAddress(_AddressStep):
    """Take an address off an interface."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return self._argvs("delete")

    @property
    def inverse(self) -> Step:
        return AddAddress(**asdict(self))


@dataclass(frozen=True, slots=True)
class ChangeRules(Step):
    """Change one table of the packet filter in one transaction (iptables-restore(8) --noflush).

    `lines` and `inverse_lines` are in the words of iptables-restore: `:CHAIN - [0:0]` makes a
    chain, `-A`, `-I`, `-D`, `-F` and `-X` are as in iptables(8).
    """

    family: Family
    table: TableName
    lines: tuple[str, ...]
    inverse_lines: tuple[str, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        program = "iptables" if self.family == "ipv4" else "ip6tables"
        return tuple(
            f"{program} -t {self.table} -N {line[1:].split()[0]}"
            if line.startswith(":")
            else f"{program} -t {self.table} {line}"
            for line in self.lines
        )

    @property
    def inverse(self) -> Step:
        return replace(self, lines=self.inverse_lines, inverse_lines=self.lines)


@dataclass(frozen=True, slots=True)
class EndConnections(Step):
    """Forget every tracked connection to or from an address (conntrack(8)); not undoable."""

    address: str

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (
            _argv("conntrack", "--delete", "--orig-dst", self.address),
            _argv("conntrack", "--delete", "--reply-dst", self.address),
        )


@dataclass(frozen=True, slots=True)
class AnnounceAddress(Step):
    """Tell the neighbours which interface has an address: a gratuitous ARP (RFC 5227 section 3)."""

    interface: str
    address: str

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (_argv("arping", "-U", "-c", 1, "-I", self.interface, self.address),)


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Make a directory that everyone may read: dnsmasq reads it after dropping root."""

    path: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (_words("mkdir", "-p", "-m", "0755", self.path),)

    @property
    def inverse(self) -> Step:
        return RemoveDirectory(self.path)


@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """Remove an empty directory."""

    path: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (_words("rmdir", self.path),)

    @property
    def inverse(self) -> Step:
        return MakeDirectory(self.path)


@dataclass(frozen=True, slots=True)
class WriteFile(Step):
    """Write a file whole, atomically, with an explicit mode."""

    path: str
    content: str
    mode: int = 0o644
    former: str | None = None
    """What stood there before, None for nothing."""

    @property
    def commands(self) -> tuple[str, ...]:
        return (
            f"{_words('printf', '%s', self.content)} > {_words(self.path)}",
            _words("chmod", f"{self.mode:04o}", self.path),
        )

    @property
    def inverse(self) -> Step:
        if self.former is None:
            return RemoveFile(self.path, self.content, self.mode)
        return replace(self, content=self.former, former=self.content)


@dataclass(frozen=True, slots=True)
class RemoveFile(Step):
    """Remove a file."""

    path: str
    former: str
    mode: int = 0o644

    @property
    def commands(self) -> tuple[str, ...]:
        return (_words("rm", self.path),)

    @property
    def inverse(self) -> Step:
        return WriteFile(self.path, self.former, self.mode)


@dataclass(frozen=True, slots=True)
class _DhcpHostsStep(Step):
    pid_file: str
    files: tuple[FileEntry, ...]


@dataclass(frozen=True, slots=True)
class AddDhcpHosts(_DhcpHostsStep):
    """Add files to a --dhcp-hostsdir; dnsmasq reads each as it appears (dnsmasq(8))."""

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(
            f"{_words('printf', '%s', content)} > {_words(path)}" for path, content in self.files
        )

    @property
    def inverse(self) -> Step:
        return RemoveDhcpHosts(self.pid_file, self.files)


@dataclass(frozen=True, slots=True)
class RemoveDhcpHosts(_DhcpHostsStep):
    """Remove files from a --dhcp-hostsdir and send one SIGHUP: dnsmasq forgets on nothing less."""

    @property
    def commands(self) -> tuple[str, ...]:
        return (
            _words("rm", *(path for path, _ in self.files)),
            f'kill -HUP "$(cat {_words(self.pid_file)})"',
        )

    @property
    def inverse(self) -> Step:
        return AddDhcpHosts(self.pid_file, self.files)


@dataclass(frozen=True, slots=True)
class StartDnsmasq(Step):
    """Start the dnsmasq of a network."""

    bridge: str
    argv: tuple[str, ...]

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (self.argv,)

    @property
    def inverse(self) -> Step:
        return StopDnsmasq(self.bridge, self.argv)


@dataclass(frozen=True, slots=True)
class StopDnsmasq(Step):
    """End the dnsmasq processes of a network that run with exactly these arguments.

    `pids` are those observed, for the command shown; without any the driver looks for them.
    `start_again` is false where the process was one too many.
    """

    bridge: str
    argv: tuple[str, ...]
    pids: tuple[int, ...] = ()
    start_again: bool = True

    @property
    def commands(self) -> tuple[str, ...]:
        if not self.pids:
            return (_words("pkill", "-x", "-f", _words(*self.argv)),)
        return (_words("kill", *self.pids),)

    @property
    def inverse(self) -> Step | None:
        return StartDnsmasq(self.bridge, self.argv) if self.start_again else None


@dataclass(frozen=True, slots=True)
class ReloadDnsmasq(Step):
    """Make a dnsmasq read its options and hosts again (dnsmasq(8), NOTES on SIGHUP)."""

    bridge: str
    pid_file: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (f'kill -HUP "$(cat {_words(self.pid_file)})"',)

    @property
    def inverse(self) -> Step:
        return self


@dataclass(frozen=True, slots=True)
class ReleaseLease(Step):
    """Give a lease back in the guest's name (dhcp_release(1), RFC 2131 section 4.4.6)."""

    bridge: str
    address: str
    mac: str

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (_argv("dhcp_release", self.bridge, self.address, self.mac),)


STEPS: Mapping[str, type[Step]] = {
    step.__name__: step
    for step in (
        SetSysctl,
        AddLink,
        RemoveLink,
        SetLink,
        AddAddress,
        RemoveAddress,
        ChangeRules,
        EndConnections,
        AnnounceAddress,
        MakeDirectory,
        RemoveDirectory,
        WriteFile,
        RemoveFile,
        AddDhcpHosts,
        RemoveDhcpHosts,
        StartDnsmasq,
        StopDnsmasq,
        ReloadDnsmasq,
        ReleaseLease,
    )
}
"""Every step by its name in the journal."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are taken; empty when nothing is to do."""

    steps: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def commands(self) -> tuple[str, ...]:
        """All commands, in order."""
        return tuple(command for step in self.steps for command in step.commands)

    @property
    def inverse(self) -> "Plan":
        """The steps that lead back, last first."""
        undone = (step.inverse for step in reversed(self.steps))
        return Plan(tuple(step for step in undone if step is not None))
