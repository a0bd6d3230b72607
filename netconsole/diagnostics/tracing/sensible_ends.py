"""Which addresses a packet can be sent from and to, and why not those that it cannot. Pure."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.parts.routing import Routing


def require_ipv4(what: str, text: str) -> None:
    """Raise InvalidValue for an address of IPv6."""
    try:
        IPv6Address(text)
    except ValueError:
        return
    raise InvalidValue(what, text, "is an address of IPv6, and what is traced is IPv4")


def require_source(text: str, status: Status, routing: Routing) -> None:
    """Raise InvalidValue for an IPv4 address that nobody out there can have."""
    if rule := _no_source(IPv4Address(text), status, routing):
        raise InvalidValue("sender", text, rule)


def _no_source(address: IPv4Address, status: Status, routing: Routing) -> str:
    if address.is_loopback:
        return "is a loopback address, which no packet on a wire has: `--from host` is this host"
    if _is_of_many(address, status, routing):
        return "is no address of one host, so nobody sends from it"
    return _vacancy(address, status)


def _vacancy(address: IPv4Address, status: Status) -> str:
    """What the store says of an address that no instance has; empty where that is nothing."""
    text = str(address)
    if any(each.address == text and not each.fixed_address for each in status.floating_ips):
        return "is a floating address that no instance has"
    for network in status.networks:
        if network.cidr and address in IPv4Network(network.cidr):
            return f"is of the network {network.label}, where no instance has it"
    return ""


def vacant(text: str, status: Status, routing: Routing) -> str:
    """Return what the store says of a destination that is nobody's; empty of others.

    This host, the routers of its networks and DHCP servers have addresses there as well.
    """
    taken = {each.address for each in status.allocations}
    taken.update(each.address for each in routing.addresses)
    taken.update(address for each in status.allocations for address in each.floating)
    taken.update(at for each in status.networks for at in (each.gateway, each.dhcp_server) if at)
    said = "" if text in taken else _vacancy(IPv4Address(text), status)
    return f"{text} {said}" if said else ""


def require_destination(text: str, sender_is_host: bool, status: Status, routing: Routing) -> None:
    """Raise InvalidValue for an IPv4 address that is not of one host, or not another's."""
    address = IPv4Address(text)
    if address.is_loopback and not sender_is_host:
        rule = "is a loopback address: what is sent there never leaves the sender"
        raise InvalidValue("destination", text, rule)
    if _is_of_many(address, status, routing):
        raise InvalidValue("destination", text, "is no address of one host")


def _is_of_many(address: IPv4Address, status: Status, routing: Routing) -> bool:
    """Whether it is of a group, of a network or everybody on it, or of nobody (RFC 1122, 3.2.1.3;
    RFC 919, 7)."""
    if address.is_multicast or address.is_unspecified or address == IPv4Address(2**32 - 1):
        return True
    near = (each for each in _networks(status, routing) if each.prefixlen < 31)  # RFC 3021
    return any(address in (each.broadcast_address, each.network_address) for each in near)


def _networks(status: Status, routing: Routing) -> Iterator[IPv4Network]:
    """Those of the store, and those that this host is on."""
    yield from (IPv4Network(each.cidr) for each in status.networks if each.cidr)
    for own in routing.addresses:
        if ":" not in own.address:
            yield IPv4Interface(f"{own.address}/{own.prefix_length}").network
