"""Between whom a packet is sent, and where it comes in to this host. Pure."""

from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network
from typing import Final

from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.model.phrases import command
from netconsole.backend.survey.status import Allocation, Status
from netconsole.diagnostics.parts.journey import Protocol
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.route_lookup import default_route
from netconsole.diagnostics.tracing.sensible_ends import (
    require_destination,
    require_ipv4,
    require_source,
    vacant,
)

DNS_PORT: Final = 53
HOST: Final = "host"
OUTSIDE: Final = "outside"
"""Name this host itself, and who is beyond its uplink: as the destination the router there."""
_ROUTERS_MAC: Final = "02:00:00:00:00:01"
"""Of a router whose MAC address is not known: one that no vendor gives (RFC 7042, 2.1)."""

_NO_ADDRESS: Final = str(IPv4Address(0))
_EVERYBODY: Final = "255.255.255.255"
_EVERYBODYS_MAC: Final = "ff:ff:ff:ff:ff:ff"


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """Which packet is to be sent, and from where."""

    sender: str
    """Name or address of an instance here or of this host, `host`, `outside`, or an address out
    there."""
    destination: str
    """An IPv4 address, the name of an instance or of this host, `host`, or `outside`; of a DISCOVER
    nothing."""
    protocol: Protocol = "icmp"
    port: int = 0
    name: str = ""
    """Of a question of DNS, the name that is asked for; where empty, what dnsmasq itself knows."""
    data: bytes = b""
    """What the first segment of TCP has beside its header."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends, and the frame that goes from one to the other."""

    name: str
    """Of the sender."""
    interface: str
    """Where it comes in: the sender's port, or the uplink; empty of what this host sends."""
    guest_mac: str
    """Of the instance that sends, by which it is found; empty of others."""
    source: str
    """Empty where who sends chooses it: this host."""
    destination: str
    receiver: str
    """The port of the instance that it is for; empty of others."""
    source_mac: str = ""
    destination_mac: str = ""
    """Of the frame, where it is written by the host as if it had come in."""
    interface_mac: str = ""
    """Of where it comes in: for whom a frame is, the kernel knows by that."""
    asks: tuple[str, ...] = ()
    """For whose MAC address the sender asks by ARP, to send it there."""
    unserved: str = ""
    """The network that it is for, where this host does not serve that."""
    vacant: str = ""
    """What the store says of whom it is for, where no instance has that address."""
    vacant_floating: bool = False
    """Whether that is a floating address, which no machine has but by association."""
    receiver_address: str = ""
    """The fixed address of the instance that it is for."""
    is_for_router: bool = False
    """Whether it is for the router of the default route."""
    is_for_host: bool = False
    """Whether it is for an address of this host's own."""
    receiver_asks: tuple[str, ...] = ()
    """For whose MAC address that instance asks by ARP, to answer."""


def ends(request: TraceRequest, status: Status, links: Links, routing: Routing) -> Ends:
    """Find them. Raises InvalidValue, and Unavailable where there is no uplink, or no port here."""
    found = _ends(request, status, links, routing)
    to = IPv4Address(found.destination)
    unserved = (
        each.label
        for each in status.networks
        if each.cidr and to in ip_network(each.cidr) and links.get(each.bridge) is None
    )
    default = default_route(routing)
    is_for_router = default is not None and default.gateway == found.destination
    found = replace(
        found,
        unserved=next(unserved, ""),
        vacant=vacant(found.destination, status, routing),
        vacant_floating=any(each.address == found.destination for each in status.floating_ips),
        is_for_router=is_for_router,
        is_for_host=not found.receiver and _is_own(found.destination, routing),
    )
    own = (
        each
        for each in status.allocations
        if each.device == found.receiver and found.destination in (each.address, *each.floating)
    )
    receiver = next(own, None) if found.receiver else None
    if receiver is None:
        return found
    asks = _asked_for(receiver, found.source or _NO_ADDRESS, status)
    return replace(found, receiver_address=receiver.address, receiver_asks=asks)


