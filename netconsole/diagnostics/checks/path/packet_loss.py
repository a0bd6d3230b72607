"""Do packets get lost on their way through this host, and between which interfaces?"""

from collections.abc import Iterator
from typing import Final

from netconsole.capture.comparison import PairReport, PointReport, Way
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Confidence, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.traffic import Traffic

ID: Final = "packet_loss"
TITLE = "Packets pass from interface to interface"
_CONFIDENCE: dict[str, Confidence] = {"high": "certain", "medium": "likely", "low": "possible"}
_WHERE = {
    "port of": "between a port and its bridge: bridge netfilter, the port's state, VLAN filtering",
    "bridge of": "between a bridge and its port: bridge netfilter, forwarding table, port, queue",
    "ports": "between two ports of a bridge: bridge netfilter, isolation, forwarding table",
    "VLAN on": "between a VLAN device and the interface below: VLAN id, offload",
    "under VLAN": "between an interface and its VLAN device: VLAN id, filtering of the card",
    "apart": "between two interfaces: routing, reverse path filter, packet filter, NAT",
}


def judge(snapshot: Snapshot) -> Finding:
    """Say between which two points packets were lost, and how sure that is."""
    traffic = snapshot.part(Traffic)
    found = traffic.comparison
    rows = tuple(_rows(traffic))
    lossy = [pair for pair in found.pairs if pair.verdict.kind == "lost"]
    if lossy:
        pair = lossy[0]
        because = " ".join(
            filter(
                None,
                (
                    pair.verdict.sentence,
                    f"They vanish {_WHERE[pair.relation]}.",
                    pair.verdict.doubt,
                ),
            )
        )
        confidence = _CONFIDENCE[pair.verdict.confidence]
        remedy = (
            f"The cause is {_WHERE[pair.relation]}: the checks of those say which. Save the "
            f"packets for a closer look: netconsole capture --on {pair.first} --on {pair.second} "
            "--write FILE."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence=confidence)
    if all(point.packets == 0 for point in found.points):
        because = (
            f"In {found.seconds:.0f} s no packet of `{traffic.expression}` was seen at "
            f"{' or '.join(traffic.points)}: nobody sent one, or they are lost before this host."
        )
        remedy = "Let someone try while it watches: add --seconds 60."
        return Finding(ID, TITLE, "info", because, rows, remedy=remedy)
    sentences = " ".join(pair.verdict.sentence for pair in found.pairs)
    return Finding(ID, TITLE, "ok", sentences, rows, ("loss inside this host",))


def _rows(traffic: Traffic) -> Iterator[Evidence]:
    yield Evidence("captured", traffic.expression, note=f"for {traffic.comparison.seconds:.1f} s")
    if traffic.expression.startswith("port 53"):
        yield Evidence("queries sent", str(traffic.asked), note=traffic.asked_from)
    for point in traffic.comparison.points:
        yield from _point(point)
    for pair in traffic.comparison.pairs:
        yield from _pair(pair)


def _point(point: PointReport) -> Iterator[Evidence]:
    lost = f"the capture itself lost {point.dropped}" if point.dropped else ""
    note = ", ".join(filter(None, (point.description, lost)))
    yield Evidence(f"at {point.interface}", f"{point.packets} packets", note=note)
    for exchange in point.exchanges:
        yield Evidence(
            f"{exchange.service} at {point.interface}",
            f"{exchange.answered} of {exchange.questions} answered",
            note=f"{exchange.waits.said}; {exchange.retransmissions} sent again",
        )
        for slow in exchange.slowest[:3]:
            took = "no answer" if slow.seconds is None else f"{slow.seconds * 1000:.1f} ms"
            yield Evidence(f"    {slow.what}", took, note=f"{slow.client} to {slow.server}")


def _pair(pair: PairReport) -> Iterator[Evidence]:
    for way in pair.ways:
        if way.sent or way.unseen:
            yield _way(way)
    for name, count in pair.changed.items():
        yield Evidence(f"{name} changed", str(count), note=f"{pair.first}, {pair.second}")


def _way(way: Way) -> Evidence:
    unseen = f"{way.unseen} seen only at {way.target}" if way.unseen else ""
    note = "; ".join(filter(None, (way.latency.said, unseen, *way.examples[:2])))
    value = f"{way.passed} of {way.sent} seen at both"
    return Evidence(f"{way.source} to {way.target}", value, f"{way.sent}", note)


PAGE = Explanation(
    symptom="Names resolve after seconds, sudo and logins hang, connections stall; now and then.",
    cause="A packet that comes in at one interface and never shows at the next was dropped in "
    "between by this host. The guide's three terminals show it: a capture on the VLAN interface, "
    "one on its bridge, and queries from inside the instance.",
    evidence="One capture at all interfaces of the path at once: DNS by default, or any filter. "
    "Each packet is looked for at the next interface, by what does not change on the way; those "
    "that never come are counted, in both directions, and the wait of each DNS query with them. "
    "Where the instance is a namespace of this host, queries are sent from inside it meanwhile. "
    "Packets that the capture itself lost are counted too: then absence is not proof.",
    look_alikes=(
        ("dns", "the packets pass, and the server answers late or not at all."),
        ("drops", "a queue overflows under load: the interface's own counters rise."),
        ("a silent guest", "nothing is sent, so that nothing is lost."),
    ),
    cure="What drops them. Between a port and its bridge that is most often bridge netfilter "
    "(bridge_nf): switching it off, as the guide does, also switches off security groups and "
    "anti-spoofing for bridged traffic, so rather accept the traffic.",
    source="packet(7), pcap-filter(7); Linux Documentation/networking/packet_mmap.rst",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Links, Traffic}),
    10.0,
    judge,
    PAGE,
    wrong="Packets do not get where they are sent",
)
