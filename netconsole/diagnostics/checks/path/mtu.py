"""A9: does every link on the way of a network carry frames as large as its guests send?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.steps import Plan, SetLink
from netconsole.backend.survey.status import NetworkStatus
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.bridges import drops
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Confidence, Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.pings import Ping, SizePings
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan, of_ports

ID: Final = "mtu"
TITLE = "Links carry frames as large as guests send"
USUAL = 1500
"""What guests use that were told nothing (RFC 894)."""
REMEDY = (
    "For good: the network's --mtu if guests are to send less, else the MTU in what configures "
    "the interface (NetworkManager, netplan, libvirt). A bridge that was never given an MTU "
    "follows its smallest port."
)
WIRE: Final = (
    "{name} is a network card: what its wire carries is not known here, and frames larger than "
    "that would be lost, this host's own as well. Raise its MTU where the switch allows it, or "
    "lower that of the network (the option --mtu of `netconsole network create`)."
)


@dataclass(frozen=True, slots=True)
class _Narrow:
    """A link that carries less than the guests of a network send."""

    network: NetworkStatus
    link: KernelLink
    wanted: int

    @property
    def is_bridge(self) -> bool:
        return self.link.name == self.network.bridge


def judge(snapshot: Snapshot) -> Finding:
    """Compare the MTU of each bridge, its ports and what is under them with what guests send."""
    host, links = snapshot.part(Backend), snapshot.part(Links)
    if not host.status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    narrow = [each for network in host.status.networks for each in _narrow(network, links)]
    steps = claimed(host.plan, ID)
    rows = (
        *(row for network in host.status.networks for row in _rows(network, links)),
        *(row for ping in _pings(snapshot) for row in _ping(ping)),
    )
    if narrow:
        wire = [each for each in narrow if not each.link.kind]
        fix = host.fix if steps else None if wire else _widen(narrow)
        verdict: Verdict = "warn" if all(each.is_bridge for each in narrow) else "fail"
        out = _rules_out(snapshot)
        remedy = WIRE.format(name=wire[0].link.name) if wire and not fix else REMEDY
        return Finding(ID, TITLE, verdict, _because(narrow), rows, out, fix, remedy=remedy)
    if steps:
        because = f"A link has not the MTU of its network: {steps.commands[0]}."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if swallowed := [each for each in _pairs(snapshot) if each[0].answered and each[1].lost]:
        return _swallowed(swallowed[0][1], snapshot, rows)
    return _wide_enough(host, links, rows)


def _narrow(network: NetworkStatus, links: Links) -> Iterator[_Narrow]:
    wanted = network.mtu or USUAL
    for link in _path(network, links):
        if link.mtu < wanted:
            yield _Narrow(network, link, wanted)


def _path(network: NetworkStatus, links: Links) -> Iterator[KernelLink]:
    """The ports, what is under those that carry a VLAN, then the bridge."""
    for port in links.ports_of(network.bridge):
        yield port
        if port.parent and (parent := links.get(port.parent)):
            yield parent
    if bridge := links.get(network.bridge):
        yield bridge


def _widen(narrow: list[_Narrow]) -> Plan:
    """Raise them, what lies beneath first: no VLAN device may carry more than its interface."""
    wanted: dict[str, _Narrow] = {}
    for each in narrow:
        known = wanted.get(each.link.name)
        if known is None or known.wanted < each.wanted:
            wanted[each.link.name] = each
    under = sorted(wanted.values(), key=lambda each: (each.is_bridge, bool(each.link.parent)))
    return Plan(
        tuple(
            SetLink(each.link.name, "mtu", str(each.wanted), str(each.link.mtu)) for each in under
        )
    )


def _because(narrow: list[_Narrow]) -> str:
    first = next((each for each in narrow if not each.is_bridge), narrow[0])
    link, network = first.link, first.network
    if first.is_bridge:
        return (
            f"{link.name} of {network.label} has an MTU of {link.mtu}, its guests use "
            f"{first.wanted}: the host fragments what it forwards to them, or asks the sender for "
            "smaller packets, and a sender that does not hear it hangs."
        )
    return (
        f"{link.name}, on {network.bridge} of {network.label}, carries {link.mtu} bytes, its "
        f"guests send up to {first.wanted}: larger frames are dropped there without a word. Ping "
        "and handshakes pass, and transfers hang."
    )


def _rules_out(snapshot: Snapshot) -> tuple[str, ...]:
    small = [ping for ping in _pings(snapshot) if not ping.size and ping.answered]
    if not small:
        return ()
    return (f"the packet filter and routes: {small[0].target} answers small packets",)


def _rows(network: NetworkStatus, links: Links) -> Iterator[Evidence]:
    wanted = network.mtu or USUAL
    note = "the network's own" if network.mtu else "usual"
    yield Evidence(f"guests of {network.label} send up to", str(wanted), note=note)
    for link in _path(network, links):
        if link.name == network.bridge or link.mtu != wanted:
            note = f"{link.dropped} packets dropped so far" if link.dropped else ""
            yield Evidence(f"MTU of {link.name}", str(link.mtu), f"{wanted} or more", note)


def _pings(snapshot: Snapshot) -> tuple[Ping, ...]:
    sent = snapshot.get(SizePings)
    return sent.pings if sent else ()


def _pairs(snapshot: Snapshot) -> Iterator[tuple[Ping, Ping]]:
    """Return small and large to the same target."""
    pings = _pings(snapshot)
    return zip(pings[::2], pings[1::2], strict=False)


def _ping(ping: Ping) -> Iterator[Evidence]:
    if ping.size:
        label = f"{ping.size} bytes to {ping.target} by {ping.interface}"
        yield Evidence(label, ping.told, note="not to be fragmented")


def _swallowed(large: Ping, snapshot: Snapshot, rows: tuple[Evidence, ...]) -> Finding:
    sent = snapshot.get(SizePings)
    limits = sent.limits if sent else ()
    found = next((each for each in limits if each.target == large.target), None)
    most = f" The largest that passes has {found.size} bytes." if found else ""
    carried = str(found.size) if found else "what passes (`ping -M do -s SIZE` finds it)"
    because = (
        f"{large.target} answers small packets, and none of {large.size} bytes, the MTU of "
        f"{large.interface}: something beyond {large.interface} carries less and says nothing, so "
        f"that transfers hang where ping works.{most}"
    )
    if drops.CHECK.examine(snapshot).found:
        because = (
            f"{large.target} answers small packets, and none of {large.size} bytes. A queue drops "
            f"packets meanwhile, as {drops.ID} says: without that it is known what is too large."
        )
        return Finding(ID, TITLE, "info", because, rows, confidence="possible")
    remedy = (
        "Find the link that carries less: a tunnel, a switch port, the guest's own interface. Or "
        f"set the MTU of {large.interface} to {carried}: this host tells senders then."
    )
    if found:
        label = f"largest packet to {found.target} by {found.interface}"
        rows = (*rows, Evidence(label, f"{found.size} bytes", f"{large.size} bytes"))
    confidence: Confidence = "certain" if found else "likely"
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence=confidence)


def _wide_enough(host: Backend, links: Links, rows: tuple[Evidence, ...]) -> Finding:
    public = links.get(host.status.host.public_interface)
    largest = max(each.mtu or USUAL for each in host.status.networks)
    if public is not None and public.mtu < largest:
        because = (
            f"{public.name} carries {public.mtu} bytes, guests send up to {largest}: the host asks "
            "them for smaller packets by ICMP, which works as long as nobody filters it."
        )
        return Finding(ID, TITLE, "info", because, rows)
    because = f"Bridges, ports and what is under them carry {largest} bytes or more."
    return Finding(ID, TITLE, "ok", because, rows)


PAGE = Explanation(
    symptom="Ping works and connections open, then hang with the first large packet: at the SSH "
    "banner, in the TLS handshake, in a download.",
    cause="A frame that is larger than the MTU of a bridge's port is dropped there, in either "
    "direction, and nobody is told: a bridge sends no ICMP. Where the host routes, it answers "
    "with ICMP `fragmentation needed` instead, and the sender has to hear that.",
    evidence="The MTU of each bridge, its ports and the interfaces under VLAN devices, against "
    "the network's own, or 1500. Where probes are allowed, pings that must not be fragmented, as "
    "large as the interface allows, to some instances and to the next routers: small answered and "
    "large not is the proof, wherever the narrow link is. Of two of them at most the largest that "
    "passes is looked for.",
    look_alikes=(
        ("drops", "a queue is full: packets are lost at random, small ones as well."),
        ("the packet filter", "the size does not matter."),
        ("offloads", "captures show frames larger than the MTU, which is normal with GRO and TSO."),
        ("bridge", "a port that is down carries nothing, of any size."),
    ),
    cure="The MTU of the narrow links is raised to what guests send, those beneath first. A bridge "
    "whose MTU nobody has set takes that of its smallest port, and goes up with it; once set, it "
    "stays. Raising that of a hardware interface can interrupt it for a moment.",
    source="ip-link(8); ping(8), -M; RFC 1191; Linux net/bridge/br_if.c, br_mtu_auto_adjust, and "
    "net/core/dev.c, is_skb_forwardable",
)

CHECK = Check(
    ID,
    ("A9",),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({SizePings}) | (drops.CHECK.needs - {Backend, Links}),
    narrow=narrowed(of_plan, of_ports, of_networks),
    reach=Reach.NETWORK,
    wrong="A link carries only smaller frames than guests send",
)
