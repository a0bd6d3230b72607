"""Which way packets come in and their replies leave, and what a few echo requests showed."""

from dataclasses import dataclass
from typing import Literal

KnownAs = Literal["neighbour", "gateway", "given", "beyond"]
"""How a source is known to use an interface; `beyond`: it stands for all that no route but the
default one covers, and need not exist."""


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
class EchoProbe:
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


@dataclass(frozen=True, slots=True)
class EchoProbes:
    """The probes of one run: a few of the sources whose replies leave by another interface."""

    probes: tuple[EchoProbe, ...] = ()
