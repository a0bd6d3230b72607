"""Do instances answer at their own ports? It halves the space between guest and network."""

from collections.abc import Sequence
from typing import Final

from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswer, GuestAnswers
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.guest_trouble import GuestTrouble, GuestWorld, troubles

ID: Final = "guest_answers"
TITLE = "Instances answer at their own ports"
WRONG = "An instance does not do at its port what its network expects"
NOBODY = "No instance has a port here that is up."
SEVERAL: Final = 3
"""Guests that are silent at once, each with a lease, have something in common."""
SHARED: Final = (
    "Look at what they have in common: the hypervisor that carries them (does it run, is it out of "
    "memory or processor time?), vhost_net, a program of XDP or tc at their ports."
)
_ORDER: Final[tuple[Verdict, ...]] = ("fail", "warn", "info")


def judge(snapshot: Snapshot) -> Finding:
    """Tell what is wrong in a guest, and who is silent."""
    found, status = snapshot.part(GuestAnswers), snapshot.part(Backend).status
    rows = _rows(found)
    if not found.answers:
        return Finding(ID, TITLE, "not-applicable", NOBODY)
    seen = [
        each
        for each in found.answers
        if each.macs or each.used or each.is_asked or not each.has_carrier
    ]
    seen = [each for each in seen if each.macs or not each.is_veiled]
    if not seen:
        because = (
            "Whether instances answer cannot be seen: no question leaves by their ports, or a "
            "program of XDP there takes frames before anybody sees them."
        )
        return Finding(ID, TITLE, "unknown", because, rows)
    leased = {each.address for each in status.allocations if each.leased}
    silent = [each for each in seen if each.is_silent and not each.is_veiled]
    if len(silent) >= SEVERAL and all(each.address in leased for each in silent):
        return _all_silent(silent, rows)
    world = GuestWorld.of(snapshot)
    told = [
        trouble
        for each in found.answers
        for trouble in troubles(each, world, is_meant=_is_meant(each, snapshot.target))
    ]
    if told:
        return _told(told, rows)
    count = len(seen)
    because = f"All {count} answer." if count > 1 else "It answers."
    out = ("a guest that is off or without its address: it answers",)
    return Finding(ID, TITLE, "ok", because, rows, out)


def _is_meant(each: GuestAnswer, target: Target | None) -> bool:
    return target is not None and each.instance == target.instance


def _told(told: Sequence[GuestTrouble], rows: tuple[Evidence, ...]) -> Finding:
    first = min(told, key=lambda each: _ORDER.index(each.verdict))
    names = dict.fromkeys(
        each.guest.instance
        for each in told
        if each.verdict == first.verdict and each.guest != first.guest
    )
    more = f" Something is to be said of {len(names)} more: {', '.join(names)}." if names else ""
    because = first.because + more
    return Finding(
        *(ID, TITLE, first.verdict, because, rows),
        remedy=first.remedy,
        confidence=first.confidence,
    )


def _all_silent(silent: Sequence[GuestAnswer], rows: tuple[Evidence, ...]) -> Finding:
    names = ", ".join(each.instance for each in silent)
    because = (
        f"{len(silent)} instances with a lease answer no ARP at their own ports ({names}): so many "
        "guests are not off or without their addresses at once. What carries them is at fault, "
        "between their ports and themselves."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=SHARED, confidence="likely")


def _rows(found: GuestAnswers) -> tuple[Evidence, ...]:
    rows = [_row(each) for each in found.answers]
    for each in found.answers:
        rows += [
            Evidence(f"{each.instance} speaks as", used.address, each.address, used.mac)
            for used in each.used[:3]
        ]
        for talk in each.talks[:6]:
            ends = (each.instance, talk.peer) if talk.begun_by_guest else (talk.peer, each.instance)
            what = f"{talk.protocol} {talk.port} from {ends[0]} to {ends[1]}"
            rows.append(Evidence(what, talk.outcome, note=f"tried {talk.times} times"))
        if (way := each.way_out) is not None:
            value = way.sends_to or (f"asks for {way.asks_for}" if way.asks_for else "nothing")
            rows.append(Evidence(f"{each.instance} sends to {way.destination} by", value))
    if found.unasked:
        rows.append(Evidence("instances not asked", str(found.unasked), note="too many"))
    return tuple(rows)


def _row(each: GuestAnswer) -> Evidence:
    known = "answers ARP" if each.echoed is None else "answers ARP only"
    value = "echoes" if each.echoed else known if each.macs else "silent"
    if not each.has_carrier:
        value = "nobody: the port has no carrier"
    elif not each.is_asked:
        value = "not asked: the question does not leave by the port"
    elif each.is_veiled and not each.macs:
        value = "not seen: a program of XDP is at the port"
    note = f"{each.port}, {', '.join(each.macs) or 'no MAC address'}"
    return Evidence(f"{each.instance} {each.address}", value, "echoes", note)


PAGE = Explanation(
    symptom="An instance cannot be reached, and it is not known whether it is the instance or the "
    "way to it.",
    cause="A guest that is off, has no address, or another address, hardware address, mask, router "
    "or name server than its network's, a program that does not listen, or a filter of its own: "
    "nothing of that is a fault of the host. Where one answers at its own port rightly, what is "
    "wrong lies on the host or beyond: bridge, filter, routes or NAT.",
    evidence="ARP and echo requests, written out of the guest's own port, past bridge, rules and "
    "routes, and all that comes in there, seen before these can take it. Echo requests from "
    "addresses of the network that nobody has show its mask, one from another network its router. "
    "A guest that does not answer for its address is asked for every other of its network, at its "
    "port alone. With a target what it does by itself is watched for some seconds: which name "
    "server it asks, what it refuses.",
    look_alikes=(
        ("packet_loss", "the guest answers at its port, and its packets end on the host."),
        ("address_conflict", "something else answers as well, behind another port."),
        ("bridge", "the port is out of its bridge or down: link evidence shows it."),
        ("dhcp_probe", "the guest asks for an address, and no server answers."),
    ),
    cure="In the guest, not on the host.",
    source="RFC 826; RFC 1122 sections 3.2.2.6, 3.3.1; RFC 3927; packet(7)",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Routing, Links, GuestAnswers}),
    1.5,
    judge,
    PAGE,
    wrong=WRONG,
)
