"""The ebtables part of the iptables wording, in the form in which ebtables-save prints it. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import Fence, Rerouting
from netconsole.backend.model.subject import HOST
from netconsole.backend.model.table_names import TableName

_DHCP = "--ip-proto udp --ip-dport 67:68"


def fence(fences: Iterable[Fence]) -> dict[ChainKey, tuple[Rule, ...]]:
    """Return the chains that keep hosts with the same address from hearing each other."""
    chains: dict[str, list[Rule]] = {"INPUT": [], "FORWARD": [], "OUTPUT": []}
    for each in fences:
        come, go = f"-i {each.interface}", f"-o {each.interface}"
        rules = (
            ("INPUT", f"-p ARP {come} --arp-ip-dst {each.address} -j DROP"),
            ("OUTPUT", f"-p ARP {go} --arp-ip-src {each.address} -j DROP"),
            ("FORWARD", f"-p IPv4 {come} {_DHCP} -j DROP"),
            ("FORWARD", f"-p IPv4 {go} {_DHCP} -j DROP"),
        )
        for chain, spec in rules:
            chains[chain].append(Rule(spec, each.about, interfaces=(each.interface,)))
    return _table("filter", chains) if chains["INPUT"] else {}


def redirection(reroutings: Iterable[Rerouting]) -> dict[ChainKey, tuple[Rule, ...]]:
    """Return the chains that make frames for another router frames for this host."""
    rules = list(dict.fromkeys(map(_redirect, reroutings)))
    return _table("nat", {"PREROUTING": rules}) if rules else {}


def _redirect(rerouting: Rerouting) -> Rule:
    words = ["-p IPv4"]
    if rerouting.bridge:
        words.append(f"--logical-in {rerouting.bridge}")
    words.append(f"--ip-src {rerouting.source}")
    if rerouting.destination:
        words.append(f"--ip-dst {rerouting.destination.removesuffix('/32')}")
    if rerouting.beyond:
        words.append(f"--ip-dst ! {rerouting.beyond}")
    named = (rerouting.bridge,) if rerouting.bridge else ()
    return Rule(" ".join((*words, "-j redirect")), rerouting.about, interfaces=named)


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
