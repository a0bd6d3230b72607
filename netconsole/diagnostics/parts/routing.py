"""Addresses, routes, routing rules and neighbours (ip-address(8), ip-route(8), ip-neighbour(8))."""

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address on an interface."""

    interface: str
    address: str
    """Without its prefix length."""
    prefix_length: int
    scope: str
    flags: tuple[str, ...] = ()
    """tentative, dadfailed, secondary, dynamic, ..."""
    broadcast: str = ""

    @property
    def is_v6(self) -> bool:
        """Whether it is an IPv6 address."""
        return ":" in self.address

    @property
    def subnet(self) -> IPv4Network:
        """Return the subnet of an IPv4 address."""
        return IPv4Interface(f"{self.address}/{self.prefix_length}").network


@dataclass(frozen=True, slots=True)
class Route:
    """An IPv4 route; one with several ways is several."""

    destination: str
    """In CIDR notation, or `default`."""
    kind: str
    """unicast, local, broadcast, blackhole, unreachable, prohibit, ..."""
    table: str
    interface: str = ""
    gateway: str = ""
    protocol: str = ""
    """Who made it: kernel, static, dhcp, ...; boot where nobody said."""
    scope: str = ""
    source: str = ""
    metric: int = 0
    flags: tuple[str, ...] = ()
    """linkdown, dead, onlink, ..."""
    weight: int = 0
    """Of one of several ways: how much goes by it, beside the others; 0 of the only one."""
    tos: str = ""
    """The type of service that it is for alone; empty where it is for all."""
    ways: tuple[str, ...] = ()
    """All of its several ways, or the object that has its next hop, in the words of ip-route(8);
    empty where gateway and interface say it."""
    is_restorable: bool = True
    """Whether it can be added again as it is by what is known here. Not one with metrics, of which
    `ip -json` does not say which are locked, nor one with what only few have."""


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """A rule that chooses a routing table (ip-rule(8))."""

    priority: int
    text: str
    """As `ip rule` prints it, without the priority."""
    table: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A neighbour that the host knows, or answers for (`proxy`)."""

    address: str
    interface: str
    mac: str = ""
    state: str = ""
    """REACHABLE, STALE, FAILED, INCOMPLETE, PERMANENT, NOARP where somebody made it, ...; empty for
    a proxy entry."""
    proxy: bool = False
    age: int | None = None
    """Seconds since the neighbour was heard to have this hardware address; None where the kernel
    does not say."""


@dataclass(frozen=True, slots=True)
class Routing:
    """All of it, IPv4 but for the addresses."""

    addresses: tuple[InterfaceAddress, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[RoutingRule, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()

    def on(self, interface: str) -> tuple[InterfaceAddress, ...]:
        """Return the IPv4 addresses of an interface, in the kernel's order."""
        return tuple(
            each for each in self.addresses if each.interface == interface and not each.is_v6
        )
