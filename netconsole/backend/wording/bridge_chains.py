"""Which chains of ebtables a host should hold. Pure.

The fence: hosts that share a gateway address must not hear each other's answers for it, nor each
other's DHCP; what speaks of it stays on this side of the interface between them.
The redirection: what a guest sends to a router other than this host is routed here all the same
where only this host can translate it.
The texts are in the form in which ebtables-save prints them.
"""

from collections.abc import Iterable, Mapping, Sequence

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.managers.flatdhcp import has_external_gateway
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import ChainKey, Rule, TableName
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import HOST
from netconsole.backend.wording.chains import Association


def fence(shared: Iterable[tuple[Network, str]]) -> dict[ChainKey, tuple[Rule, ...]]:
    """Chains for networks whose address is shared, each with the interface to the other hosts."""
    chains: dict[str, list[Rule]] = {"INPUT": [], "FORWARD": [], "OUTPUT": []}
    for network, interface in shared:
        address, about = network.dhcp_server, subject.network(network.label)
        dhcp = "--ip-proto udp --ip-dport 67:68 -j DROP"
        chains["INPUT"].append(Rule(f"-p ARP -i {interface} --arp-ip-dst {address} -j DROP", about))
        chains["OUTPUT"].append(
            Rule(f"-p ARP -o {interface} --arp-ip-src {address} -j DROP", about)
        )
        chains["FORWARD"].append(Rule(f"-p IPv4 -i {interface} {dhcp}", about))
        chains["FORWARD"].append(Rule(f"-p IPv4 -o {interface} {dhcp}", about))
    return _table("filter", chains) if chains["INPUT"] else {}


def redirection(
    networks: Iterable[Network], associations: Sequence[Association], options: Options
) -> dict[ChainKey, tuple[Rule, ...]]:
    """Chains for those networks whose gateway is another router, by which nothing comes back.

    A frame that is for that router becomes one for this host when a floating address has to be
    put on its packet, or when it goes to a range of `force_snat_range`.
    """
    rules: list[Rule] = []
    for network in filter(has_external_gateway, networks):
        cidr = IPNetwork(network.cidr)
        for range_ in options.force_snat_range:
            match = f"-p IPv4 --ip-src {cidr}{_destination(range_)}"
            rules.append(Rule(f"{match} -j redirect", subject.network(network.label)))
        for each in associations:
            if each.interface != network.bridge and each.fixed in cidr:
                match = f"-p IPv4 --logical-in {network.bridge} --ip-src {each.fixed}"
                about = subject.floating(each.floating)
                rules.append(Rule(f"{match} --ip-dst ! {cidr} -j redirect", about))
    return _table("nat", {"PREROUTING": list(dict.fromkeys(rules))}) if rules else {}


def _destination(range_: str) -> str:
    """As ebtables-save prints it: a single address bare, and nothing for everywhere."""
    cidr = IPNetwork(range_).cidr
    if cidr.prefixlen == 0:
        return ""
    return f" --ip-dst {cidr.ip if cidr.size == 1 else cidr}"


def _table(
    table: TableName, chains: Mapping[str, Sequence[Rule]]
) -> dict[ChainKey, tuple[Rule, ...]]:
    """Our own chains, each with the jump to it."""
    jumps = {
        ChainKey("bridge", table, chain): (Rule(f"-j {CHAIN_PREFIX}{chain}", HOST),)
        for chain in chains
    }
    own = {
        ChainKey("bridge", table, f"{CHAIN_PREFIX}{chain}"): tuple(rules)
        for chain, rules in chains.items()
    }
    return {**jumps, **own}
