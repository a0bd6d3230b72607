"""E2: does a process keep everyone else from changing rules of the legacy kind?"""

from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.xtables_lock import XtablesLock

ID: Final = "xtables_lock"
TITLE = "Nobody holds on to the lock of iptables"
REMEDY = (
    "See what it does: if it is at work, wait for it. If it hangs, `kill {pid}` ends it; what it "
    "has committed stays, what it has not is not done, as each table changes at once or not at all."
)


def judge(snapshot: Snapshot) -> Finding:
    """Name who held it throughout, where anyone asks for it."""
    lock, seen = snapshot.part(XtablesLock), snapshot.part(PacketFilter)
    if seen.command != "legacy" and not any(each.kind == "legacy" for each in seen.chains):
        because = "Only the nft kind is in use, which has no such lock."
        return Finding(ID, TITLE, "not-applicable", because)
    if not lock.holder:
        return Finding(ID, TITLE, "ok", "Nobody does.")
    who = f"Process {lock.holder}" if lock.holder > 0 else "A process of another pid namespace"
    rows = (
        Evidence("/run/xtables.lock", f"held by {who.lower()}", "free", lock.command),
        Evidence("waiting for it", str(lock.waiting), "0"),
    )
    because = (
        f"{who} has held /run/xtables.lock throughout the {lock.seconds:.1f} s that it was "
        f"watched; waiting for it: {lock.waiting}. Every change of rules of the legacy "
        "kind waits as long, ours for ten seconds before they fail."
    )
    owners = snapshot.part(Owners).owners
    manager = next((each for each in owners if each.pid == lock.holder), None)
    if lock.holder < 0 or manager:
        whose = f"It is {manager.name}: see what it is doing." if manager else "Look for it there."
        return Finding(ID, TITLE, "fail", because, rows, remedy=whose)
    return Finding(ID, TITLE, "fail", because, rows, remedy=REMEDY.format(pid=lock.holder))


PAGE = Explanation(
    symptom="Changes take long or fail with `Another app is currently holding the xtables lock`.",
    cause="Programs of iptables, legacy kind, read a whole table, change it and write it back. So "
    "that none loses what another wrote meanwhile, they take turns by a lock on /run/xtables.lock "
    "(flock(2)). One that hangs, or writes a very large table again and again, keeps the others "
    "waiting; without --wait they fail at once.",
    evidence="The kernel's list of locks (/proc/locks) names the process by the inode of the file. "
    "It is looked at for a second, as a lock in passing is nothing. The nft kind of iptables does "
    "not use it, and neither does nft.",
    look_alikes=(
        (
            "a program that puts its rules back again and again",
            "the lock is held by turns, not throughout.",
        ),
    ),
    cure="Let the process finish, or end it by hand if it hangs: what it is at, the lock does not "
    "say. Whoever changes many rules should do it in one iptables-restore.",
    source="iptables(8), --wait; proc_locks(5); measured: the nft kind takes no lock",
)

CHECK = Check(
    ID,
    ("E2",),
    TITLE,
    frozenset({XtablesLock, PacketFilter, Owners}),
    1.0,
    judge,
    PAGE,
    reach=Reach.HOST,
    wrong="Somebody holds on to the lock of iptables",
)
