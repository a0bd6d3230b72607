"""Random rules of both languages, and packets sent through them: what the walk says, and the trace.

Run in a host with a guest in the namespace `guest`, which `in0` leads to, and a way out by eth0.
"""

import json
import random
import socket
import subprocess
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from pyroute2.netns import popns, pushns  # type: ignore[import-untyped]  # it has no types

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.walk import decisions
from netconsole.backend.kernel.whole_filter import iptables_chains, nft_tables
from netconsole.backend.model.trace_table import is_trace_table
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_walk import RuleIndex, Ruleset, rulesets
from netconsole.diagnostics.tracing.following import traversals
from netconsole.diagnostics.tracing.listening import TraceListener
from netconsole.diagnostics.tracing.marking import Marked, marking
from netconsole.diagnostics.tracing.rule_texts import read_rule_texts
from netconsole.diagnostics.tracing.trace_messages import rules_met
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, TracedPacket, Transport

SOURCE, DESTINATION = "10.0.0.2", "198.51.100.1"
PORTS: Mapping[Transport, int] = {"icmp": 0, "tcp": 80, "udp": 53}
TABLES = ("filter", "t")
"""In the order in which a packet passes them."""
SECONDS = 0.2
"""In which a packet has gone through, or ended."""

OF_IPTABLES = (
    *("", "-s 10.0.0.0/24", "-s 10.9.0.0/16", "! -s 10.0.0.2/32", "-d 198.51.100.1/32"),
    *("-d 198.51.100.128/25", "! -d 198.51.100.0/24", "-i in0", "! -i in0", "-i in+", "-o eth0"),
    *("-o eth1", "-p tcp", "-p udp --dport 53", "-p tcp --dport 80", "-p tcp --dport 1:79"),
    *("-p tcp --sport 22", "-p icmp", "! -p icmp", "-p icmp --icmp-type echo-request"),
    *("-p icmp --icmp-type echo-reply", "-m conntrack --ctstate NEW", "-p tcp --syn"),
    *("-m conntrack --ctstate ESTABLISHED", "-p tcp -m multiport --dports 22,80"),
    *("-m conntrack ! --ctstate INVALID", "-m mark --mark 0x1", "-m length --length 0:20"),
    *("-m ttl --ttl-gt 1", "-m string --algo bm --string netconsole"),
    "-m pkttype --pkt-type unicast",
)
OF_NFT = (
    *("", "ip saddr 10.0.0.0/24", "ip saddr != 10.0.0.2", "ip daddr 198.51.100.1"),
    *("ip daddr { 198.51.100.1, 192.0.2.1 }", 'iifname "in0"', 'iifname != "in0"'),
    *('oifname { "eth0", "eth1" }', 'oifname "in0"', "meta l4proto tcp", "tcp dport 80"),
    *("meta l4proto { tcp, udp }", "tcp dport 1-79", "tcp dport { 22, 80 }", "udp dport 53"),
    *("icmp type echo-request", "ct state new", "ct state established,related", "meta mark 1"),
    *("ct state { new, established }", "ip ttl 1-10", "ip length > 10", "th dport 80"),
    *("ip protocol icmp", "tcp flags syn", "meta pkttype host", "tcp dport != 1-79"),
    *("udp sport != 22", "meta protocol ip", "ct original protocol tcp", "ip saddr @some"),
    *("ip saddr . ip daddr { 10.0.0.2 . 198.51.100.1 }", "ip saddr != { 10.0.0.2, 10.0.0.3 }"),
)
_MAP = "meta l4proto vmap { tcp : jump b, udp : drop }"


def compare(seed: int, sets: int) -> None:
    """Print as JSON what was compared, for each set of rules and each protocol."""
    chance = random.Random(seed)  # noqa: S311  the same rules each time
    pushns("/run/netns/guest")
    sockets = {
        name: socket.socket(socket.AF_INET, socket.SOCK_RAW, number)
        for name, number in NUMBERS.items()
    }
    popns()
    told = []
    for _ in range(sets):
        iptables, nft = _iptables_rules(chance), _nft_rules(chance)
        subprocess.run(["iptables-restore"], input=iptables, text=True, check=True)
        subprocess.run(["nft", "-f", "-"], input=nft, text=True, check=True)
        for protocol, port in PORTS.items():
            packet = TracedPacket(protocol, DESTINATION, port, chance.randrange(1, 2**31))
            reasoned = _reasoned(packet)
            shown = _shown(packet, sockets[protocol])
            rules = f"{protocol}\n{iptables}\n{nft}"
            told.append({"rules": rules, "reasoned": reasoned, "shown": shown})
    print(json.dumps(told))


