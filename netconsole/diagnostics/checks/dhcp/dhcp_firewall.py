"""C5: does this host's packet filter let in what guests ask it: DHCP, DNS and metadata?"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Aspect, Flow
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.phrases import capitalized
from netconsole.backend.model.subject import METADATA
from netconsole.backend.survey.status import NetworkStatus
from netconsole.backend.survey.trouble import Reach
from netconsole.backend.wording.rule_subjects import aim_of
from netconsole.diagnostics.checks.filters.forward_filter_cure import LOCKED
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles
from netconsole.diagnostics.parts.journeys import Journeys
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.acceptance import let_pass
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.filter_walk import Drop
from netconsole.diagnostics.reasoning.inbound import drops_inbound, drops_outbound, is_total
from netconsole.diagnostics.reasoning.lost_paths import dropped_by_rules
from netconsole.diagnostics.reasoning.lost_words import remedy_of, rows_of, sentence
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan
from netconsole.diagnostics.reasoning.socket_owner import ROOT, as_started

ID: Final = "dhcp_firewall"
TITLE = "The packet filter lets DHCP, DNS and metadata in from the guests"
REMEDY = "`netconsole apply` puts the jump to nova-network-INPUT back, in front of other rules."
INSERTED = (
    "The fix lets the service's port in from this bridge alone, right before the rule that "
    "drops: that one stays, and those above still decide first. Whoever loads the packet filter "
    "at boot has to be told as well"
)

_ANY_ADDRESS: Final[frozenset[Aspect]] = frozenset({"source", "destination"})
"""A guest that renews its address asks from there, and this host alone."""
_SERVICES = {
    ("udp", 67): "DHCP requests",
    ("udp", 53): "DNS questions",
    ("tcp", 53): "DNS questions by TCP",
}
"""Of dnsmasq; who gets a long answer by UDP cut short asks once more by TCP (RFC 7766)."""
_METADATA = "questions for metadata"
_OWNERS_WAY = {
    "firewalld": "firewall-cmd --permanent --zone=trusted --add-interface={bridge}",
    "ufw": "ufw allow in on {bridge} to any port {port} proto {protocol}",
}


def judge(snapshot: Snapshot) -> Finding:
    """Lead packets of each sort through the rules on their way in."""
    host, found = snapshot.part(Backend), snapshot.part(PacketFilter)
    served = {each.bridge for each in host.status.dnsmasq if each.state != "foreign"}
    networks = [each for each in host.status.networks if each.bridge in served]
    steps = claimed(host.plan, ID)
    metadata = _metadata_place(snapshot)
    drops = [
        drop
        for each in networks
        for flow in _flows(each, metadata)
        for drop in drops_inbound(found, flow)
    ]
    total = [drop for drop in drops if is_total(drop)]
    rows = (
        *(_row(each) for each in drops),
        *(Evidence("not yet done", command) for command in steps.commands),
    )
    if total:
        because = _explained(total)
        fix = host.fix if steps else let_pass(total, found.command, _ANY_ADDRESS)
        remedy = REMEDY if steps else _remedy(snapshot, total[0]) if fix else LOCKED
        return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, remedy=remedy)
    if unheard := tuple(_unheard(snapshot, networks, metadata)):
        because = _said_of_answers(unheard[0])
        told = (*rows, *(_row(each) for each in unheard))
        return Finding(ID, TITLE, "fail", because, told, _RULES_OUT[:1], remedy=_OF_OTHERS)
    if met := dropped_by_rules(snapshot, {"lease", "names"}, but={"world", "floating"}):
        told = (*rows, *(row for each in met for row in rows_of(each)))
        said = sentence(met[0])
        return Finding(ID, TITLE, "fail", said, told, _RULES_OUT[:1], remedy=remedy_of(met[0]))
    if steps:
        because = (
            "The rules that let DHCP, DNS and metadata in from the bridges are not as they should "
            f"be: {steps.commands[0]}. Nothing drops such packets now, but any rule that is added "
            "may."
        )
        return Finding(ID, TITLE, "warn", because, rows, (), host.fix, remedy=REMEDY)
    if not networks:
        return Finding(ID, TITLE, "not-applicable", "No network here is served by dnsmasq.")
    if reason := found.foreign_unread:
        because = f"No rule of iptables drops what guests ask this host. Not read: {reason}."
        return Finding(ID, TITLE, "ok", because, rows, confidence="likely")
    because = "No rule, of iptables or nftables, drops what guests ask this host."
    return Finding(ID, TITLE, "ok", because, rows)


_RULES_OUT = (
    "dnsmasq_processes: a packet that is dropped on its way in reaches no process at all",
    "dhcp_hosts: the request of every instance is dropped, known or not",
)


def _unheard(
    snapshot: Snapshot, networks: Sequence[NetworkStatus], metadata: tuple[str, int] | None
) -> Iterator[Drop]:
    """Where rules of others certainly drop what this host answers guests, on its way out."""
    servers = {
        each.network: server
        for each in snapshot.part(Backend).status.dnsmasq
        for server in (snapshot.get(DnsmasqFiles) or DnsmasqFiles()).readers
        if server.pid in each.pids
    }
    seen = snapshot.part(PacketFilter)
    for each in networks:
        sender = as_started(servers.get(each.label))
        sent = [(flow, sender) for flow in _answers(each)]
        if metadata is not None:
            sent.append((_answer_of_metadata(each, metadata), ROOT))
        for flow, sender in sent:
            for drop in drops_outbound(seen, flow, sender):
                if is_total(drop) and not drop.chain.startswith(CHAIN_PREFIX):
                    yield drop


def _answers(network: NetworkStatus) -> Iterator[Flow]:
    """What dnsmasq says: an address to everybody, as who asks has none, and names."""
    bridge, server = network.bridge, IPv4Network(network.dhcp_server or "0.0.0.0/0")
    for port, to, state in (
        (67, "255.255.255.255", "NEW"),
        (53, network.cidr, "ESTABLISHED"),
    ):
        words = f"{_ANSWERS[port]} to {bridge}"
        ends, states = (server, IPv4Network(to)), frozenset({state})
        yield Flow(words, bridge, "", bridge, *ends, states, protocol="udp", source_port=port)


def _answer_of_metadata(network: NetworkStatus, place: tuple[str, int]) -> Flow:
    """What the metadata service says; it runs as root."""
    bridge, ends = network.bridge, (_end_of(network, place[0]), IPv4Network(network.cidr))
    words, states = f"{_METADATA_ANSWERS} to {bridge}", frozenset({"ESTABLISHED"})
    return Flow(words, bridge, "", bridge, *ends, states, protocol="tcp", source_port=place[1])


def _end_of(network: NetworkStatus, address: str) -> IPv4Network:
    """This host's end of a connection that was led to an address: a rule that redirects leads to
    the bridge's own."""
    return IPv4Network(network.dhcp_server or "0.0.0.0/0" if address == "127.0.0.1" else address)


