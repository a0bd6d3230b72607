"""B1: do frames between two ports of one bridge meet iptables, and what becomes of them there?"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Aspect, Flow
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.survey.status import NetworkStatus
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.bridges import bridge_nf_unmet
from netconsole.diagnostics.checks.filters.forward_filter import flows as routed_flows
from netconsole.diagnostics.checks.filters.forward_filter_cure import AT_NEXT_START
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.journeys import Journeys, Purpose
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.displaced import let_pass_or_move
from netconsole.diagnostics.reasoning.filter_walk import Drop, drops, rulesets
from netconsole.diagnostics.reasoning.lost_paths import dropped_by_rules
from netconsole.diagnostics.reasoning.lost_words import remedy_of, rows_of, sentence
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan

ID: Final = "bridge_nf"
TITLE = "iptables treats frames from port to port of a bridge as meant"
GLOBAL: Final = "net/bridge/bridge-nf-call-"
_ANY_ADDRESS: Final[frozenset[Aspect]] = frozenset({"source", "destination"})
"""Frames are broadcast as well, and sent by guests that have no address yet."""
_ROUTED: Final[frozenset[Purpose]] = frozenset({"lease", "names", "world", "floating"})
"""What leaves the bridge: rules that end such packets as well are of other checks."""
TABLES: Final = ("iptables", "ip6tables", "arptables")
PASSED_BY: Final = (
    "Frames between two ports of one bridge do not meet iptables, as neither the setting of the "
    "host nor that of the bridge asks for it: security groups do not hold between its guests, and "
    "a rule about its ports never sees them."
)
ASKED: Final = "`netconsole apply` has the bridge ask for it; the setting of the host stays."
COST: Final = (
    "Switching bridge-nf-call off for the whole host, as the guide does, cures it too, and takes "
    "security groups and anti-spoofing from all bridged traffic, of Docker and Kubernetes as well: "
    "sysctl -w net.bridge.bridge-nf-call-iptables=0 (-ip6tables, -arptables alike)."
)


def judge(snapshot: Snapshot) -> Finding:
    """Lead a frame from guest to guest through the rules, where it meets them at all."""
    host, seen = snapshot.part(Backend), snapshot.part(PacketFilter)
    status = host.status
    if not status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no bridge of a network here.")
    rows = tuple(_settings(snapshot))
    if unasked := claimed(host.plan, ID):
        rows += tuple(Evidence("not yet done", command) for command in unasked.commands)
        return Finding(ID, TITLE, "fail", PASSED_BY, rows, (), host.fix, remedy=ASKED)
    called = [each for each in status.networks if _called(snapshot, each.bridge)]
    if not called and (rules := tuple(bridge_nf_unmet.about_ports(seen))):
        return _unmet(snapshot, rules, rows)
    if not called:
        because = (
            "Frames between two ports of one bridge do not meet iptables: neither the setting of "
            "the host nor that of a bridge asks for it. Nothing drops them there, and no security "
            "group or anti-spoofing rule of iptables can hold them back either."
        )
        return Finding(ID, TITLE, "info", because, rows)
    found = _dropped(called, seen, tuple(routed_flows(status)))
    if not found and (met := dropped_by_rules(snapshot, {"neighbour"}, but=_ROUTED)):
        rows = (*rows, *(row for each in met for row in rows_of(each)))
        return Finding(
            ID, TITLE, "fail", sentence(met[0]), rows, _rules_out(), remedy=remedy_of(met[0])
        )
    if not found:
        because = "They meet iptables, and every table lets them pass from guest to guest."
        return Finding(ID, TITLE, "ok", because, rows)
    first = found[0]
    count = f" It has dropped {first.packets} packets." if first.packets else ""
    because = (
        f"Frames from guest to guest on {first.flow.bridge} never leave the bridge, and yet end at "
        f"{first.place}: {first.text}. br_netfilter leads bridged frames through FORWARD as if "
        f"they were routed, because {_why(snapshot, first.flow.bridge)}.{count}"
    )
    owners = snapshot.get(Owners) or Owners()
    rows = (
        *rows,
        *(_drop(each) for each in found),
        *(Evidence(f"manages rules: {each.name}", each.because) for each in owners.owners),
        Evidence(AT_BOOT, AT_NEXT_START),
    )
    fix = let_pass_or_move(found, seen.command, _ANY_ADDRESS)
    return Finding(ID, TITLE, "fail", because, rows, _rules_out(), fix, remedy=COST)


def _unmet(
    snapshot: Snapshot, rules: tuple[tuple[str, str], ...], rows: tuple[Evidence, ...]
) -> Finding:
    """Rules that were made for bridged frames, and meet none."""
    because = bridge_nf_unmet.explained(len(rules))
    persist, permanence = bridge_nf_unmet.kept(snapshot)
    rows = (*rows, *bridge_nf_unmet.unmet(rules), permanence)
    fix, remedy = bridge_nf_unmet.enforce(snapshot), bridge_nf_unmet.REMEDY
    return Finding(ID, TITLE, "warn", because, rows, (), fix, persist, remedy)


def _dropped(
    networks: Sequence[NetworkStatus], seen: PacketFilter, routed: tuple[Flow, ...]
) -> list[Drop]:
    """Drops of bridged frames that routed packets do not meet: those are `forward_filter`'s."""
    flows = tuple(_flow(each) for each in networks)
    found = []
    for table in rulesets(seen):
        others = {(each.chain, each.position) for each in drops(table, routed) if each.certain}
        found += [
            each
            for each in drops(table, flows)
            if each.certain
            and not each.chain.startswith(CHAIN_PREFIX)
            and (each.chain, each.position) not in others
        ]
    return found


