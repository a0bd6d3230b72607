"""The addresses of a network: who has which, and which no instance gets. Pure.

The arithmetic is that of nova's `create_networks`, but for its waste: the ends that nova keeps
free are those of the network, not those of the part that instances get.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from netaddr import IPAddress, IPNetwork

from netconsole.backend.managers import ranges
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.records import Network


@dataclass(frozen=True, slots=True)
class Reserve:
    """What a kind of network keeps for itself."""

    bottom: int
    top: int
    vpn: bool = False
    """Whether the first address behind the gateway's is that of the VPN."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an admin fixes of a network's addresses; the rest is computed."""

    gateway: str | None = None
    dhcp_server: str | None = None
    fixed_cidr: str | None = None
    allowed_start: str | None = None
    allowed_end: str | None = None


@dataclass(frozen=True, slots=True)
class NewAddress:
    """One fixed address of a network to be made."""

    address: str
    reserved: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The addresses of a network."""

    gateway: str
    dhcp_server: str
    dhcp_start: str
    vpn_private_address: str | None
    netmask: str
    broadcast: str
    given: IPNetwork
    """The part of the range whose addresses have rows."""
    free: range
    """What instances can get, but for the addresses above."""

    @property
    def addresses(self) -> Iterator[NewAddress]:
        """Every address that gets a row, in order; a /16 has 65,536."""
        taken = {self.gateway, self.dhcp_server, self.vpn_private_address}
        for number in range(self.given.first, self.given.last + 1):
            text = str(IPv4Address(number))
            yield NewAddress(text, number not in self.free or text in taken)


@dataclass(frozen=True, slots=True)
class LayoutV6:
    """The IPv6 side of a network; guests make their own addresses."""

    cidr: str
    gateway: str
    netmask: str


def layout(cidr: IPNetwork, reserve: Reserve, wishes: Wishes | None = None) -> Layout:
    """Lay a network out.

    The gateway is the first address that is allowed, unless given; the DHCP server is the gateway,
    unless given or the gateway lies outside; then comes the VPN's address, then the instances'.
    Raises InvalidValue for a wish that cannot be, or where nothing is left for instances.
    """
    wishes = wishes or Wishes()
    start = _inside("allowed start", wishes.allowed_start, cidr)
    end = _inside("allowed end", wishes.allowed_end, cidr)
    gateway = None if wishes.gateway is None else ranges.parse_gateway(wishes.gateway, cidr)
    if gateway and gateway in cidr:
        _inside("gateway", gateway, cidr)
    server = _inside("DHCP server", wishes.dhcp_server, cidr)
    given = cidr
    if wishes.fixed_cidr is not None:
        given = ranges.parse_part("fixed CIDR", wishes.fixed_cidr, cidr)
    broadcast = str(IPv4Address(cidr.last))

    first = int(IPAddress(start)) if start else cidr.first + 1
    unclaimed = (str(IPv4Address(number)) for number in range(first, cidr.last))
    gateway = gateway or next(unclaimed)
    server = server or (gateway if gateway in cidr else next(unclaimed, broadcast))
    others = (address for address in unclaimed if address not in (gateway, server))
    vpn = next(others, broadcast) if reserve.vpn else None
    bottom = 1 if start or given != cidr else reserve.bottom
    made = Layout(
        gateway=gateway,
        dhcp_server=server,
        dhcp_start=next(others, broadcast),
        vpn_private_address=vpn,
        netmask=str(cidr.netmask),
        broadcast=broadcast,
        given=given,
        free=range(
            max(first, cidr.first + bottom),
            int(IPAddress(end)) + 1 if end else cidr.last + 1 - reserve.top,
        ),
    )
    if all(row.reserved for row in made.addresses):
        raise InvalidValue("fixed range", given, "leaves no address for instances")
    return made


def layout_v6(cidr: IPNetwork, gateway: str | None) -> LayoutV6:
    """Lay the IPv6 side out: the gateway is the first address unless given.

    Raises InvalidValue for a gateway that lies outside.
    """
    first = str(IPv6Address(cidr.first + 1))
    return LayoutV6(
        cidr=str(cidr),
        gateway=(
            first if gateway is None else ranges.parse_address_v6("IPv6 gateway", gateway, cidr)
        ),
        netmask=str(cidr.netmask),
    )


def _inside(what: str, address: str | None, cidr: IPNetwork) -> str | None:
    """Check an address that somebody is to have; raises InvalidValue."""
    if address is None:
        return None
    address = ranges.parse_address(what, address, cidr)
    if address in (str(IPv4Address(cidr.first)), str(IPv4Address(cidr.last))):
        raise InvalidValue(what, address, f"is the network or broadcast address of {cidr}")
    return address


def purpose(network: Network, address: str) -> str | None:
    """Return what a network itself needs an address for; None where it needs it for nothing."""
    return purposes(network).get(address)


def purposes(network: Network) -> dict[str, str]:
    """Return what a network itself needs addresses for, by address."""
    needed = {
        str(IPAddress(IPNetwork(network.cidr).first, 4)): "network address",
        network.broadcast: "broadcast address",
        network.vpn_private_address: "VPN address",
        network.dhcp_server: "DHCP server",
        network.gateway: "gateway",
        network.gateway_v6: "IPv6 gateway",
    }
    return {address: use for address, use in needed.items() if address is not None}