_ANSWERS = {67: "DHCP answers", 53: "DNS answers"}
_METADATA_ANSWERS = "answers of the metadata service"
_OF_OTHERS = (
    "The rule is not ours. Who made it has to take it away, or to leave out what leaves by the "
    "bridges of networks."
)


def _said_of_answers(drop: Drop) -> str:
    count = "" if drop.packets is None else f" It has dropped {drop.packets} packets so far."
    return (
        f"{capitalized(drop.place)} drops {drop.flow.words}: {drop.text}. Questions of guests "
        f"reach this host, and guests hear nothing of what it says.{count}"
    )


def _metadata_place(snapshot: Snapshot) -> tuple[str, int] | None:
    """The address and port of this host to which guests are led for metadata."""
    led = (rule for rule in snapshot.part(Backend).status.nat if rule.subject == METADATA)
    place = next((aim_of(rule.rule) for rule in led), None)
    routing = snapshot.get(Routing) or Routing()
    own = {each.address for each in routing.addresses} | {"127.0.0.1"}
    return place if place is not None and place[0] in own else None


def _flows(network: NetworkStatus, metadata: tuple[str, int] | None) -> Iterator[Flow]:
    """What guests ask this host: for an address, without one yet, for names, and for metadata."""
    bridge = network.bridge
    server = network.dhcp_server or "0.0.0.0/0"
    for protocol, port, source, destination in (
        ("udp", 67, "0.0.0.0", "255.255.255.255"),  # noqa: S104  a source
        ("udp", 53, network.cidr, server),
        ("tcp", 53, network.cidr, server),
    ):
        words = f"{_SERVICES[protocol, port]} from {bridge}"
        ends = IPv4Network(source), IPv4Network(destination)
        yield Flow(words, bridge, bridge, "", *ends, protocol=protocol, port=port)
    if metadata is not None:
        address, port = metadata
        ends = IPv4Network(network.cidr), _end_of(network, address)
        words = f"{_METADATA} from {bridge}"
        yield Flow(words, bridge, bridge, "", *ends, protocol="tcp", port=port)


