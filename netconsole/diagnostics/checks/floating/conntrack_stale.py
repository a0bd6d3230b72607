"""D4: do tracked connections still go to whom a floating address belonged before?"""

from collections.abc import Sequence
from typing import Final

from netconsole.backend.steps import EndConnections, Plan
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.connections import Connections, TranslatedFlows
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating

ID: Final = "conntrack_stale"
TITLE = "No connection outlives its floating address"
SHOWN = 8
REMEDY = (
    "The fix makes the kernel forget these connections and no others. It cannot be undone: their "
    "ends see them break, and what is still allowed is connected anew."
)


def judge(snapshot: Snapshot) -> Finding:
    """Compare each translation of a floating address that is under way with the store."""
    status, seen = snapshot.part(Backend).status, snapshot.part(Connections)
    if not status.floating_ips:
        return Finding(ID, TITLE, "not-applicable", "There is no floating address.")
    belongs = {each.address: each.fixed_address for each in status.floating_ips}
    known = [each for each in seen.translations if each.outer in belongs and each.live]
    stale = [each for each in known if each.inner != belongs[each.outer]]
    if stale:
        return _stale(stale, status)
    count = sum(each.live for each in known)
    because = (
        f"Connections through floating addresses under way: {count}, each with the instance that "
        "the address belongs to."
    )
    return Finding(ID, TITLE, "ok", because, tuple(_row(each, "") for each in known[:SHOWN]))


def _stale(stale: Sequence[TranslatedFlows], status: Status) -> Finding:
    first = stale[0]
    owner = next(each for each in status.floating_ips if each.address == first.outer)
    now = (
        f"now belongs to {owner.instance or owner.fixed_address}"
        if owner.fixed_address
        else "belongs to nobody now"
    )
    count = sum(each.live for each in stale)
    because = (
        f"{first.outer} {now}, but connections that were begun before ({count}) are still "
        f"translated between a floating address and {first.inner}: rules of the nat table are "
        "asked only for the first packet of a connection, and what they said then holds until it "
        "ends. New connections go as the rules say."
    )
    rows = tuple(_row(each, "no such connection") for each in stale[:SHOWN])
    if len(stale) > SHOWN:
        rows = (*rows, Evidence("more of the kind", str(len(stale) - SHOWN)))
    pairs = dict.fromkeys((each.outer, each.inner) for each in stale)
    fix = Plan(tuple(EndConnections(outer, inner) for outer, inner in pairs))
    rules_out = ("floating_nat: the rules decide on new connections, these were begun before",)
    return Finding(ID, TITLE, "fail", because, rows, rules_out, fix, Plan(), REMEDY)


def _row(each: TranslatedFlows, expected: str) -> Evidence:
    arrow = "to" if each.way == "in" else "for"
    return Evidence(
        f"connections through {each.outer} {arrow} {each.inner}",
        str(each.live),
        expected,
        each.example,
    )


PAGE = Explanation(
    symptom="After a floating address was taken away or moved, a session that was open before goes "
    "on with the old instance, while new ones are refused or reach the new one.",
    cause="The kernel decides on translation once, by the first packet, and keeps the decision "
    "with the connection (conntrack). Measured on Linux 6.18: an established TCP connection "
    "survives the removal of its rule and of the address itself, as long as any rule of any nat "
    "table is left on the host.",
    evidence="`conntrack -L` lists what is tracked with both its ways. A connection to a floating "
    "address whose replies come from another instance than the store says, or from an instance "
    "that the store gives another address, was begun under former rules. Those in TIME_WAIT and "
    "CLOSE carry nothing more and are passed over.",
    look_alikes=(
        ("floating_nat", "new connections go wrong as well, for a rule is left over or missing."),
        ("floating_address", "nothing arrives any more, new or old."),
        (
            "an address that outside still knows by ARP",
            "the packets reach another host, and nothing is tracked here.",
        ),
    ),
    cure="`conntrack --delete` for just the pairs of floating and fixed address that no longer "
    "belong together. The next packet of such a connection finds no translation; its ends see a "
    "reset or a timeout. Nothing brings it back. Disassociating through netconsole does this by "
    "itself.",
    source="conntrack(8); iptables-extensions(8), DNAT: only the first packet of a connection; "
    "measured",
)

CHECK = Check(
    ID,
    ("D4",),
    TITLE,
    frozenset({Backend, Connections}),
    0.2,
    judge,
    PAGE,
    narrow=narrowed(of_floating),
    wrong="A connection has outlived its floating address",
)
