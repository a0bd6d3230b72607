"""E8: do the processors keep up with the packets that come in?"""

from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.settings import DropIns, Sysctls

ID: Final = "saturation"
TITLE = "The processors keep up with what comes in"
BACKLOG = "net/core/netdev_max_backlog"
BUDGET = "net/core/netdev_budget"
OF_MACHINE = (
    "That is counted for the whole machine, of which this is one network namespace: they may be "
    "another's."
)
ONLY_HOST = (
    "The length of the backlog is set in the host's own network namespace, not in this one: "
    "net.core.netdev_max_backlog."
)
SPREAD = (
    "A longer backlog bridges a burst. A load that lasts has to be spread over more processors: "
    "interrupts (/proc/irq/*/smp_affinity), receive packet steering "
    "(/sys/class/net/*/queues/rx-*/rps_cpus)."
)


def judge(snapshot: Snapshot) -> Finding:
    """See whether the backlog of a processor overflowed, or packets had to wait for one."""
    counters, sysctls = snapshot.part(Counters), snapshot.part(Sysctls)
    if "softnet.processed" not in counters.after:
        return Finding(ID, TITLE, "unknown", "/proc/net/softnet_stat could not be read.")
    dropped, squeezed = counters.rise("softnet.dropped"), counters.rise("softnet.squeezed")
    rows = (
        _row("packets that no processor had room for", "softnet.dropped", counters),
        _row("times that a processor had not done in its time", "softnet.squeezed", counters),
        *(
            Evidence(name_of(key), sysctls.get(key))
            for key in (BACKLOG, BUDGET)
            if sysctls.get(key)
        ),
    )
    if not dropped:
        if not squeezed:
            because = "No packet had to wait for a processor, and none was dropped for want of one."
            return Finding(ID, TITLE, "ok", because, rows)
        because = (
            f"Packets had to wait for a processor {squeezed} times in {counters.seconds:.1f} s; "
            "none was dropped."
        )
        return Finding(ID, TITLE, "info", because, rows)
    lost = (
        f"{dropped} packets were dropped in {counters.seconds:.1f} s before anything looked at "
        "them: the processor that they were handed to had a full backlog."
    )
    excluded = ("drops: no queue in front of an interface drops these",)
    former = sysctls.get(BACKLOG)
    if not former.isdigit():
        because, remedy = f"{lost} {OF_MACHINE}", f"{ONLY_HOST} {SPREAD}"
        return Finding(
            ID, TITLE, "info", because, rows, excluded, remedy=remedy, confidence="possible"
        )
    because = f"{lost} It can be anybody's packet, whatever rules and routes say."
    value = str(2 * int(former))
    persist, permanence = snapshot.part(DropIns).make_permanent({BACKLOG: value})
    rows = (*rows, Evidence(AT_BOOT, permanence))
    fix = Plan((SetSysctl(name_of(BACKLOG), value, former),))
    return Finding(ID, TITLE, "fail", because, rows, excluded, fix, persist, SPREAD)


def _row(label: str, name: str, counters: Counters) -> Evidence:
    return Evidence(label, f"+{counters.rise(name)}", "+0", f"{counters.total(name)} since boot")


PAGE = Explanation(
    symptom="Under load packets of all kinds are lost at random, on every network of the host; one "
    "processor is busy with software interrupts (`%soft` of mpstat, ksoftirqd of top).",
    cause="What comes in is handed to a processor, which works it off in turns. When its backlog "
    "is full, the next packet is dropped at once; when it has not done within its budget, the "
    "rest waits for the next turn.",
    evidence="Columns 2 and 3 of /proc/net/softnet_stat, summed and read twice: dropped, and "
    "squeezed. They are of the whole machine, whichever network namespace asks. Waiting alone is "
    "no loss, and no fault.",
    look_alikes=(
        ("drops", "one interface or queue counts what is lost."),
        ("vhost_net", "one guest is slow, and its qemu is busy, not the kernel."),
        ("conntrack", "only new connections fail."),
    ),
    cure="net.core.netdev_max_backlog doubled, which bridges bursts and costs memory and delay. "
    "Kept by a drop-in in /etc/sysctl.d. A load that lasts is spread over more processors.",
    source="Linux Documentation/admin-guide/sysctl/net.rst; Documentation/networking/scaling.rst",
)

CHECK = Check(
    ID,
    ("E8",),
    TITLE,
    frozenset({Counters, Sysctls, DropIns}),
    0.7,
    judge,
    PAGE,
    reach=Reach.HOST,
    wrong="The processors do not keep up with what comes in",
)
