"""Commands of netconsole in a process that is a fork: one, or one after the other on a host.

A process that is not as it was before a command runs no other: each finds what a new one would.
"""

import atexit
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from forking import REQUEST
from titles import Title

from netconsole.cli import entry
from netconsole.lab.sandbox.namespaces import set_process_name

PROGRAM = str(Path(sys.executable).with_name("netconsole"))


class State(NamedTuple):
    """What a command may change of its process, and a next one would meet."""

    free_descriptor: int
    """The first that is free: one that is left open has taken it."""
    threads: int
    callbacks: int
    directory: str
    mask: int
    environment: dict[str, str]
    handlers: tuple[Any, ...]
    namespaces: tuple[Path, ...]
    has_children: bool

    @classmethod
    def now(cls) -> "State":
        free = os.dup(0)
        os.close(free)
        mask = os.umask(0o022)
        os.umask(mask)
        return cls(
            free,
            threading.active_count(),
            atexit._ncallbacks(),
            str(Path.cwd()),
            mask,
            dict(os.environ),
            tuple(signal.getsignal(number) for number in sorted(signal.valid_signals())),
            tuple(each.readlink() for each in sorted(Path("/proc/self/ns").iterdir())),
            _has_children(),
        )


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def stay(words: Sequence[str], more: socket.socket) -> NoReturn:
    """Run a command, and those that come by a socket, until it is closed."""
    before = State.now()
    while True:
        _open_streams()
        status = _run(words)
        if not _is_as(before):
            _leave(status)
        _let_go()
        more.send(str(status).encode())
        request, given, _, _ = socket.recv_fds(more, REQUEST, 3)
        if not request:
            os._exit(0)
        words = json.loads(request)
        for number, descriptor in enumerate(given):
            os.dup2(descriptor, number)
            os.close(descriptor)


def _run(words: Sequence[str]) -> int:
    """Run one of netconsole from its first line to its last, and return its exit status.

    What ends a program with more than a number ends this process the same way.
    """
    sys.argv = [PROGRAM, *words[1:]]
    try:
        status = entry.main()
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        status = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _is_as(before: State) -> bool:
    """Whether the process is as it was, once what nobody holds any more is collected."""
    if State.now() == before:
        return True
    gc.collect()
    return State.now() == before


def _let_go() -> None:
    """Close the ends of the pipes: who asked reads until then."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)


def _open_streams() -> None:
    """Open them anew: whether one can be sought in is found out once."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def execute(words: Sequence[str], title: Title | None) -> NoReturn:
    """Run a command in this process, and end with it.

    With a title it is seen under the name and the command line of one that was started.
    """
    _open_streams()
    ours = words[0] == "netconsole"
    if title is not None:
        title.write([sys.executable, PROGRAM, *words[1:]] if ours else words)
        set_process_name(words[0])
    try:
        if ours:
            sys.argv = [PROGRAM, *words[1:]]
            sys.exit(entry.main())
        sys.argv = ["-c", *words[3:]]
        sys.path[0] = ""
        exec(compile(words[2], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        sys.exit()
    except SystemExit as end:
        if threading.active_count() > 1 or not isinstance(end.code, int | None):
            raise
        _leave(end.code or 0)


def _leave(status: int) -> NoReturn:
    """End as Python does, but leave what is loaded to the kernel.

    Freed object by object it would be copied first, as all of it is shared with other forks: that
    takes longer than most commands.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