def _flow(network: NetworkStatus) -> Flow:
    inside, bridge = IPv4Network(network.cidr), network.bridge
    words = f"frames from guest to guest of {network.label}"
    return Flow(words, bridge, bridge, bridge, inside, inside, bridged=True)


def _called(snapshot: Snapshot, bridge: str) -> bool:
    """Whether frames on this bridge meet iptables: the host's setting or the bridge's own."""
    return _global(snapshot, "iptables") == "1" or _own(snapshot, bridge)


def _global(snapshot: Snapshot, table: str) -> str:
    return snapshot.part(Sysctls).get(f"{GLOBAL}{table}")


def _own(snapshot: Snapshot, bridge: str) -> bool:
    link = snapshot.part(Links).get(bridge)
    return link is not None and link.bridge is not None and link.bridge.nf_call_iptables


def _why(snapshot: Snapshot, bridge: str) -> str:
    if _global(snapshot, "iptables") == "1":
        return "net.bridge.bridge-nf-call-iptables is 1"
    return f"nf_call_iptables of {bridge} itself is 1"


def _settings(snapshot: Snapshot) -> Iterator[Evidence]:
    if not any(_global(snapshot, table) for table in TABLES):
        yield Evidence("br_netfilter", "not loaded", note="no bridged frame meets iptables")
    for table in TABLES:
        if value := _global(snapshot, table):
            key = f"{GLOBAL}{table}"
            yield Evidence(name_of(key), value, note="of this network namespace; 0 switches it off")
    for network in snapshot.part(Backend).status.networks:
        own = "1" if _own(snapshot, network.bridge) else "0"
        label = f"nf_call_iptables of {network.bridge}"
        yield Evidence(label, own, note="either of the two is enough")


def _drop(drop: Drop) -> Evidence:
    packets = "" if drop.packets is None else f"{drop.packets} packets, {drop.rise} just now"
    return Evidence(f"dropped at {drop.place}", drop.text, "accept", packets)


def _rules_out() -> tuple[str, ...]:
    return (
        "forward_filter: packets that are routed in or out of the bridge meet no such rule",
        "a port that is down or isolated: the rule stands there, whatever the port does",
    )


PAGE = Explanation(
    symptom="Instances on one bridge do not reach each other, though each reaches the host and the "
    "world; it began when Docker, Kubernetes or a firewall was started. Or the reverse: rules that "
    "should keep instances apart on one bridge do nothing.",
    cause="Frames from port to port of a bridge are not routed, but br_netfilter leads them "
    "through iptables' FORWARD all the same, where net.bridge.bridge-nf-call-iptables, or the "
    "bridge's own nf_call_iptables, is 1: either is enough. A rule or policy there that was meant "
    "for routed packets drops them. With both at 0 no rule of iptables sees them, wanted or not.",
    evidence="The settings of the host and of each bridge, and every table of FORWARD read for a "
    "frame that comes in and goes out by the same bridge. The settings are those of this network "
    "namespace: they begin at 1 in a new one. Frames with a VLAN tag are passed over unless "
    "bridge-nf-filter-vlan-tagged is 1.",
    look_alikes=(
        ("forward_filter", "what is routed is dropped as well, not only what stays on the bridge."),
        ("hairpin", "only an instance that reaches itself through the bridge is cut off."),
        ("fdb", "frames go to the wrong port, and no rule counts them."),
    ),
    cure="An ACCEPT for frames that stay on the bridge, right before the rule that drops them, so "
    "that rules before it still decide; nothing that is routed meets it. In a table of nftables, "
    "which cannot ask for that, one for the same bridge at both ends, at the same place. "
    + COST
    + " Where security groups are to hold on a bridge, `netconsole apply` sets its own "
    "nf_call_iptables, and that of the host stays. Where rules about "
    "ports (-m physdev) never see a frame: the setting at 1, kept by a "
    "drop-in, and br_netfilter at boot, as the setting is lost where the module comes later.",
    source="Linux Documentation/networking/ip-sysctl.rst, bridge-nf-call-iptables; "
    "ip-link(8), nf_call_iptables",
)

CHECK = Check(
    ID,
    ("B1",),
    TITLE,
    frozenset({Backend, PacketFilter, Links, Sysctls, DropIns, Modules}),
    0.7,
    judge,
    PAGE,
    uses=frozenset({Owners, Journeys, Routing}),
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.NETWORK,
    wrong="Frames from port to port of a bridge are treated otherwise than meant by iptables",
)
