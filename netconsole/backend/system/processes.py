"""Which processes run, as the kernel tells of them (proc(5)).

What a process calls itself, its name and its arguments, is its own choice. Its executable, when
it started and what it holds open are not.
"""

import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from netconsole.backend.model.text import decoded
from netconsole.backend.system.programs import PATH

SYSTEMD_BOOTED = Path("/run/systemd/system")
"""Is a directory where systemd is the first process (sd_booted(3))."""

_GONE = " (deleted)"
"""Follows the path of an executable that was replaced while it runs: a package was upgraded."""
_KEPT = (".", "-", "~")
"""What follows the name of one that was moved aside in its directory: dnsmasq.old, dnsmasq-2.89."""


_STOPPED = {
    b"T": "stopped by a signal; kill -CONT {pid} lets it go on",
    b"t": "stopped by a debugger",
    b"Z": "ended, and its parent has not noticed",
    b"D": "held up in the kernel, as by a disk that does not answer; no signal reaches it",
}
"""Why a process does nothing, by its state."""
STUCK_SECONDS = 1.0
"""For how long a process has to stand still in the kernel: it always does for a moment."""


def process_ids() -> Iterator[int]:
    """Return the id of each process."""
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit())


def process_names() -> Iterator[tuple[int, str]]:
    """Return each process' id and the first 15 characters of the name that it gives itself."""
    for pid in process_ids():
        name = name_of(pid)
        if name is not None:
            yield pid, name


def name_of(pid: int) -> str | None:
    """Return the name that a process gives itself, or None for one that has ended."""
    content = _read(pid, "comm")
    return None if content is None else decoded(content).removesuffix("\n")


def running(program: str) -> tuple[int, ...]:
    """Return the processes of this network namespace that run a program of the system."""
    places = _places(program)
    return tuple(
        pid for pid in process_ids() if _runs(pid, program, places) and in_this_network(pid)
    )


def runs(pid: int, program: str) -> bool:
    """Whether a process runs a program of the system, in this network namespace."""
    return _runs(pid, program, _places(program)) and in_this_network(pid)


def _places(program: str) -> frozenset[str]:
    places = {f"{directory}/{program}" for directory in PATH.split(":")}
    return frozenset(places | {str(Path(place).resolve()) for place in places})


def _runs(pid: int, program: str, places: frozenset[str]) -> bool:
    """Of a process whose executable this user may not see, its name has to do."""
    try:
        executable = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115  half the time of Path's
    except PermissionError:
        return name_of(pid) == program
    except OSError:
        return False  # it has ended, or is the kernel's own
    path = executable.removesuffix(_GONE)
    return path in places or path.startswith(
        tuple(f"{place}{mark}" for place in places for mark in _KEPT)
    )


def arguments(pid: int) -> tuple[str, ...]:
    """Return a process's arguments; nothing for one that has ended."""
    content = _read(pid, "cmdline") or b""
    return tuple(map(decoded, content.removesuffix(b"\0").split(b"\0"))) if content else ()


def environment(pid: int, name: str) -> str | None:
    """Return a variable of the environment that a process was started with.

    None where there is no such variable, the process has ended or this user may not read it.
    """
    begin = name.encode() + b"="
    for each in (_read(pid, "environ") or b"").split(b"\0"):
        if each.startswith(begin):
            return decoded(each.removeprefix(begin))
    return None


def parent(pid: int) -> int:
    """Return the process that started another, 0 for one that has ended."""
    status = _status(pid)
    return int(status[1]) if status else 0


def stopped(pids: Iterable[int]) -> dict[int, str]:
    """Return why processes that are there do nothing, by their state (proc_pid_stat(5)).

    Those that do something, or have ended, are left out. Where one stands still in the kernel, it
    takes STUCK_SECONDS to see whether it goes on.
    """
    states = {pid: status[0] for pid in pids if (status := _status(pid))}
    still = {pid: _switches(pid) for pid, state in states.items() if state == b"D"}
    if still:
        time.sleep(STUCK_SECONDS)
    for pid, before in still.items():
        status = _status(pid)
        if not status or status[0] != b"D" or _switches(pid) != before:
            del states[pid]
    return {
        pid: _STOPPED[state].format(pid=pid) for pid, state in states.items() if state in _STOPPED
    }


def _switches(pid: int) -> tuple[bytes, ...]:
    """How often a process has given up the processor; as long as it sleeps, no more often."""
    lines = (_read(pid, "status") or b"").splitlines()
    return tuple(line for line in lines if b"ctxt_switches" in line)


def age(pid: int) -> float:
    """Return for how many seconds a process has run; 0 for one that has ended.

    Counted from the machine's start, so that setting the clock does not change it.
    """
    status = _status(pid)
    if not status:
        return 0.0
    since_boot = int(status[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot


def writes_to(pid: int, path: str) -> bool:
    """Whether a process has this very file open for writing.

    Where the path is lost, removed or moved away with its directory: whether it writes a file of
    root's that had this name. No one else can open such a one.
    """
    if not path:
        return False
    try:
        file = Path(path).stat()
    except FileNotFoundError:
        file = None
    except OSError:
        return False  # not for this user
    try:
        return any(_is_written(entry, file, path) for entry in os.scandir(f"/proc/{pid}/fd"))
    except OSError:
        return False  # the process is gone, or not for this user


def _is_written(descriptor: "os.DirEntry[str]", file: os.stat_result | None, path: str) -> bool:
    try:
        mode = descriptor.stat(follow_symlinks=False).st_mode
        if not mode & stat.S_IWUSR:
            return False
        opened = descriptor.stat()
        if file is not None:
            return os.path.samestat(opened, file)
        name = Path(descriptor).readlink().name
    except FileNotFoundError:
        return False  # closed meanwhile
    return opened.st_uid == 0 and name.removesuffix(_GONE) == Path(path).name


def _status(pid: int) -> list[bytes]:
    """Return what follows the name in /proc/PID/stat, from the state on; a name may hold blanks."""
    return (_read(pid, "stat") or b"").rpartition(b")")[2].split()


def _read(pid: int, name: str) -> bytes | None:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return None  # it has ended, or this user may not


def in_this_network(pid: int) -> bool:
    """Whether a process is in this one's network namespace; yes where that cannot be read."""
    return _network(str(pid)) in (_network("self"), None)


def _network(process: str) -> Path | None:
    try:
        return Path(f"/proc/{process}/ns/net").readlink()
    except OSError:
        return None