def _explained(dropped: Sequence[Drop]) -> str:
    first = dropped[0]
    bridge = first.flow.bridge
    flows = [each.flow for each in dropped if each.flow.bridge == bridge]
    asked = dict.fromkeys(_SERVICES.get((each.protocol, each.port), _METADATA) for each in flows)
    if _SERVICES["udp", 53] in asked:
        asked.pop(_SERVICES["tcp", 53], None)
    what = " and ".join(asked)
    who = "dnsmasq hears" if asked.keys() & {*_SERVICES.values()} else "the service hears"
    count = "" if first.packets is None else f" It has dropped {first.packets} packets so far."
    said = (
        f"{capitalized(first.place)} drops {what} that come in by {bridge}, "
        f"before {who} of them: {first.text}.{count}"
    )
    others = {each.flow.bridge for each in dropped} - {bridge}
    return f"{said} So it is on {', '.join(sorted(others))}." if others else said


def _row(drop: Drop) -> Evidence:
    counted = "not counted" if drop.packets is None else f"{drop.packets} packets so far"
    value = f"{'dropped' if is_total(drop) else 'some may be dropped'} by {drop.place}"
    return Evidence(drop.flow.words, value, "accepted", f"{drop.text}; {counted}")


def _remedy(snapshot: Snapshot, drop: Drop) -> str:
    owners = snapshot.get(Owners) or Owners()
    for owner in owners.of(*_OWNERS_WAY):
        way = _OWNERS_WAY[owner.name].format(
            bridge=drop.flow.bridge, port=drop.flow.port, protocol=drop.flow.protocol
        )
        return f"{INSERTED}: {owner.name} manages it here ({owner.because}): {way}"
    return f"{INSERTED}."


PAGE = Explanation(
    symptom="No instance of a network gets an address, or none resolves names, though dnsmasq runs "
    "and its requests are seen on the bridge; or none gets its metadata, though the service runs.",
    cause="Requests to dnsmasq and to the metadata service are packets to this host, and pass its "
    "INPUT chain like any other. A firewall that drops what it was not told of drops them too. Our "
    "own rules accept them in nova-network-INPUT, to which INPUT has to jump before it drops.",
    evidence="A DHCP request, DNS questions by UDP and TCP and one for metadata of each network "
    "are led through every table on their way in, and the answers on their way out, of both halves "
    "of the kernel and of nftables, rule by rule; a rule may ask whose program sends, and one with "
    "a condition that is not understood decides nothing. `doctor --probe` sends such packets and "
    "follows them and their answers. The rule's counter says how many it has dropped.",
    look_alikes=(
        ("dhcp_hosts", "one instance alone gets no address."),
        ("dnsmasq_processes", "no dnsmasq runs, or it is stopped; no counter of a DROP moves."),
        ("bridge", "the requests are not even seen on the bridge."),
    ),
    cure="Where our jump is missing or behind others, `netconsole apply` puts it in front. Where a "
    "table before that drops, a rule for this bridge and port is put right before the one that "
    "drops, behind those above it; where a policy drops, at the end. For good: tell whoever loads "
    "the rules, as `firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE` does.",
    source="iptables(8), iptables-extensions(8), nft(8); firewalld.zones(5)",
)

CHECK = Check(
    ID,
    ("C5",),
    TITLE,
    frozenset({Backend, PacketFilter}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({DnsmasqFiles, Owners, Routing, Journeys}),
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.NETWORK,
    wrong="The packet filter keeps out DHCP, DNS or metadata requests of guests",
)
