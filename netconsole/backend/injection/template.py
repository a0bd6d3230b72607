"""The network configuration that is written into a guest: nova's injected template. Pure.

Debian's /etc/network/interfaces (interfaces(5)), static addresses only: an interface whose
network hands its addresses out by DHCP is left to the guest, and so is one of a network that is
not to be injected.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.dnsmasq import answers_dhcp
from netconsole.backend.managers import manager
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.records import FixedIP, InstanceView, Network, PortView

HEAD = """\
# Injected by Nova on instance boot
#
# This file describes the network interfaces available on your system
# and how to activate them. For more information, see interfaces(5).

# The loopback network interface
auto lo
iface lo inet loopback
"""


@dataclass(frozen=True, slots=True)
class StaticAddress:
    """An address of an interface, with what belongs to it."""

    family: str
    """As interfaces(5) calls it: inet or inet6."""
    address: str
    netmask: str
    """Of IPv6 the length of the prefix."""
    broadcast: str | None
    gateway: str | None
    dns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuestInterface:
    """An interface of a guest that is configured for it."""

    name: str
    mac: str
    addresses: tuple[StaticAddress, ...]


def interfaces(view: InstanceView, options: Options) -> tuple[GuestInterface, ...]:
    """Return the interfaces of an instance to be configured; eth0 is its first port in any case."""
    return tuple(
        GuestInterface(f"eth{number}", port.port.mac, tuple(_addresses(port, fixed_ip)))
        for number, port in enumerate(routed(view, options))
        for fixed_ip in given(port)[:1]
        if why_not(port.network, options) is None
    )


def routed(view: InstanceView, options: Options) -> tuple[PortView, ...]:
    """Return the ports of an instance, each network with the gateway that the instance is to use.

    With use_single_default_gateway that is the first one's alone.
    """
    if not options.use_single_default_gateway:
        return view.ports
    return (
        *view.ports[:1],
        *(
            replace(port, network=replace(port.network, gateway=None, gateway_v6=None))
            for port in view.ports[1:]
        ),
    )


def given(port: PortView) -> tuple[FixedIP, ...]:
    """Return the addresses that a port has now, without those that only their leases still hold."""
    return tuple(fixed_ip for fixed_ip in port.fixed_ips if fixed_ip.allocated)


def is_dhcp(network: Network, options: Options) -> bool:
    """Whether guests get their addresses of this network by DHCP."""
    return manager(options).serves_dhcp and answers_dhcp(network)


def why_not(network: Network, options: Options) -> str | None:
    """Return why nothing of a network is written into guests; None where it is."""
    if is_dhcp(network, options):
        return f"network {network.label!r} hands its addresses out by DHCP"
    if not (network.injected or options.flat_injected):
        return f"network {network.label!r} is not injected: set flat_injected = True"
    return None


def text(view: InstanceView, options: Options) -> str:
    """Return the file for an instance. Raises Conflict where none of its interfaces is to be in
    it."""
    found = interfaces(view, options)
    if not found:
        reasons = dict.fromkeys(why_not(port.network, options) for port in view.ports)
        because = "; ".join(reason for reason in reasons if reason) or "it has no address"
        raise Conflict(f"instance {view.instance.name!r}: nothing to inject: {because}")
    return render(found)


def render(found: Iterable[GuestInterface]) -> str:
    """Lay interfaces out in nova's template; a line whose value is not known is left out."""
    return HEAD + "".join(_stanzas(interface) for interface in found)


def _stanzas(interface: GuestInterface) -> str:
    lines = ["", f"auto {interface.name}"]
    for static in interface.addresses:
        lines.append(f"iface {interface.name} {static.family} static")
        values = (
            ("hwaddress ether", interface.mac),
            ("address", static.address),
            ("netmask", static.netmask),
            ("broadcast", static.broadcast),
            ("gateway", static.gateway),
            ("dns-nameservers", " ".join(static.dns)),
        )
        lines += [f"    {name} {value}" for name, value in values if value]
    return "".join(f"{line}\n" for line in lines)


def _addresses(port: PortView, fixed_ip: FixedIP) -> Iterator[StaticAddress]:
    network = port.network
    yield StaticAddress(
        family="inet",
        address=fixed_ip.address,
        netmask=network.netmask,
        broadcast=network.broadcast,
        gateway=network.gateway,
        dns=name_servers(network, 4),
    )
    if network.cidr_v6 is not None:
        yield StaticAddress(
            family="inet6",
            address=address_v6(port.port.mac, network.cidr_v6),
            netmask=str(IPNetwork(network.cidr_v6).prefixlen),
            broadcast=None,
            gateway=network.gateway_v6,
            dns=name_servers(network, 6),
        )


def name_servers(network: Network, version: int) -> tuple[str, ...]:
    """Return the name servers of a network that are reached over one version of IP."""
    known = (server for server in (network.dns1, network.dns2) if server)
    return tuple(server for server in known if IPNetwork(server).version == version)
