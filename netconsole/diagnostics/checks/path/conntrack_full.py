"""A5: is there room for new connections in the kernel's table?"""

from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.connections import Connections
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.conntrack import (
    BUCKETS,
    COUNT,
    ESTABLISHED,
    MAX,
    make_permanent,
)

ID: Final = "conntrack_full"
TITLE = "The table of tracked connections has room"
NEARLY_FULL = 0.95
BYTES = 320
"""That an entry takes, about."""
LOST = ("conntrack.drop", "conntrack.early_drop")
"""Packets dropped, and connections forgotten early, because the table was full."""
ELSEWHERE = (
    "In this network namespace the size cannot be changed: it is set on the machine itself, for "
    "all of them."
)


def judge(snapshot: Snapshot) -> Finding:
    """Compare the count with its bound, and see whether packets are lost to it now."""
    sysctls, counters = snapshot.part(Sysctls), snapshot.part(Counters)
    count, bound = sysctls.number(COUNT), sysctls.number(MAX)
    if not bound:
        return Finding(ID, TITLE, "not-applicable", "The kernel tracks no connections here.")
    rises = {name: counters.rise(name) for name in LOST}
    rows = _rows(snapshot, rises)
    lost = sum(rises.values())
    if not lost and count < NEARLY_FULL * bound:
        past = sum(counters.total(name) for name in LOST)
        if past:
            because = f"There is room now; {past} times there was none since the host was started."
            return Finding(ID, TITLE, "info", because, rows)
        return Finding(ID, TITLE, "ok", f"{count} of {bound} are tracked.", rows)
    because = (
        f"{count} of {bound} connections are tracked"
        + (f", and {lost} were lost while this was looked at" if lost else "")
        + ". A packet that begins another one is dropped when the table is full, whatever the "
        "rules say; connections that are in it go on."
    )
    rules_out = ("forward_filter: no rule decides here, and only new connections fail",)
    verdict: Final = "fail"
    if not _first_namespace(sysctls):
        return Finding(ID, TITLE, verdict, because, rows, rules_out, remedy=ELSEWHERE)
    wanted = _larger(sysctls)
    plan, permanence = make_permanent(snapshot, wanted)
    fix = Plan(
        tuple(SetSysctl(name_of(key), value, sysctls.get(key)) for key, value in wanted.items())
    )
    rows = (*rows, Evidence(AT_BOOT, permanence))
    return Finding(ID, TITLE, verdict, because, rows, rules_out, fix, plan, _remedy(snapshot))


def _first_namespace(sysctls: Sysctls) -> bool:
    """Whether this is the network namespace that the machine was started with: only there can the
    size be set, and only there are these settings of neighbours."""
    return "net/ipv4/neigh/default/gc_thresh3" in sysctls.values


def _larger(sysctls: Sysctls) -> dict[str, str]:
    """Return twice the room, for entries and for the lists that they are found by; more only where
    that many are tracked already. It follows from the bound, so that a plan that was shown is the
    one that is carried out, though the count moves all the time."""
    double = {MAX: str(_room(sysctls))}
    if buckets := sysctls.number(BUCKETS):
        double[BUCKETS] = str(2 * buckets)
    return double


def _room(sysctls: Sysctls) -> int:
    room = 2 * sysctls.number(MAX)
    while room <= sysctls.number(COUNT):
        room *= 2
    return room


def _rows(snapshot: Snapshot, rises: dict[str, int]) -> tuple[Evidence, ...]:
    sysctls, counters = snapshot.part(Sysctls), snapshot.part(Counters)
    found = snapshot.get(Connections)
    bound = sysctls.get(MAX)
    return (
        Evidence(name_of(COUNT), sysctls.get(COUNT), f"less than {bound}"),
        Evidence(name_of(MAX), bound, note=snapshot.part(DropIns).says_who(MAX, bound)),
        *(
            Evidence(name, str(counters.total(name)), note=f"{rise} of them just now")
            for name, rise in rises.items()
        ),
        *(
            Evidence(f"connections begun by {source}", str(number))
            for source, number in list(found.sources.items() if found else ())[:3]
        ),
    )


def _remedy(snapshot: Snapshot) -> str:
    sysctls, found = snapshot.part(Sysctls), snapshot.get(Connections)
    more = (_room(sysctls) - sysctls.number(MAX)) * BYTES // 2**20
    said = f"The larger table takes up to {more} MiB more of the kernel's memory."
    source, number = next(iter(found.sources.items() if found else ()), ("", 0))
    if found and number > found.count / 2:
        said = f"{source} began more than half of them: look there first. {said}"
    hours = sysctls.number(ESTABLISHED) // 3600
    if hours > 24:
        said += (
            f" An idle TCP connection stays for {hours} hours "
            f"({name_of(ESTABLISHED)}); less would make room as well."
        )
    return said


PAGE = Explanation(
    symptom="New connections fail at random while old ones go on; the kernel's log says "
    "`nf_conntrack: table full, dropping packet`.",
    cause="A host with NAT tracks every connection that passes it. When nf_conntrack_max are "
    "tracked, the kernel forgets one that has seen no reply yet (early_drop), or drops the packet "
    "that would begin another.",
    evidence="nf_conntrack_count against nf_conntrack_max, and the counters drop and early_drop of "
    "/proc/net/stat/nf_conntrack, read twice. insert_failed alone is two packets that raced for "
    "one entry, not a full table. The count is of one network namespace, the bound is for each of "
    "them alike and can be set only in the first.",
    look_alikes=(
        ("forward_filter", "the counter of a rule or policy moves, and none of these."),
        ("neighbour_table", "single addresses on a bridge do not answer, new connection or old."),
        ("conntrack_invalid", "connections that are under way stall."),
    ),
    cure="Twice nf_conntrack_max, and as many more buckets, which keeps lookups as fast. It costs "
    "some 320 bytes an entry, when it is used. For good it takes the setting in sysctl.d, and the "
    "module loaded before that is read. Not undone by itself: a table that shrinks again forgets "
    "nothing, but takes in nothing new.",
    source="Linux Documentation/networking/nf_conntrack-sysctl.rst; measured: the setting is "
    "read-only in other namespaces",
)

CHECK = Check(
    ID,
    ("A5",),
    TITLE,
    frozenset({Sysctls, Counters, DropIns, Modules}),
    0.6,
    judge,
    PAGE,
    frozenset({Connections}),
    reach=Reach.HOST,
    wrong="The table of tracked connections is full, or nearly",
)