def _ends(request: TraceRequest, status: Status, links: Links, routing: Routing) -> Ends:
    require_ipv4("sender", request.sender)
    if request.protocol in ("arp", "dhcp"):
        return _on_network(request, status, links, routing)
    if _is_host(request.sender, status, routing):
        return Ends(HOST, "", "", "", *_destination(request.destination, "", status, routing))
    outside = _outside(request.sender, status, routing)
    if outside is not None:
        return _from_outside(outside, request.destination, status, links, routing)
    guest = _instance("sender", request.sender, status)
    port = _port(guest, links)
    destination, receiver = _destination(request.destination, port.master, status, routing)
    return Ends(
        *(guest.instance, guest.device, guest.mac, guest.address, destination, receiver),
        *(guest.mac, _next_mac(guest, port.master, destination, status, links, routing), port.mac),
        asks=_asked_for(guest, destination, status),
    )


def _port(guest: Allocation, links: Links) -> KernelLink:
    port = links.get(guest.device) if guest.device else None
    if port is None:
        raise Unavailable(
            f"instance {guest.instance!r} has no port on this host{_elsewhere(guest)}"
        )
    return port


def _elsewhere(guest: Allocation) -> str:
    """Where to ask instead: its network is set up where it runs."""
    if not guest.host:
        return f": {command('plan')} shows whether its network is to be here"
    return f": its host is {guest.host}, for which `netconsole --host ssh://{guest.host}` asks"


def _on_network(request: TraceRequest, status: Status, links: Links, routing: Routing) -> Ends:
    """Of a frame to everybody on the sender's own network, which the host writes for it."""
    is_host = _is_host(request.sender, status, routing)
    if is_host or _outside(request.sender, status, routing) is not None:
        rule = f"is no instance: {request.protocol} is sent on an instance's own network"
        raise InvalidValue("sender", request.sender, rule)
    guest = _instance("sender", request.sender, status)
    port = _port(guest, links)
    source, destination, receiver = _NO_ADDRESS, _EVERYBODY, ""
    if request.protocol == "arp":
        source = guest.address
        destination, receiver = _destination(request.destination, port.master, status, routing)
        if destination == source:
            rule = "is the sender's own: by ARP it asks for those of others"
            raise InvalidValue("destination", request.destination, rule)
    return Ends(
        *(guest.instance, guest.device, guest.mac, source, destination, receiver),
        *(guest.mac, _EVERYBODYS_MAC, port.mac),
    )


def _is_host(text: str, status: Status, routing: Routing) -> bool:
    """Whether it is this host, by a word for it, its name, or an address of its own."""
    if text == HOST:
        return True
    if any(_is_of(text, each) for each in status.allocations):
        return False
    return text == status.host.name or _is_own(text, routing)


def _is_own(text: str, routing: Routing) -> bool:
    """Whether it is an address of this host."""
    return any(each.address == text for each in routing.addresses)


def _is_of(text: str, guest: Allocation) -> bool:
    """Whether it is the name of an instance, or an address of its own."""
    return text in (guest.instance, guest.address, *guest.floating)


def _own_address(near: str, status: Status, routing: Routing) -> str:
    """Return this host's address for who comes in by an interface. Raises Unavailable."""
    floating = {each.address for each in status.floating_ips}
    here = (each.address for each in routing.on(near) if each.address not in floating)
    found = next(here, "") or status.host.my_ip
    if not found:
        raise Unavailable(f"this host has no address at {near}: `--to ADDRESS` names one")
    return found


def _destination(text: str, near: str, status: Status, routing: Routing) -> tuple[str, str]:
    """Return an address, and the port of the instance that has it: as its own, or floating.

    `near` is the interface of this host at which the sender is; empty of this host itself.
    """
    if text == OUTSIDE:
        return _router(routing), ""
    require_ipv4("destination", text)
    if _is_host(text, status, routing) and not _is_address(text):
        return _own_address(near, status, routing), ""
    if _is_address(text):
        address = str(IPv4Address(text))
        require_destination(address, not near, status, routing)
        floating = {each.address: each.fixed_address for each in status.floating_ips}
        fixed = floating.get(address) or address
        own = next((each for each in status.allocations if each.address == fixed), None)
        return address, own.device if own else ""
    found = _instance("destination", text, status)
    return found.address, found.device


