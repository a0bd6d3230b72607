"""E5: does each dnsmasq hear of new host files?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl, StartDnsmasq, StopDnsmasq
from netconsole.diagnostics.checks.dhcp import dhcp_hosts
from netconsole.diagnostics.checks.host import state_directory
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcess, DnsmasqProcesses
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "inotify"
TITLE = "The DHCP servers hear of new instances"
KEY = "fs/inotify/max_user_instances"
NEARLY = 0.9
"""Of the instances that root may have."""
RESTART = "The fix restarts dnsmasq, which then watches the directory: about 20 ms without it."


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Compare what each dnsmasq watches with its directory, and the count with its limit."""
    processes = snapshot.part(DnsmasqProcesses)
    ours = tuple(_ours(snapshot.part(Backend), processes))
    limit = snapshot.part(Sysctls).number(KEY)
    used = processes.inotify_instances
    watching = {each.pid: _watches(each, processes) for each in ours}
    note = "of root's processes that can be seen from here"
    rows = (
        *(_row(each, watching[each.pid]) for each in ours),
        *((Evidence("inotify instances", str(used), f"under {limit}", note),) if limit else ()),
    )
    deaf = [each for each in ours if watching[each.pid] is False]
    if deaf and (cause := next((each for each in _CAUSES if _fails(each, snapshot)), None)):
        because = (
            f"The dnsmasq of {deaf[0].option('interface')} does not watch its directory of host "
            f"files as it is now; {cause.id} says why."
        )
        return Finding(ID, TITLE, "info", because, rows)
    if deaf:
        first = deaf[0]
        because = (
            f"The dnsmasq of {first.option('interface')} does not watch "
            f"{first.option('dhcp-hostsdir')} as it is now: the directory was replaced after it "
            "started, or inotify failed then. It hears of no new host file, so that new instances "
            "get no address until it is told to read all."
        )
        steps = tuple(
            step
            for each in deaf
            for step in (
                StopDnsmasq(each.option("interface"), each.argv, (each.pid,)),
                StartDnsmasq(each.option("interface"), each.argv),
            )
        )
        return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, Plan(steps), remedy=RESTART)
    if limit and used >= NEARLY * limit:
        return _nearly(snapshot, used, limit, rows)
    if not ours:
        because = "No dnsmasq of a network runs here that could watch a directory."
        return Finding(ID, TITLE, "not-applicable", because)
    if None in watching.values():
        because = "What dnsmasq watches may be read by root alone."
        return Finding(ID, TITLE, "unknown", because, rows)
    return Finding(ID, TITLE, "ok", "Each dnsmasq watches its directory of host files.", rows)


_CAUSES = (dhcp_hosts.CHECK, state_directory.CHECK)
"""Checks that name why it cannot watch: it may not read the directory, or another is over it."""


def _fails(check: Check, snapshot: Snapshot) -> bool:
    return check.examine(snapshot).verdict == "fail"


_RULES_OUT = ("dhcp_hosts: the files are all there, dnsmasq is not told of them",)


def _nearly(snapshot: Snapshot, used: int, limit: int, rows: tuple[Evidence, ...]) -> Finding:
    because = (
        f"Processes of root have {used} inotify instances, of {limit} that they may have: a "
        "dnsmasq that gets none does not start, so that the next network has no DHCP."
    )
    wanted = str(2 * limit)
    plan, permanence = snapshot.part(DropIns).make_permanent({KEY: wanted})
    fix = Plan((SetSysctl(name_of(KEY), wanted, str(limit)),))
    rows = (*rows, Evidence(AT_BOOT, permanence))
    remedy = "Twice as many may be had then; each costs the kernel about 1 kB."
    return Finding(ID, TITLE, "warn", because, rows, (), fix, plan, remedy)


def _ours(host: Backend, processes: DnsmasqProcesses) -> Iterator[DnsmasqProcess]:
    for each in host.status.dnsmasq:
        process = processes.get(each.pids[0]) if each.state == "running" and each.pids else None
        if process is not None and process.option("dhcp-hostsdir"):
            yield process


def _watches(process: DnsmasqProcess, processes: DnsmasqProcesses) -> bool | None:
    """Whether it watches its directory, or None where that is not known."""
    inode = processes.directories.get(process.option("dhcp-hostsdir"))
    if process.watched is None or inode is None:
        return None
    return inode in process.watched


def _row(process: DnsmasqProcess, watching: bool | None) -> Evidence:
    value = {True: "watched", False: "not watched", None: "not known"}[watching]
    return Evidence(process.option("dhcp-hostsdir"), value, "watched", f"pid {process.pid}")


PAGE = Explanation(
    symptom="New instances of one network get no address until dnsmasq is restarted or sent "
    "SIGHUP; old ones are fine. Or: dnsmasq of a new network does not start, and says `failed to "
    "create inotify`.",
    cause="dnsmasq reads new files in its --dhcp-hostsdir when the kernel tells it of them. It "
    "watches the directory itself, not its path: one that was moved and made anew is another. And "
    "a user may have only so many inotify instances; root's dnsmasq share them with systemd and "
    "container runtimes.",
    evidence="The inode numbers that /proc/PID/fdinfo says each dnsmasq watches, against that of "
    "its directory. The number of root's inotify instances against fs.inotify.max_user_instances.",
    look_alikes=(
        ("dhcp_hosts", "the file of the instance is missing: dnsmasq cannot know it."),
        ("dhcp_probe", "the directory is watched, and dnsmasq does not know a host all the same."),
    ),
    cure="Restart of that dnsmasq, as SIGHUP does not make it watch anew (measured with 2.90). For "
    "the limit: twice as many, kept by a drop-in in /etc/sysctl.d.",
    source="inotify(7); proc(5), fdinfo; dnsmasq(8), --dhcp-hostsdir",
)

CHECK = Check(
    ID,
    ("E5",),
    TITLE,
    frozenset({Backend, DnsmasqProcesses, Sysctls, DropIns}),
    0.6,
    judge,
    PAGE,
    uses=frozenset().union(*(each.needs | each.uses for each in _CAUSES)),
    narrow=narrowed(of_networks),
    wrong="A DHCP server does not hear of new instances",
)
