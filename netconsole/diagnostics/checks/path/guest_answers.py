"""Do instances answer on their own network? It halves the space between guest and network."""

from typing import Final

from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswer, GuestAnswers
from netconsole.diagnostics.parts.routing import Routing

ID: Final = "guest_answers"
TITLE = "Instances answer on their own network"
NOBODY = "No instance has an address on a network that this host has one on."
REMEDY = (
    "Look at the instance itself: is it switched on, is its interface up, did it take its address "
    "(`netconsole playbook run no-address --target NAME`)?"
)


def judge(snapshot: Snapshot) -> Finding:
    """Tell silent guests from those that only do not echo."""
    found = snapshot.part(GuestAnswers)
    rows = tuple(_row(each) for each in found.answers)
    if found.unasked:
        rows = (*rows, Evidence("instances not asked", str(found.unasked), note="too many"))
    silent = [each for each in found.answers if not each.seen_mac and not each.echoed]
    closed = [each for each in found.answers if each.seen_mac and not each.echoed]
    if not found.answers:
        return Finding(ID, TITLE, "not-applicable", NOBODY)
    if silent:
        first = silent[0]
        others = f" So are {len(silent) - 1} more." if silent[1:] else ""
        because = (
            f"{first.instance} ({first.address}) does not answer ARP on its own network: the "
            f"guest is off, or has not taken its address, or its port {first.port} leads nowhere. "
            f"Nothing beyond its network is to blame.{others}"
        )
        asked = snapshot.target is not None and snapshot.target.instance != ""
        verdict: Verdict = "fail" if asked else "info"
        return Finding(ID, TITLE, verdict, because, rows, remedy=REMEDY, confidence="likely")
    if closed:
        first = closed[0]
        because = (
            f"{first.instance} ({first.address}) answers ARP and no echo request: it is there, and "
            "a filter inside it drops ping. Try the port that it serves instead."
        )
        return Finding(ID, TITLE, "info", because, rows)
    count = len(found.answers)
    because = f"All {count} answer the host." if count > 1 else "It answers the host."
    out = ("a guest that is off or without its address: it answers",)
    return Finding(ID, TITLE, "ok", because, rows, out)


def _row(each: GuestAnswer) -> Evidence:
    value = "echoes" if each.echoed else "answers ARP only" if each.seen_mac else "silent"
    note = f"{each.port}, {each.seen_mac or 'no MAC address learnt'}"
    return Evidence(f"{each.instance} {each.address}", value, "echoes", note)


PAGE = Explanation(
    symptom="An instance cannot be reached, and it is not known whether it is the instance or the "
    "way to it.",
    cause="The host is on the same network as the guest. A guest that answers the host there is "
    "running, has its address and a port that works: what is wrong lies beyond, in routing, "
    "filter or NAT. One that is silent there cannot be reached by any other way either.",
    evidence="An ARP request and one echo request from the host to the fixed address, and the "
    "neighbour entry that came of it.",
    look_alikes=(
        ("gateway", "the host has no address on the bridge: then no guest at all answers."),
        ("address_conflict", "something answers, with another MAC address than the port's."),
        ("bridge", "the port is out of its bridge or down: link evidence shows it."),
    ),
    cure="In the guest, not on the host.",
    source="RFC 826; RFC 1122 section 3.2.2.6",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Routing, GuestAnswers}),
    1.5,
    judge,
    PAGE,
    wrong="An instance does not answer on its own network",
)