def _router(routing: Routing) -> str:
    default = default_route(routing)
    if default is None:
        said = "no default route has a router"
        raise Unavailable(f"{said}: `netconsole trace --to ADDRESS` names who else is outside")
    return default.gateway


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _outside(sender: str, status: Status, routing: Routing) -> str | None:
    """Return the address out there that is to be the source, empty for any; None for others."""
    if sender == OUTSIDE:
        return ""
    with suppress(ValueError):
        address = str(IPv4Address(sender))
        if not any(_is_of(address, each) for each in status.allocations):
            require_source(address, status, routing)
            return address
    return None


def _instance(what: str, text: str, status: Status) -> Allocation:
    for each in status.allocations:
        if _is_of(text, each) and each.allocated:
            return each
    if _is_address(text):
        raise InvalidValue(what, text, "is an address of no instance that runs")
    rule = f"is no IPv4 address, and no instance has that name: {command('instance', 'list')}"
    raise InvalidValue(what, text, f"{rule} shows which do")


def _from_outside(source: str, wanted: str, status: Status, links: Links, routing: Routing) -> Ends:
    """It comes in where floating addresses are, as if the router there had sent it."""
    default = default_route(routing)
    interface = status.host.public_interface or (default.interface if default else "")
    uplink = links.get(interface)
    if uplink is None:
        raise Unavailable(f"public_interface {interface!r}: there is none, so nothing comes in")
    if not uplink.up:
        raise Unavailable(
            f"{interface} is down, so nothing comes in: `ip link set dev {interface} up`"
        )
    router = default.gateway if default and default.interface == interface else ""
    near = router or next(
        (each.address for each in routing.neighbours if each.interface == interface), ""
    )
    if not (source or near):
        raise Unavailable(
            f"{interface}: nobody is known beyond it: `netconsole trace --from ADDRESS` names one"
        )
    mac = _mac_of(near, interface, routing) or _ROUTERS_MAC
    destination, receiver = _destination(wanted, interface, status, routing)
    return Ends(
        *(source or OUTSIDE, interface, "", source or near, destination, receiver),
        *(mac, uplink.mac, uplink.mac),
        asks=(destination, *(each.address for each in routing.on(interface))),
    )


def _next_mac(
    guest: Allocation,
    bridge: str,
    destination: str,
    status: Status,
    links: Links,
    routing: Routing,
) -> str:
    """Return to whom the instance's kernel would send it: on its network to whom it is for, else
    to the network's gateway, which is the bridge or a router on it."""
    network = next((each for each in status.networks if each.label == guest.network), None)
    here = [each for each in status.allocations if each.network == guest.network]
    if direct := next((each.mac for each in here if each.address == destination), ""):
        return direct
    own = links.get(bridge)
    gateway = network.gateway if network else None
    is_ours = any(each.address == gateway for each in routing.on(bridge))
    known = "" if is_ours or gateway is None else _mac_of(gateway, bridge, routing)
    return known or (own.mac if own else _ROUTERS_MAC)


def _asked_for(guest: Allocation, destination: str, status: Status) -> tuple[str, ...]:
    """Return who is next for the instance: who it is for, where that is on its network or taken for
    it, as by a wrong mask; else the network's gateway."""
    network = next((each for each in status.networks if each.label == guest.network), None)
    if network is None or not network.cidr or not network.gateway:
        return (destination,)
    is_near = IPv4Address(destination) in ip_network(network.cidr)
    return (destination,) if is_near else (destination, network.gateway)


def _mac_of(address: str, interface: str, routing: Routing) -> str:
    found = (
        each.mac
        for each in routing.neighbours
        if (each.address, each.interface) == (address, interface) and not each.proxy
    )
    return next(found, "")
