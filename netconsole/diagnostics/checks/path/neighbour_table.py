"""A7: is there room for the hardware addresses of all guests and neighbours?"""

from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.settings import DropIns, Sysctls

ID: Final = "neighbour_table"
TITLE = "The table of neighbours has room"
NEARLY_FULL = 0.9
LEAST = 1024
"""Neighbours that there is room for in any case, as the kernel has it."""
FAMILIES = ("ipv4", "ipv6")
ENTRIES, FULL, FORCED = "arp_cache.entries", "arp_cache.table_fulls", "arp_cache.forced_gc_runs"


def judge(snapshot: Snapshot) -> Finding:
    """Compare the entries with the hard bound, and see whether one was refused now."""
    sysctls, counters = snapshot.part(Sysctls), snapshot.part(Counters)
    bound = sysctls.number(_key("ipv4", 3), -1)
    if bound < 0:
        because = "This network namespace has no such bound of its own: it is the machine's."
        return Finding(ID, TITLE, "not-applicable", because)
    entries, refused = counters.total(ENTRIES), counters.rise(FULL)
    rows = _rows(snapshot)
    if not refused and entries < NEARLY_FULL * bound:
        if past := counters.total(FULL):
            because = f"There is room now; {past} times there was none since the host was started."
            return Finding(ID, TITLE, "info", because, rows)
        return Finding(ID, TITLE, "ok", f"{entries} of {bound} are known.", rows)
    because = (
        f"{entries} of {bound} neighbours are known"
        + (f", and {refused} were refused while this was looked at" if refused else "")
        + ". The host keeps the hardware address of everyone it sends to; where there is no room "
        "for another, the packet is dropped before it is sent, and programs read `No buffer "
        "space available`."
    )
    wanted = _larger(snapshot)
    plan, permanence = snapshot.part(DropIns).make_permanent(wanted)
    fix = Plan(
        tuple(SetSysctl(name_of(key), value, sysctls.get(key)) for key, value in wanted.items())
    )
    rows = (*rows, Evidence(AT_BOOT, permanence))
    rules_out = ("a guest that is silent: the host does not even ask for it",)
    verdict: Final = "fail" if refused or entries >= bound else "warn"
    return Finding(ID, TITLE, verdict, because, rows, rules_out, fix, plan)


def _key(family: str, number: int) -> str:
    return f"net/{family}/neigh/default/gc_thresh{number}"


def _larger(snapshot: Snapshot) -> dict[str, str]:
    """Return room for twice the guests, and at least for twice as many as now; the highest bound
    first, as it is never below the others then."""
    sysctls, host = snapshot.part(Sysctls), snapshot.get(Backend)
    guests = len(host.status.allocations) if host else 0
    wanted: dict[str, str] = {}
    for family in FAMILIES:
        if (bound := sysctls.number(_key(family, 3), -1)) < 0:
            continue
        room = max(2 * bound, LEAST)
        while room < 2 * guests:
            room *= 2
        sizes = {3: room, 2: room // 2, 1: room // 4}
        wanted |= {_key(family, number): str(size) for number, size in sizes.items()}
    return wanted


def _rows(snapshot: Snapshot) -> tuple[Evidence, ...]:
    sysctls, counters = snapshot.part(Sysctls), snapshot.part(Counters)
    drop_ins = snapshot.part(DropIns)
    keys = [_key(family, number) for family in FAMILIES for number in (1, 2, 3)]
    return (
        Evidence("neighbours known", str(counters.total(ENTRIES)), note="of all namespaces"),
        *(
            Evidence(name_of(key), value, note=drop_ins.says_who(key, value))
            for key in keys
            if (value := sysctls.get(key))
        ),
        *(
            Evidence(name, str(counters.total(name)), note=f"{counters.rise(name)} just now")
            for name in (FULL, FORCED)
        ),
    )


PAGE = Explanation(
    symptom="On a host with many guests, some at random do not answer for a while; programs read "
    "`No buffer space available`, the kernel's log says `neighbour: arp_cache: neighbor table "
    "overflow!`.",
    cause="The kernel keeps the hardware address of each neighbour. Above gc_thresh2 it forgets "
    "unused ones early, and at gc_thresh3 it takes no other. The bounds hold for all network "
    "namespaces together, and 1024 is soon reached with containers or large subnets.",
    evidence="The entries against net.ipv4.neigh.default.gc_thresh3, and table_fulls of "
    "/proc/net/stat/arp_cache, read twice. Both exist only in the network namespace that the "
    "machine was started with.",
    look_alikes=(
        ("conntrack_full", "new connections fail, whoever they are to."),
        ("floating_address", "it is always the same address that does not answer."),
    ),
    cure="gc_thresh3 for twice the guests, and at least twice what it was; gc_thresh2 half and "
    "gc_thresh1 a quarter of that, for IPv6 too. It costs some 400 bytes an entry, when it is "
    "used. Permanent in sysctl.d.",
    source="arp(7), gc_thresh; Linux Documentation/networking/ip-sysctl.rst, neigh; measured: "
    "absent in other namespaces",
)

CHECK = Check(
    ID,
    ("A7",),
    TITLE,
    frozenset({Sysctls, Counters, DropIns}),
    0.6,
    judge,
    PAGE,
    frozenset({Backend}),
    reach=Reach.HOST,
    wrong="The table of neighbours is full, or nearly",
)
