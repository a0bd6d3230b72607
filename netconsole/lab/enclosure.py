"""The enclosure: fresh namespaces that end, with all that is in them, when their maker does.

Three processes. The outer one is the command that the user started and may see killed at any
time. The keeper, its child, has the new namespaces made and only waits. The first process
(PID 1 of the lab) is the keeper's child. The kernel kills the keeper when the outer process
dies, the first process when the keeper dies, every other process of the lab when the first
dies; with the last process the namespaces go, and the links and mounts in them.
"""

import json
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from netconsole.backend.errors import ExitStatus, NetconsoleError, Unavailable
from netconsole.lab.commands import LabFailed
from netconsole.lab.identity import IdMap, id_map, why_refused
from netconsole.lab.namespaces import (
    Namespace,
    die_with_parent,
    same_directory,
    set_process_name,
    unshare,
)
from netconsole.lab.processes import Watch, fork

Work = Callable[[], int]
"""What a forked process does; the answer is its exit status."""

KINDS: Final = Namespace.MOUNT | Namespace.UTS | Namespace.IPC | Namespace.PID | Namespace.NET
FIRST_PROCESS: Final = "netconsole-lab"
"""The name of a lab's PID 1 in /proc/PID/comm."""

_KEEPER: Final = "netconsole-keep"
_UNSHARED: Final = b"unshared"
_MAPPED: Final = b"mapped"
_MESSAGE_SIZE: Final = 8192


def enclose(build: Work, inside: Work) -> int:
    """Run two functions, one after the other, in new namespaces; answer the second's status.

    Each runs in a process of its own under the namespaces' PID 1, which adopts what they leave
    behind. If `build` does not end with 0, its status is the answer. Signals sent to the calling
    process go to the function that is running.

    Raises Unavailable where the kernel does not allow the namespaces, and whatever error of
    netconsole's `build` has raised.
    """
    ids = id_map()
    outer, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with outer, Watch() as watch:
        keeper = fork(lambda: _keep(ids, outer, inner, build, inside))
        inner.close()
        message = outer.recv(_MESSAGE_SIZE)
        if message == _UNSHARED:
            if ids is not None:
                ids.apply(keeper)
            outer.send(_MAPPED)
            message = b""
        status = watch.wait(keeper)
        _raise_failure(message or outer.recv(_MESSAGE_SIZE))
    return status


def _keep(
    ids: IdMap | None, outer: socket.socket, inner: socket.socket, build: Work, inside: Work
) -> int:
    outer.close()
    set_process_name(_KEEPER)
    with _telling(inner, ids):
        unshare(KINDS if ids is None else KINDS | Namespace.USER)
    inner.send(_UNSHARED)
    if inner.recv(_MESSAGE_SIZE) != _MAPPED:
        return ExitStatus.FAILED
    die_with_parent()
    if _abandoned(inner):
        return ExitStatus.FAILED

    def built() -> int:
        with _telling(inner, ids):
            return build()

    with Watch() as watch:
        return watch.wait(fork(lambda: _be_first(inner, built, inside)))


def _be_first(inner: socket.socket, build: Work, inside: Work) -> int:
    die_with_parent()
    set_process_name(FIRST_PROCESS)
    if _abandoned(inner):
        return ExitStatus.FAILED
    with Watch(adopts=True) as watch:
        with same_directory():  # `build` may have mounted something else there
            status = watch.wait(fork(build))
        return status or watch.wait(fork(inside))


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
