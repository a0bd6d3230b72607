"""The snapshot: all evidence of one run as values, so that checks can be pure functions of it.

A part that was not asked for, or that could not be read, is an `Unread` with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.status import Status
from netconsole.backend.steps import Plan
from netconsole.diagnostics.drop_ins import DropIns

Need = Literal["host", "sysctls", "drop_ins", "reverse_paths"]
KnownAs = Literal["neighbour", "gateway", "given", "beyond"]
"""How a source is known to use an interface; `beyond`: it stands for all that no route but the
default one covers, and need not exist."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of the snapshot that is not there, and why."""

    because: str


@dataclass(frozen=True, slots=True)
class Host:
    """What the backend knows: the status, and the plan that would bring the host in line."""

    status: Status
    plan: Plan

    @property
    def fix(self) -> Plan | None:
        """The whole plan, as `netconsole apply` takes it: its steps depend on each other."""
        return self.plan or None


@dataclass(frozen=True, slots=True)
class ReversePath:
    """Whether the kernel takes a packet from `source` to `destination` in at an interface."""

    interface: str
    source: str
    known_as: KnownAs
    destination: str
    returns_by: str
    """The interface by which the reply would leave; empty when there is no route back."""
    return_route: Literal["unicast", "none", "other"]
    """`other`: the source is an address of this host or a broadcast address."""
    refusal: str
    """The kernel's error (EXDEV, EINVAL, ...); empty when it takes the packet."""

    @property
    def symmetric(self) -> bool:
        """Whether the reply leaves by the interface that the packet came in on."""
        return self.returns_by == self.interface


@dataclass(frozen=True, slots=True)
class InterfacePaths:
    """An interface that is up, and the sources known to use it."""

    name: str
    addresses: tuple[str, ...]
    """Its IPv4 addresses, without prefix length."""
    paths: tuple[ReversePath, ...]
    unasked: int = 0
    """Sources left out, where there are very many."""


@dataclass(frozen=True, slots=True)
class ReversePaths:
    """The kernel's answers for every interface, and its count of packets dropped so."""

    interfaces: tuple[InterfacePaths, ...]
    dropped: int
    """IPReversePathFilter of /proc/net/netstat."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Echo requests sent out of an interface, and what became of the replies."""

    interface: str
    source: str
    sent: int
    replies: int
    dropped_before: int
    dropped_after: int
    problem: str = ""
    """Why the probe could not be made; the counts mean nothing then."""

    @property
    def dropped(self) -> int:
        """How far IPReversePathFilter rose meanwhile."""
        return self.dropped_after - self.dropped_before


NOT_ASKED = Unread("it was not asked for")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Evidence of one run."""

    host: Host | Unread = NOT_ASKED
    sysctls: Mapping[str, str] | Unread = NOT_ASKED
    """By path under /proc/sys: net/ipv4/conf/eth0/rp_filter."""
    drop_ins: DropIns | Unread = NOT_ASKED
    reverse_paths: ReversePaths | Unread = NOT_ASKED
    probes: tuple[Probe, ...] = ()

    def backend(self) -> Host:
        """Answer what the backend knows, to a check whose `needs` promise that it is there."""
        if isinstance(self.host, Unread):
            raise TypeError("judged without its evidence")
        return self.host

    def part(self, need: Need) -> object:
        """Answer the part of that name, an `Unread` when it is missing."""
        match need:
            case "host":
                return self.host
            case "sysctls":
                return self.sysctls
            case "drop_ins":
                return self.drop_ins
            case "reverse_paths":
                return self.reverse_paths
