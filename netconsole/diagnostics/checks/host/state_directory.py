"""E7: can netconsole and dnsmasq write what they have to keep?"""

import shlex
from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.state_holders import LockHolder, StateHolders
from netconsole.diagnostics.parts.storage import KeptLeases, StatePlace, StateStorage

ID: Final = "state_directory"
TITLE = "The state can be written"
ENOUGH_BYTES = 16 << 20
ENOUGH_INODES = 100
LEAST_BYTES = 64 << 10
"""Less is as good as nothing: SQLite and dnsmasq write whole blocks."""


def judge(snapshot: Snapshot) -> Finding:
    """Look at the file systems under the state."""
    places = snapshot.part(StateStorage).places
    rows = tuple(_row(each) for each in places)
    for place in places:
        if place.read_only_file_system:
            because = (
                f"The file system at {place.mount_point} is read-only: it was mounted so, or the "
                f"kernel made it so after an error. {_LOST.format(path=place.path)}"
            )
            remedy = "Look for the error (`dmesg --level=err`) and check the file system first."
            return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)
        if place.read_only_mount:
            because = (
                f"{place.mount_point} was mounted read-only, though its file system is not. "
                f"{_LOST.format(path=place.path)}"
            )
            fix = Plan((_remount(place.mount_point),))
            return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, None, REMOUNT)
    for place in places:
        if place.free_bytes < ENOUGH_BYTES or _few_inodes(place):
            full = place.free_bytes < LEAST_BYTES or (_few_inodes(place) and not place.free_inodes)
            what = "inodes" if _few_inodes(place) else "space"
            state = "has no" if full else "has little"
            because = (
                f"The file system at {place.mount_point} {state} {what} left. "
                f"{_LOST.format(path=place.path)}"
            )
            remedy = f"Free some: `du -xh --max-depth=2 {place.mount_point}` shows what takes it."
            return Finding(ID, TITLE, "fail" if full else "warn", because, rows, remedy=remedy)
    for leases in snapshot.part(StateStorage).leases:
        if leases.flag or not leases.is_open:
            return _not_kept(leases, rows)
    if held := _held(snapshot):
        return _held_by(held, rows)
    if not places:
        return Finding(ID, TITLE, "not-applicable", "There is no state on this host yet.")
    return Finding(ID, TITLE, "ok", "It can be written, and there is room.", rows)


def _not_kept(leases: KeptLeases, rows: tuple[Evidence, ...]) -> Finding:
    """A lease file that its dnsmasq cannot write, or no longer writes."""
    path, pid = leases.path, leases.pid
    if leases.flag:
        because = (
            f"{path} has the attribute {leases.flag}, by which not even root may write it anew: "
            f"leases that the dnsmasq with pid {pid} gives are forgotten when it ends, and their "
            "guests are refused."
        )
        letter = "i" if leases.flag == "immutable" else "a"
        rows = (*rows, Evidence(path, leases.flag, "writable", "lsattr(1) shows it"))
        remedy = (
            f"Whoever set it had a reason; `chattr -{letter} {shlex.quote(path)}` takes it off."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)
    because = (
        f"The dnsmasq with pid {pid} keeps its leases in a file that is not {path} any more: that "
        "was removed, moved or put in its place since it started. When dnsmasq starts again it "
        "forgets the leases of now, and refuses their guests."
    )
    value = leases.descriptor or "none"
    rows = (*rows, Evidence("leases are written to", value, path, f"by pid {pid}"))
    again = f"`kill {pid}` and `netconsole apply`, which starts it again"
    remedy = (
        f"Copy what it knows to where it looks, `cat {leases.descriptor} > {shlex.quote(path)}`, "
        f"then {again}."
        if leases.descriptor
        else f"Start it again: {again}."
    )
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)


def _held(snapshot: Snapshot) -> LockHolder | None:
    """Return who holds the lock or the store and will not let go by itself, as a change does."""
    found = snapshot.get(StateHolders) or StateHolders()
    return next((each for each in found.holders if each.stopped or not each.ours), None)


def _held_by(holder: LockHolder, rows: tuple[Evidence, ...]) -> Finding:
    state = "is stopped by a signal, and " if holder.stopped else ""
    because = (
        f"Process {holder.pid} (`{holder.command}`) {state}holds a lock on {holder.path}: every "
        "change waits for it, for two minutes, and fails then."
    )
    rows = (*rows, Evidence(f"lock on {holder.path}", f"process {holder.pid}", "nobody"))
    remedy = (
        f"`kill -CONT {holder.pid}` lets it go on."
        if holder.stopped
        else f"End it, if it is nothing that has to finish: `kill {holder.pid}`. A program that "
        "copies the store takes `sqlite3 FILE .backup` instead."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


_LOST = (
    "What cannot be written in {path} is lost: leases that guests take now, so that they are "
    "refused after the next restart of dnsmasq, and every change."
)
_RULES_OUT = ("an error of the disk: the kernel would have made the file system read-only itself",)
REMOUNT = (
    "The fix makes the mount writable again. At the next boot /etc/fstab, or the unit that "
    "mounted it, decides."
)


def _remount(mount_point: str) -> RunProgram:
    return RunProgram(
        ("mount", "-o", "remount,bind,rw", mount_point),
        ("mount", "-o", "remount,bind,ro", mount_point),
    )


def _few_inodes(place: StatePlace) -> bool:
    return bool(place.total_inodes) and place.free_inodes < ENOUGH_INODES


def _row(place: StatePlace) -> Evidence:
    if place.read_only_file_system or place.read_only_mount:
        return Evidence(place.path, "read-only", "writable", f"at {place.mount_point}")
    value = f"{place.free_bytes >> 20} MiB free of {place.total_bytes >> 20}"
    inodes = f", {place.free_inodes} inodes" if place.total_inodes else ""
    expected = f"at least {ENOUGH_BYTES >> 20} MiB"
    return Evidence(place.path, f"{value}{inodes}", expected, f"at {place.mount_point}")


PAGE = Explanation(
    symptom="Changes fail with an error of the disk; after dnsmasq was restarted, guests are "
    "refused leases that they had.",
    cause="dnsmasq answers a guest although it could not write the lease down, and forgets it when "
    "it ends. The store refuses every change.",
    evidence="statvfs(3) of the directories of the state and of lease files that have a file "
    "system of their own, for a process that is not root, as dnsmasq is none; "
    "/proc/self/mountinfo, which tells a mount that was made read-only from a file system that is. "
    "/proc/PID/fd says whether a dnsmasq still writes to the lease file that it was given, and the "
    "file's attributes whether it may. Owner and mode of that file do not matter: dnsmasq opens it "
    "once, as root. /proc/locks says who holds the host's lock and the store: a change does, for "
    "as long as it takes.",
    look_alikes=(
        ("mandatory_access", "there is room, and AppArmor or SELinux denies the writing."),
        ("dhcp_nak", "what is left of it later: leases that are not in the file."),
    ),
    cure="A mount that someone made read-only is made writable. A file system that the kernel made "
    "read-only after an error wants fsck(8) first, and a full one wants room: no plan can do that.",
    source="statvfs(3), proc(5) mountinfo, mount(8), ioctl_iflags(2)",
)

CHECK = Check(
    ID,
    ("E7",),
    TITLE,
    frozenset({StateStorage}),
    0.1,
    judge,
    PAGE,
    uses=frozenset({StateHolders}),
    reach=Reach.HOST,
    wrong="The state cannot be written, or soon not",
)
