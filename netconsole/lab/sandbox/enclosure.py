"""The enclosure: fresh namespaces that end, with all that is in them, when their maker does.

Three processes. The outer one is the command that the user started and may see killed at any
time. The keeper, its child, has the new namespaces made and only waits. The first process
(PID 1 of the lab) is the keeper's child. The kernel kills the keeper when the outer process
dies, the first process when the keeper dies, every other process of the lab when the first
dies; with the last process the namespaces go, and the links and mounts in them.

The first process raises the walls and then goes into a user namespace of its own, whose root has
no power over anything outside, the walls included: root's lab as well as an ordinary user's.
"""

import json
import select
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from netconsole.backend.model.errors import ExitStatus, NetconsoleError, Unavailable
from netconsole.lab.sandbox.commands import LabFailed
from netconsole.lab.sandbox.identity import IdMap, id_map, why_refused
from netconsole.lab.sandbox.namespaces import (
    Namespace,
    die_with_parent,
    same_directory,
    set_process_name,
    unshare,
)
from netconsole.lab.sandbox.powers import give_up_power
from netconsole.lab.sandbox.processes import Vigil, fork
from netconsole.lab.sandbox.walls import raise_walls

Work = Callable[[], int]
"""What a forked process does; the answer is its exit status."""

MEMBER_KINDS: Final = Namespace.MOUNT | Namespace.UTS | Namespace.IPC | Namespace.NET
"""Of each machine of a lab; their processes share one PID namespace, the lab's."""
LAB_KINDS: Final = MEMBER_KINDS | Namespace.PID
FIRST_PROCESS: Final = "netconsole-lab"
"""The name of a lab's PID 1 in /proc/PID/comm."""

_KEEPER: Final = "netconsole-keep"
_UNSHARED: Final = b"unshared"
_MAPPED: Final = b"mapped"
_MESSAGE_SIZE: Final = 8192


def enclose(build: Work, inside: Work, writable: Sequence[Path] = ()) -> int:
    """Run two functions, one after the other, in new namespaces; return the second's status.

    Of the machine's files they can write to those in the directories `writable` alone.

    Each runs in a process of its own under the namespaces' PID 1, which adopts what they leave
    behind. If `build` does not end with 0, its status is the answer. Signals sent to the calling
    process go to the function that is running.

    Raises Unavailable where the kernel does not allow the namespaces, and whatever error of
    netconsole's `build` has raised.
    """
    ids = id_map()
    outer, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with outer, Vigil() as vigil:
        keeper = fork(lambda: _keep(ids, outer, inner, _Lab(build, inside, tuple(writable))))
        inner.close()
        message = outer.recv(_MESSAGE_SIZE)
        if message == _UNSHARED:
            if ids is not None:
                ids.apply(keeper)
            outer.send(_MAPPED)
            message = b""
        status = vigil.wait(keeper)
        _raise_failure(message or outer.recv(_MESSAGE_SIZE))
    return status


class _Lab(NamedTuple):
    """What becomes of the namespaces."""

    build: Work
    inside: Work
    writable: tuple[Path, ...]


def _keep(ids: IdMap | None, outer: socket.socket, inner: socket.socket, lab: _Lab) -> int:
    outer.close()
    set_process_name(_KEEPER)
    kinds = Namespace.MOUNT | Namespace.PID
    with _telling(inner, ids):
        unshare(kinds if ids is None else kinds | Namespace.USER)
    inner.send(_UNSHARED)
    if inner.recv(_MESSAGE_SIZE) != _MAPPED:
        return ExitStatus.FAILED
    die_with_parent()
    if _abandoned(inner):
        return ExitStatus.FAILED
    with Vigil() as vigil:
        return vigil.wait(fork(lambda: _be_first(inner, ids, lab)))


def _be_first(inner: socket.socket, ids: IdMap | None, lab: _Lab) -> int:
    die_with_parent()
    set_process_name(FIRST_PROCESS)
    if _abandoned(inner):
        return ExitStatus.FAILED

    def built() -> int:
        with _telling(inner, ids):
            return lab.build()

    with _telling(inner, ids):
        with same_directory():
            raise_walls(lab.writable)
        give_up_power(MEMBER_KINDS)
    die_with_parent()  # forgotten with the former user namespace
    if _abandoned(inner):
        return ExitStatus.FAILED
    with Vigil(adopts=True) as vigil:
        with same_directory():  # `build` may have mounted something else there
            status = vigil.wait(fork(built))
        return status or vigil.wait(fork(lab.inside))


def _abandoned(inner: socket.socket) -> bool:
    """Whether the outer process died before its death could be noticed by the kernel."""
    poll = select.poll()
    poll.register(inner, 0)
    return bool(poll.poll(0))


@contextmanager
def _telling(inner: socket.socket, ids: IdMap | None) -> Iterator[None]:
    """Tell the outer process of an error, and end this one with it."""
    try:
        yield
        return
    except NetconsoleError as raised:
        error = raised
    except OSError as refused:
        error = Unavailable(f"no lab on this machine: {why_refused(refused, ids)}")
    message = {"exit_status": int(error.exit_status), "text": str(error)[:2000]}
    inner.send(json.dumps(message).encode())
    raise SystemExit(int(error.exit_status))


def _raise_failure(message: bytes) -> None:
    if not message:
        return
    failure = json.loads(message)
    unavailable = failure["exit_status"] == ExitStatus.UNAVAILABLE
    raise (Unavailable if unavailable else LabFailed)(failure["text"])
