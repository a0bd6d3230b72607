"""Which chains of ebtables a host should hold: the fence around a shared address. Pure.

Hosts that share a gateway address must not hear each other's answers for it, nor each other's
DHCP: what speaks of it stays on this side of the interface between them.
The texts are in the form in which ebtables-save prints them.
"""

from collections.abc import Iterable

from netconsole.backend.hoststate import ChainKey, Rule
from netconsole.backend.records import Network
from netconsole.backend.rules import CHAIN_PREFIX


def fence(shared: Iterable[tuple[Network, str]]) -> dict[ChainKey, tuple[Rule, ...]]:
    """Chains for networks whose address is shared, each with the interface to the other hosts."""
    chains: dict[str, list[Rule]] = {"INPUT": [], "FORWARD": [], "OUTPUT": []}
    for network, interface in shared:
        address, owner = network.dhcp_server, network.label
        dhcp = "--ip-proto udp --ip-dport 67:68 -j DROP"
        chains["INPUT"].append(
            Rule(f"-p ARP -i {interface} --arp-ip-dst {address} -j DROP", owner=owner)
        )
        chains["OUTPUT"].append(
            Rule(f"-p ARP -o {interface} --arp-ip-src {address} -j DROP", owner=owner)
        )
        chains["FORWARD"].append(Rule(f"-p IPv4 -i {interface} {dhcp}", owner=owner))
        chains["FORWARD"].append(Rule(f"-p IPv4 -o {interface} {dhcp}", owner=owner))
    if not chains["INPUT"]:
        return {}
    jumps = {
        ChainKey("bridge", "filter", chain): (Rule(f"-j {CHAIN_PREFIX}{chain}"),)
        for chain in chains
    }
    own = {
        ChainKey("bridge", "filter", f"{CHAIN_PREFIX}{chain}"): tuple(rules)
        for chain, rules in chains.items()
    }
    return {**jumps, **own}