def _iptables_rules(chance: random.Random) -> str:
    policy = chance.choice(("ACCEPT", "ACCEPT", "DROP"))
    lines = ["*filter", f":FORWARD {policy} [0:0]", ":a - [0:0]", ":b - [0:0]"]
    ends = ("-j ACCEPT", "-j DROP", "-j RETURN", "-j REJECT", "", "-j LOG", "-j NFQUEUE")
    aims = {"FORWARD": ("-j a", "-j b", "-g a"), "a": ("-j b", "-g b"), "b": ()}
    for chain, leads in aims.items():
        for _ in range(chance.randrange(5)):
            target = chance.choice((*ends, *leads, *leads))
            lines.append(f"-A {chain} {chance.choice(OF_IPTABLES)} {target}")
    return "\n".join((*lines, "COMMIT", ""))


def _nft_rules(chance: random.Random) -> str:
    policy = chance.choice(("accept", "accept", "drop"))
    lines = ["add table inet t", "delete table inet t", "add table inet t"]
    lines.append("add set inet t some { type ipv4_addr; elements = { 10.0.0.2 } }")
    lines += ["add chain inet t b", "add chain inet t a"]
    hook = "type filter hook forward priority 10"
    lines.append(f"add chain inet t f {{ {hook}; policy {policy}; }}")
    ends = ("accept", "drop", "return", "reject", "counter", _MAP)
    aims = {"f": ("jump a", "jump b", "goto a"), "a": ("jump b", "goto b"), "b": ()}
    for chain, leads in aims.items():
        for _ in range(chance.randrange(5)):
            target = chance.choice((*(ends if leads else ends[:-1]), *leads, *leads))
            lines.append(f"add rule inet t {chain} {chance.choice(OF_NFT)} {target}")
    return "\n".join((*lines, ""))


def _reasoned(packet: TracedPacket) -> dict[str, tuple[str | int, ...]]:
    """By table what the walk is certain of: the verdict, chain and place, or the verdict alone."""
    flow = Flow(
        *("it", "in0", "in0", "eth0", IPv4Network(SOURCE), IPv4Network(DESTINATION)),
        protocol=packet.protocol,
        port=packet.port,
        source_port=0 if packet.protocol == "icmp" else packet.source_port,
        icmp=(8, 0) if packet.protocol == "icmp" else None,
    )
    chains = tuple(iptables_chains("ipv4", ("nft",)))
    seen = PacketFilter("nft", chains, nft_tables("nft").tables)
    found = ((rules.table, _certain(rules, flow)) for rules in rulesets(seen))
    return {table: certain for table, certain in found if table in TABLES and certain}


def _certain(rules: Ruleset, flow: Flow) -> tuple[str | int, ...]:
    entry = rules.chains[rules.entry]
    policy = ("drop" if entry.drops else "accept", entry.name, 0)
    ways = decisions(entry.name, RuleIndex(rules).candidates, rules.read, flow)
    if not ways or (ways[0].is_certain and ways[0].outcome == "return"):
        return policy
    if ways[0].is_certain:
        return ways[0].outcome, ways[0].chain, ways[0].place + 1
    always = {each.outcome for each in ways} == {"drop"}
    return ("drop",) if always and (entry.drops or ways[-1].is_certain) else ()


def _shown(packet: TracedPacket, out: socket.socket) -> dict[str, tuple[str | int, ...]]:
    """By table what the kernel says that it did: verdict, chain and place, 0 for the policy."""
    with (
        TraceListener([packet], ["in0", "eth0"]) as listener,
        marking(Marked(packet.matches()), []),
    ):
        out.sendto(packet.transport(SOURCE), (packet.destination, 0))
        listener.hear(SECONDS, lambda: any(each.leaves for each in listener.of(packet).sightings))
        met = [each for each in listener.messages() if not is_trace_table(each.table)]
    texts = read_rule_texts(rules_met(met))
    found: dict[str, tuple[str | int, ...]] = {}
    for each in traversals(met, packet):
        last = each.messages[-1]
        if last.table in TABLES and each.what.way == "there":
            rule = texts.rule((last.family, last.table, last.chain), last.handle)
            found.setdefault(last.table, (last.verdict, last.chain, rule.position))
    return found


def certain_of(told: list[dict[str, dict[str, list[str | int]]]]) -> Iterator[tuple[object, ...]]:
    """Yield each thing that the walk is certain of, and what was shown of as much."""
    for each in told:
        for table in TABLES:
            shown, reasoned = each["shown"].get(table), each["reasoned"].get(table)
            if shown is None:  # it has ended before, or met no rule that is traced
                break
            if reasoned:
                yield table, reasoned, shown[: len(reasoned)], each["rules"]
