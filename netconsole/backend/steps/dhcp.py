"""Steps on dnsmasq: its processes, its hosts and its leases."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from netconsole.backend.model.hoststate import Dnsmasq
from netconsole.backend.steps.step import Argv, ProgramStep, Step, Thing, argv, words

_CONFIGURATION = "--conf-file="

FileEntry = tuple[str, str]
"""A path and the text in it."""


@dataclass(frozen=True, slots=True)
class _DhcpHostsStep(Step):
    lasts: ClassVar[bool] = True
    pid_file: str
    files: tuple[FileEntry, ...]


def _written(files: tuple[FileEntry, ...]) -> tuple[str, ...]:
    return tuple(f"{words('printf', '%s', content)} > {words(path)}" for path, content in files)


def _reload(pid_file: str) -> str:
    return _signal(pid_file, "-HUP ")


def _signal(pid_file: str, option: str = "") -> str:
    return f'kill {option}"$(cat {words(pid_file)})"'


@dataclass(frozen=True, slots=True)
class AddDhcpHosts(_DhcpHostsStep):
    """Add files to a --dhcp-hostsdir; dnsmasq reads each as it appears (dnsmasq(8))."""

    @property
    def commands(self) -> tuple[str, ...]:
        return _written(self.files)

    @property
    def inverse(self) -> Step:
        return RemoveDhcpHosts(self.pid_file, self.files, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class RemoveDhcpHosts(_DhcpHostsStep):
    """Remove files from a --dhcp-hostsdir and send one SIGHUP: dnsmasq forgets on nothing less."""

    @property
    def commands(self) -> tuple[str, ...]:
        return (words("rm", *(path for path, _ in self.files)), _reload(self.pid_file))

    @property
    def inverse(self) -> Step:
        return AddDhcpHosts(self.pid_file, self.files, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class _RetirementStep(_DhcpHostsStep):
    retired: tuple[FileEntry, ...]
    """What takes the place of `files`: hosts that have no address any more."""


@dataclass(frozen=True, slots=True)
class RetireDhcpHosts(_RetirementStep):
    """Take their addresses from hosts without a SIGHUP, by later lines that say so.

    dnsmasq gives these addresses to nobody else before it is reloaded.
    """

    @property
    def commands(self) -> tuple[str, ...]:
        return _written(self.retired)

    @property
    def inverse(self) -> Step:
        return ReinstateDhcpHosts(self.pid_file, self.files, self.retired, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class ReinstateDhcpHosts(_RetirementStep):
    """Give retired hosts their addresses back, with one SIGHUP: those still count as taken."""

    @property
    def commands(self) -> tuple[str, ...]:
        return (*_written(self.files), _reload(self.pid_file))

    @property
    def inverse(self) -> Step:
        return RetireDhcpHosts(self.pid_file, self.files, self.retired, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class CheckDnsmasq(ProgramStep):
    """Have a dnsmasq that is to be restarted check its arguments and files (dnsmasq(8) --test)."""

    only_looks: ClassVar[bool] = True

    bridge: str
    argv: tuple[str, ...]

    @property
    def makes(self) -> tuple[Thing, ...]:
        return (("dnsmasq", self.bridge),)

    @property
    def argvs(self) -> tuple[Argv, ...]:
        program, *rest = self.argv
        return ((program, "--test", *rest),)


def _from_standard_input(word: str) -> str:
    return f"{_CONFIGURATION}-" if word.startswith(_CONFIGURATION) else word


@dataclass(frozen=True, slots=True)
class StartDnsmasq(ProgramStep):
    """Start the dnsmasq of a network.

    `configured` is what its configuration file said before it was changed: read instead of that.
    """

    bridge: str
    argv: tuple[str, ...]
    configured: str | None = None

    @property
    def argvs(self) -> tuple[Argv, ...]:
        if self.configured is None:
            return (self.argv,)
        return (tuple(map(_from_standard_input, self.argv)),)

    @property
    def inverse(self) -> Step:
        return StopDnsmasq(self.bridge, self.argv, subjects=self.subjects)

    @property
    def needs(self) -> tuple[Thing, ...]:
        return (("dnsmasq", self.bridge),)

    def stands_with(self, former: Step) -> bool:
        """Whether it goes on that was stopped for this."""
        return isinstance(former, StopDnsmasq) and former.bridge == self.bridge


@dataclass(frozen=True, slots=True)
class StopDnsmasq(Step):
    """End the dnsmasq processes of a network that run with exactly these arguments.

    `pids` are those observed, for the command shown; without any the driver looks for them.
    `start_again` is false where the process was one too many. `changed_file` is the configuration
    file whose change is the reason, if it is, and `configured` what that had said before.
    """

    bridge: str
    argv: tuple[str, ...]
    pids: tuple[int, ...] = ()
    start_again: bool = True
    changed_file: str = ""
    configured: str | None = None

    @property
    def commands(self) -> tuple[str, ...]:
        if not self.pids:
            return (_signal(Dnsmasq(self.bridge, self.argv).pid_file),)
        return (words("kill", *self.pids),)

    @property
    def inverse(self) -> Step | None:
        if not self.start_again:
            return None
        return StartDnsmasq(self.bridge, self.argv, self.configured, subjects=self.subjects)

    @property
    def needs(self) -> tuple[Thing, ...]:
        return (("dnsmasq", self.bridge),)


@dataclass(frozen=True, slots=True)
class ReloadDnsmasq(Step):
    """Make a dnsmasq read its options and hosts again (dnsmasq(8), NOTES on SIGHUP)."""

    bridge: str
    pid_file: str

    @property
    def commands(self) -> tuple[str, ...]:
        return (_reload(self.pid_file),)

    @property
    def inverse(self) -> Step:
        return self


@dataclass(frozen=True, slots=True)
class ReleaseLease(ProgramStep):
    """Give a lease back in the guest's name (dhcp_release(1), RFC 2131 section 4.4.6).

    Of a message that nobody answers, nobody knows whether it was heard.
    """

    without_it: ClassVar[str] = "the address is free when its lease is over"

    bridge: str
    address: str
    mac: str

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (argv("dhcp_release", self.bridge, self.address, self.mac),)


def announced_restarts(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return a sentence for each dnsmasq that is restarted: DHCP and DNS pause, so nobody is
    surprised."""
    taken = tuple(steps)
    stopped = {step.bridge: step for step in taken if isinstance(step, StopDnsmasq)}
    return tuple(
        f"restarts the dnsmasq of {step.bridge}: {_why(stopped[step.bridge], step)}"
        for step in taken
        if isinstance(step, StartDnsmasq) and step.bridge in stopped
    )


def _why(stop: StopDnsmasq, start: StartDnsmasq) -> str:
    if stop.argv != start.argv:
        return "its arguments changed"
    if stop.changed_file:
        return f"{stop.changed_file} changed since it started"
    return "its bridge is made anew"
