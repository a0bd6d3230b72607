"""Going inside: a command in a member of this lab, or in a lab that is already running."""

import os
from collections.abc import Callable
from pathlib import Path

from netconsole.backend.model.errors import Conflict, NotFound, Unavailable
from netconsole.backend.system import privileges
from netconsole.backend.system.processes import process_names
from netconsole.lab.sandbox.enclosure import FIRST_PROCESS, LAB_KINDS, MEMBER_KINDS, Work
from netconsole.lab.sandbox.members import inside_lab, pid_of
from netconsole.lab.sandbox.namespaces import Namespace, die_with_parent, enter, same_directory
from netconsole.lab.sandbox.processes import Vigil, fork


def run_in_member(name: str, work: Work) -> int:
    """Run a function in a member of the lab that the caller is in; return its exit status.

    Raises NotFound outside of a lab and for an unknown member, Unavailable to another than root.
    """
    require_lab()
    return _run_in(pid_of(name), MEMBER_KINDS, work)


def run_in_lab(pid: int | None, work: Work) -> int:
    """Run a function on the host of a running lab of the caller's; return its exit status.

    `pid` is of the lab's first process; it may be left out where only one lab is running.
    Raises NotFound if there is none, Conflict if there are several or the caller is inside one.
    """
    if inside_lab():
        raise Conflict("already on the host of a lab")
    running = _running_labs()
    if not running:
        raise NotFound("no lab of yours is running; `netconsole lab` starts one")
    pids = ", ".join(map(str, running))
    if pid is None and len(running) > 1:
        raise Conflict(f"several labs of yours are running; name one by --pid: {pids}")
    chosen = running[0] if pid is None else pid
    if chosen not in running:
        raise NotFound(f"{chosen} is no lab of yours; running: {pids}")
    same_user_namespace = _namespace(chosen, "user") == _namespace("self", "user")
    kinds = LAB_KINDS if same_user_namespace else LAB_KINDS | Namespace.USER
    return _run_in(chosen, kinds, work)


def require_lab() -> None:
    """Raise NotFound unless the caller is on the host of a lab, Unavailable unless root there."""
    if not inside_lab():
        raise NotFound(
            "not on the host of a lab; `netconsole lab` opens one, "
            "`netconsole lab enter` goes into the one that is running"
        )
    if lacking := privileges.lacking():
        raise Unavailable(f"this lab is its root's: {lacking}")


def _run_in(pid: int, kinds: Namespace, work: Work) -> int:
    with same_directory():
        enter(pid, kinds)
    with Vigil() as vigil:
        return vigil.wait(fork(_bound_to_parent(work)))


def _bound_to_parent(work: Work) -> Callable[[], int]:
    def bound() -> int:
        die_with_parent()
        return work()

    return bound


def _running_labs() -> list[int]:
    return sorted(
        pid for pid, name in process_names() if name == FIRST_PROCESS and _is_own_lab(pid)
    )


def _is_own_lab(pid: int) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        return process.stat().st_uid == os.geteuid() and _is_first(process)
    except OSError:
        return False


def _is_first(process: Path) -> bool:
    """Whether a process is the first of its pid namespace: its children have its name at first."""
    for line in (process / "status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return line.split()[-1] == "1"
    return False


def _namespace(pid: int | str, kind: str) -> int:
    return Path(f"/proc/{pid}/ns/{kind}").stat().st_ino
