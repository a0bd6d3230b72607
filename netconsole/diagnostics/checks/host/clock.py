"""E6: has the clock jumped, so that leases end too early or never?"""

from typing import Final

from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcess, DnsmasqProcesses, LeaseFile
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "clock"
TITLE = "The clock agrees with the leases"
TOLERANCE = 120.0
"""Seconds: a dnsmasq strikes off what has ended within one or two."""
REMEDY = (
    "Set the clock right (`chronyc makestep`, `timedatectl set-ntp true`). Guests count their own "
    "seconds: their next renewal puts the lease right."
)


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Compare the ends of the leases, and the times of their files, with the clock."""
    processes = snapshot.part(DnsmasqProcesses)
    pids = {
        each.pids[0]
        for each in snapshot.part(Backend).status.dnsmasq
        if each.state == "running" and each.pids
    }
    ours = [each for each in processes.processes if each.pid in pids]
    files = {
        each: file
        for each in ours
        if (file := processes.lease_files.get(each.option("dhcp-leasefile")))
    }
    if not files:
        return Finding(ID, TITLE, "not-applicable", "No dnsmasq of a network keeps leases here.")
    rows = tuple(_row(each, file, processes.read_at) for each, file in files.items())
    for each, file in files.items():
        if (ahead := file.written - processes.read_at) > TOLERANCE:
            because = (
                f"The leases of {each.option('interface')} were written {_time(ahead)} in the "
                "future: the clock was set back since. Leases last that much longer for dnsmasq "
                "than for the guests, which is harmless, but logs and certificates are wrong too."
            )
            return Finding(ID, TITLE, "warn", because, rows, remedy=REMEDY)
        if late := _ended(file, processes.read_at):
            because = (
                f"{late} leases of {each.option('interface')} ended more than "
                f"{_time(TOLERANCE)} ago and are still in its file: the clock was set forward, "
                "faster than dnsmasq counts. When it notices, it strikes them off, and refuses "
                "guests that renew them."
            )
            return Finding(
                ID, TITLE, "warn", because, rows, _RULES_OUT, None, None, REMEDY, "likely"
            )
        if far := _too_long(each, file, processes.read_at):
            because = (
                f"{far} leases of {each.option('interface')} end later than any lease given now "
                "would: given when leases lasted longer, or before the clock was set back."
            )
            return Finding(ID, TITLE, "info", because, rows, confidence="possible")
    because = "No lease ends in the past, and none later than one given now would."
    return Finding(ID, TITLE, "ok", because, rows)


_RULES_OUT = ("dnsmasq_processes: it runs, and would have struck them off",)


def _ended(file: LeaseFile, now: float) -> int:
    return sum(0 < each.expires < now - TOLERANCE for each in file.leases)


def _too_long(process: DnsmasqProcess, file: LeaseFile, now: float) -> int:
    length = process.lease_seconds
    if length is None:
        return 0
    return sum(each.expires > now + length + TOLERANCE for each in file.leases)


def _row(process: DnsmasqProcess, file: LeaseFile, now: float) -> Evidence:
    ends = [each.expires - now for each in file.leases if each.expires]
    span = f"{_roughly(min(ends))} to {_roughly(max(ends))} from now" if ends else "none"
    length = process.lease_seconds
    expected = f"0 to {_time(length)} from now" if length else ""
    written = f"written {_roughly(now - file.written)} ago"
    return Evidence(f"leases of {process.option('interface')} end", span, expected, written)


def _roughly(seconds: float) -> str:
    """Return a time that need not be told anew each second."""
    return "less than 2 min" if 0 <= seconds < 120 else _time(seconds)


def _time(seconds: float) -> str:
    """Return a time as people say it."""
    size = abs(seconds)
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if size >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


PAGE = Explanation(
    symptom="All guests of a host lose their leases at once, or leases never end; logs jump.",
    cause="dnsmasq notes the end of a lease as a time of day. A clock that is set forward ends "
    "leases that guests still count on; one that is set back keeps addresses from being freed.",
    evidence="The ends of the leases and the time at which their file was written, against the "
    "clock now: nothing can be written in the future, and a running dnsmasq strikes off what has "
    "ended within seconds.",
    look_alikes=(
        ("dhcp_nak", "the lines of the leases are missing, not their times wrong."),
        ("a lease time that was shortened", "older leases end later than new ones would."),
    ),
    cure="Set the clock right and keep it so by NTP. Guests renew at half of their own count, "
    "which puts each lease right; no lease has to be changed by hand.",
    source="dnsmasq(8), --dhcp-leasefile; RFC 2131 section 4.4.5; chronyc(1)",
)

CHECK = Check(
    ID,
    ("E6",),
    TITLE,
    frozenset({Backend, DnsmasqProcesses}),
    0.6,
    judge,
    PAGE,
    wrong="The clock and the leases disagree",
)
