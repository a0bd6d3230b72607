"""E4: is dnsmasq denied what it needs, by AppArmor or SELinux?"""

import re
from typing import Final

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.log import LogLine, SystemLog

ID: Final = "mandatory_access"
TITLE = "Nothing that dnsmasq needs is denied to it"
SHOWN = 8

_PID = re.compile(r"\bpid=(\d+)")
_NAME = re.compile(r'\b(?:name|path)="([^"]+)"')


def judge(snapshot: Snapshot) -> Finding:
    """Look for denials of what the networks' dnsmasq read and write."""
    log = snapshot.part(SystemLog)
    if not log.enforcing:
        because = "Neither AppArmor nor SELinux is in force on this host."
        return Finding(ID, TITLE, "not-applicable", because)
    if log.problem and not log.denials:
        because = f"The kernel's log could not be read: {log.problem}."
        return Finding(ID, TITLE, "unknown", because)
    ours = [line for line in log.denials if _is_ours(line, snapshot)]
    others = len(log.denials) - len(ours)
    rows = tuple(Evidence("denied", line.text) for line in (ours or log.denials)[-SHOWN:])
    names = " and ".join(log.enforcing)
    if ours:
        told = _NAME.search(ours[-1].text)
        what = told[1] if told else "what it asked for"
        because = (
            f"{names} denied dnsmasq {what}, {len(ours)} times: it runs without what it could not "
            "read, or does not keep what it could not write."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=_remedy(log, what))
    if others:
        because = f"{names} denied something to a dnsmasq of another program, {others} times."
        return Finding(ID, TITLE, "info", because, rows)
    return Finding(ID, TITLE, "ok", f"{names} denied nothing to a dnsmasq.")


def _is_ours(line: LogLine, snapshot: Snapshot) -> bool:
    """Whether it is about one of our processes, or of the files that they name."""
    status = snapshot.part(Backend).status.dnsmasq
    mine = [each for each in status if each.state != "foreign"]
    found = _PID.search(line.text)
    if found and any(int(found[1]) in each.pids for each in mine):
        return True
    name = _NAME.search(line.text)
    if name is None:
        return False
    paths = (path for each in mine for path in dnsmasq_arguments.paths(each.argv))
    return any(name[1].startswith(path) for path in paths)


def _remedy(log: SystemLog, path: str) -> str:
    if "AppArmor" in log.enforcing:
        return (
            f"Allow it in /etc/apparmor.d/local/usr.sbin.dnsmasq ({path} rw,), then "
            "`apparmor_parser -r /etc/apparmor.d/usr.sbin.dnsmasq` and restart dnsmasq."
        )
    return (
        f"Label the directory for dnsmasq: `semanage fcontext -a -t dnsmasq_lease_t '{path}'`, "
        f"`restorecon -R {path}`; `audit2why -d` explains each line."
    )


PAGE = Explanation(
    symptom="dnsmasq does not start, or knows none of its hosts, or keeps no lease, although the "
    "modes and owners of its files are right.",
    cause="AppArmor and SELinux confine a program to the files of its profile, whatever the file's "
    "mode says. The profile that distributions have for dnsmasq knows libvirt's and "
    "NetworkManager's directories, not netconsole's.",
    evidence="Lines of the kernel's log that deny something to dnsmasq, by the pid of one of ours "
    "or by the path of one of its files.",
    look_alikes=(
        ("state_directory", "the disk is full or read-only: the error is another one."),
        ("dnsmasq_processes", "it does not run, and nothing was denied to it."),
    ),
    cure="A line in the local part of the profile, or a label. Switching the control off for "
    "dnsmasq would work and takes away the confinement of a program that faces the guests: do not.",
    source="apparmor.d(5), semanage-fcontext(8), audit2why(1); seen as text, not tried on a host",
)

CHECK = Check(
    ID,
    ("E4",),
    TITLE,
    frozenset({Backend, SystemLog}),
    0.2,
    judge,
    PAGE,
    reach=Reach.HOST,
    wrong="Something that dnsmasq needs is denied to it",
)
