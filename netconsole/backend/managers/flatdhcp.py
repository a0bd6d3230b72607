"""FlatDHCP: one bridge for all instances, addresses handed out by a dnsmasq on the bridge.

Pure: the arithmetic of a new network, and the packet-filter rules that a network wants.
"""

import re
from dataclasses import dataclass

from netaddr import AddrFormatError, IPAddress, IPNetwork

from netconsole.backend.errors import InvalidValue
from netconsole.backend.hoststate import Rule
from netconsole.backend.options import Options
from netconsole.backend.records import Network

BOTTOM_RESERVED = 2
TOP_RESERVED = 1
SMALLEST_PREFIX = 8
"""A range gets one row for each address: beyond a /8 that is no longer sensible."""
UNUSABLE = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
"""This network, loopback, link-local with the metadata service, multicast and reserved."""

_RANGE = re.compile(r"[0-9.]+/[0-9.]+")


@dataclass(frozen=True, slots=True)
class NewAddress:
    """One fixed address of a network to be made."""

    address: str
    reserved: bool


def parse_range(value: str) -> IPNetwork:
    """Read an IPv4 range in CIDR notation; raises InvalidValue."""
    rule = "must be an IPv4 range such as 10.0.0.0/24"
    if not _RANGE.fullmatch(value):
        raise InvalidValue("fixed range", value, rule)
    try:
        network = IPNetwork(value, version=4)
    except (AddrFormatError, ValueError):
        raise InvalidValue("fixed range", value, rule) from None
    if network.ip != network.network:
        raise InvalidValue("fixed range", value, f"has host bits set; meant {network.cidr}?")
    if not SMALLEST_PREFIX <= network.prefixlen <= 29:
        raise InvalidValue("fixed range", value, "must be between a /8 and a /29")
    for unusable in UNUSABLE:
        if network in IPNetwork(unusable) or IPNetwork(unusable) in network:
            raise InvalidValue(
                "fixed range", value, f"overlaps {unusable}, which guests cannot use"
            )
    return network


def parse_address(what: str, value: str, within: IPNetwork | None = None) -> str:
    """Read an IPv4 address, optionally inside a range; raises InvalidValue."""
    try:
        address = IPAddress(value, version=4)
    except (AddrFormatError, ValueError):
        raise InvalidValue(what, value, "must be an IPv4 address") from None
    if within is not None and address not in within:
        raise InvalidValue(what, value, f"must lie in {within}")
    return str(address)


@dataclass(frozen=True, slots=True)
class Layout:
    """The addresses of a network: who has which, and which are never given to an instance."""

    gateway: str
    dhcp_server: str
    dhcp_start: str
    netmask: str
    broadcast: str
    addresses: tuple[NewAddress, ...]


def layout(cidr: IPNetwork, gateway: str | None, dhcp_server: str | None) -> Layout:
    """Lay a network out as nova did (its manager's create_networks).

    The gateway is the first usable address unless given; the DHCP server is the gateway unless
    given; addresses for instances begin after them. Raises InvalidValue where one of the two is the
    network's own address or its broadcast address.
    """
    for what, address in (("gateway", gateway), ("DHCP server", dhcp_server)):
        if address in (str(IPAddress(cidr.first, 4)), str(IPAddress(cidr.last, 4))):
            raise InvalidValue(what, address, f"is the network or broadcast address of {cidr}")
    cursor = cidr.first + 1
    if gateway is None:
        gateway = str(IPAddress(cursor, 4))
        cursor += 1
    server = dhcp_server or gateway
    if str(IPAddress(cursor, 4)) == server:
        cursor += 1
    taken = {gateway, server}
    last = cidr.last
    addresses = tuple(
        NewAddress(
            text,
            value - cidr.first < BOTTOM_RESERVED or last - value < TOP_RESERVED or text in taken,
        )
        for value in range(cidr.first, last + 1)
        for text in (str(IPAddress(value, 4)),)
    )
    return Layout(
        gateway=gateway,
        dhcp_server=server,
        dhcp_start=str(IPAddress(cursor, 4)),
        netmask=str(cidr.netmask),
        broadcast=str(IPAddress(last, 4)),
        addresses=addresses,
    )


def nat_snat(network: Network, options: Options) -> tuple[Rule, ...]:
    """Source NAT of what leaves the network through the public interface."""
    if not options.routing_source_ip:
        return ()
    source = f"-j SNAT --to-source {options.routing_source_ip}"
    if network.dhcp_server is not None and network.dhcp_server != network.gateway:
        return tuple(
            _rule(network, f"-s {network.cidr}{_destination(range_)} {source}")
            for range_ in options.force_snat_range
        )
    out = f" -o {options.public_interface}" if options.public_interface else ""
    return (_rule(network, f"-s {network.cidr}{out} {source}"),)


def nat_postrouting(network: Network, options: Options) -> tuple[Rule, ...]:
    """What must not be translated: metadata, the DMZ, and traffic inside the network."""
    cidr = network.cidr
    exempt = [options.metadata_host] if options.metadata_host else []
    return (
        *(
            _rule(network, f"-s {cidr}{_destination(range_)} -j ACCEPT")
            for range_ in (*exempt, *options.dmz_cidr)
        ),
        _rule(network, f"-s {cidr} -d {cidr} -m conntrack ! --ctstate DNAT -j ACCEPT"),
    )


def filter_forward(network: Network, options: Options) -> tuple[Rule, ...]:
    """Which forwarding the bridge may do."""
    bridge, drop = network.bridge, options.iptables_drop_action
    if network.gateway is None:
        texts = [f"-i {bridge} -j {drop}", f"-o {bridge} -j {drop}"]
    elif "all" in options.forward_bridge_interface:
        texts = [f"-i {bridge} -j ACCEPT", f"-o {bridge} -j ACCEPT"]
    else:
        texts = []
        for interface in options.forward_bridge_interface:
            texts.append(f"-i {bridge} -o {interface} -j ACCEPT")
            texts.append(f"-i {interface} -o {bridge} -j ACCEPT")
        texts.append(f"-i {bridge} -o {bridge} -j ACCEPT")
        texts += [f"-i {bridge} -j {drop}", f"-o {bridge} -j {drop}"]
    return tuple(_rule(network, text) for text in texts)


def filter_input(network: Network) -> tuple[Rule, ...]:
    """Let DHCP and DNS questions in from the bridge."""
    return tuple(
        _rule(network, f"-i {network.bridge} -p {protocol} -m {protocol} --dport {port} -j ACCEPT")
        for port in (67, 53)
        for protocol in ("udp", "tcp")
    )


def mangle_postrouting(network: Network) -> tuple[Rule, ...]:
    """Fill in the checksums of DHCP answers, which old guests insist on."""
    match = f"-o {network.bridge} -p udp -m udp --dport 68"
    return (_rule(network, f"{match} -j CHECKSUM --checksum-fill"),)


def _destination(range_: str) -> str:
    """As iptables-save prints it: always with a prefix length, and nothing for everywhere."""
    cidr = IPNetwork(range_).cidr
    return "" if cidr.prefixlen == 0 else f" -d {cidr}"


def _rule(network: Network, spec: str) -> Rule:
    return Rule(spec, owner=network.label)
