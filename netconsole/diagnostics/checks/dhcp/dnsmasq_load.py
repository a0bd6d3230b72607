"""C7: has each dnsmasq time to answer?"""

from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcess, DnsmasqProcesses
from netconsole.diagnostics.parts.log import SystemLog
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "dnsmasq_load"
TITLE = "The DHCP servers have time to answer"
HIGH, FULL = 0.5, 0.9
"""Shares of half a second."""
ROOM = 4
"""Files that it has to be able to open: questions need one each."""
REMEDY = (
    "Find out who sends it SIGHUP (`strace -e signal=HUP -p PID` shows the sender), or which "
    "guest floods it with questions; a --dhcp-script runs once for each lease at every SIGHUP."
)


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look at how busy each was for half a second, and how often it read its files lately."""
    processes = snapshot.part(DnsmasqProcesses)
    status = snapshot.part(Backend).status
    pids = {each.pids[0]: each for each in status.dnsmasq if each.state == "running" and each.pids}
    ours = [each for each in processes.processes if each.pid in pids]
    if not ours:
        return Finding(ID, TITLE, "not-applicable", "No dnsmasq of a network runs here.")
    rows = tuple(row for each in ours for row in _rows(snapshot, each))
    if full := next((each for each in ours if _has_no_room(each)), None):
        return _without_files(full, pids[full.pid].network, rows)
    busiest = max(ours, key=lambda each: each.busy)
    share = f"{busiest.busy:.0%}"
    if busiest.busy >= HIGH:
        because = (
            f"The dnsmasq of {pids[busiest.pid].network} was busy for {share} of half a second. It "
            "does one thing at a time: while it reads its files, or answers a flood, every other "
            "request waits, and clients that give up ask again."
        )
        verdict: Verdict = "fail" if busiest.busy >= FULL else "warn"
        return Finding(ID, TITLE, verdict, because, rows, remedy=REMEDY, confidence="likely")
    because = f"None was busy for more than {share} of half a second."
    return Finding(ID, TITLE, "ok", because, rows)


def _has_no_room(each: DnsmasqProcess) -> bool:
    count, most = each.open_files or (0, ROOM)
    return most - count < ROOM


def _without_files(each: DnsmasqProcess, network: str, rows: tuple[Evidence, ...]) -> Finding:
    """Return that it may open no further file: it then tries again and again."""
    count, most = each.open_files or (0, 0)
    because = (
        f"The dnsmasq of {network} has {count} files and sockets open, and may have {most} "
        "(RLIMIT_NOFILE): it gets no socket to ask a name server by, or for who asks by TCP, and "
        "can write no lease."
    )
    row = Evidence(f"pid {each.pid} open files", str(count), f"{ROOM} under {most}")
    remedy = (
        f"`prlimit --pid {each.pid} --nofile=1024` raises the bound at once, as "
        f"does `kill {each.pid}` and `netconsole apply`, which starts it anew. Then look for what "
        "lowered it (LimitNOFILE of systemd.exec(5), limits.conf(5)), or for what keeps its "
        f"sockets: `ss -anp` lists them by pid={each.pid}."
    )
    return Finding(ID, TITLE, "fail", because, (row, *rows), remedy=remedy)


def _rows(snapshot: Snapshot, each: DnsmasqProcess) -> tuple[Evidence, ...]:
    log = snapshot.get(SystemLog) or SystemLog()
    reads = sum(line.pid == each.pid and line.text.startswith("read ") for line in log.dnsmasq)
    script = each.option("dhcp-script")
    note = f"--dhcp-script={script}" if script else "no --dhcp-script"
    busy = Evidence(f"pid {each.pid} busy", f"{each.busy:.0%}", f"under {HIGH:.0%}", note)
    read = Evidence(f"pid {each.pid} read files", str(reads), note="times in 15 minutes")
    return (busy, read) if reads else (busy,)


PAGE = Explanation(
    symptom="DHCP and DNS time out in bursts, for all guests of a network at once.",
    cause="dnsmasq is one thread. At SIGHUP it reads every host file again, and runs a "
    "--dhcp-script once for each lease. Measured: 0.2 s at 10,000 hosts in one file, 1.3 s at "
    "10,000 files of one host each, 5.8 s at 50,000 hosts; a script in Python at 2,000 leases 140 "
    "s. Meanwhile it answers nobody.",
    evidence="How long each dnsmasq ran, or waited for a processor, within half a second "
    "(/proc/PID/schedstat): a wait counts as well, so that a busy host does not hide it. And how "
    "often the log says in 15 minutes that it read its files. How many files it has open, against "
    "how many it may have.",
    look_alikes=(
        ("dns", "dnsmasq idles, and waits for the servers that it asks."),
        ("dnsmasq_processes", "it is stopped: it answers nothing at all, and is not busy."),
    ),
    cure="netconsole adds hosts without any SIGHUP, and sends one for all removals of a change. "
    "What else sends them has to be stopped at its source; no plan can do that.",
    source="dnsmasq(8), NOTES on SIGHUP; proc(5), schedstat; measured with dnsmasq 2.90",
)

CHECK = Check(
    ID,
    ("C7",),
    TITLE,
    frozenset({Backend, DnsmasqProcesses}),
    0.6,
    judge,
    PAGE,
    uses=frozenset({SystemLog}),
    narrow=narrowed(of_networks),
    reach=Reach.NETWORK,
    wrong="A DHCP server has no time to answer",
)
