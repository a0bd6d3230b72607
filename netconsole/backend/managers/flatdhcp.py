"""FlatDHCP: one bridge for all instances, addresses handed out by a dnsmasq on the bridge.

Pure: what this kind of network needs, and the packet-filter rules that a network wants.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import bridges
from netconsole.backend.managers.manager import Manager
from netconsole.backend.model import subject
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import Rule
from netconsole.backend.model.records import Network


@dataclass(frozen=True, slots=True)
class FlatDhcpManager(Manager):
    """Each network has a bridge of its own, for it has a DHCP server of its own."""

    def bridge_interface(self, options: Options) -> str | None:
        return options.flat_interface

    def bridges(
        self,
        given: str | None,
        vlans: Sequence[int | None],
        existing: Sequence[Network],
        options: Options,
    ) -> list[str]:
        """As in the base class; only the first name is the admin's, the others count on from it."""
        holders = {network.bridge: network.label for network in existing}
        name = bridges.usable(given, options)
        if given is not None and given in holders:
            raise Conflict(f"bridge {given} already carries network {holders[given]!r}")
        names: list[str] = []
        for _ in vlans:
            public = (options.public_interface,) if names else ()  # it may be the one that is named
            names.append(bridges.next_free(name, (*holders, *names, *public)))
        return names


FLAT_DHCP = FlatDhcpManager(
    kind="flatdhcp",
    required="bridge",
    creates_bridge=True,
    creates_vlan=False,
    serves_dhcp=True,
    reaps_addresses=True,
    has_floating_addresses=True,
    counts_fixed_addresses=True,
    gives_networks_to_projects=False,
    bottom_reserved=2,
)


def has_external_gateway(network: Network) -> bool:
    """Whether guests are told of a router that is not this host, though it serves them."""
    return network.dhcp_server is not None and network.dhcp_server != network.gateway


def nat_snat(network: Network, options: Options) -> tuple[Rule, ...]:
    """Source NAT of what leaves the network through the public interface."""
    if not options.routing_source_ip:
        return ()
    source = f"-j SNAT --to-source {options.routing_source_ip}"
    if has_external_gateway(network):
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
        *(_rule(network, text) for text in kept_sources(network, options)),
        _rule(network, f"-s {cidr} -d {cidr} -m conntrack ! --ctstate DNAT -j ACCEPT"),
    )


def kept_sources(network: Network, options: Options) -> Iterator[str]:
    """Who asks for a floating address of dmz_cidr keeps its own too: by then it is another's.

    The destination has been translated already, only the connection knows what was asked for.
    """
    for range_ in options.dmz_cidr:
        cidr = IPNetwork(range_).cidr
        if cidr.prefixlen:
            asked = cidr.ip if cidr.size == 1 else cidr
            yield f"-s {network.cidr} -m conntrack --ctorigdst {asked} -j ACCEPT"


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
    return Rule(spec, subject.network(network.label))
