"""Children made by fork, and waiting for them as a good parent does.

The lab forks without exec, so that its processes share the memory of what is already imported.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

PASSED_ON: Final = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_AWAITED: Final = (signal.SIGCHLD, *PASSED_ON)
_FROM_TERMINAL: Final = 0x80
"""SI_KERNEL, see sigaction(2): the terminal has sent it to the whole process group."""

_COMMAND_NOT_FOUND: Final = 127
_COMMAND_NOT_EXECUTABLE: Final = 126


def fork(work: Callable[[], int]) -> int:
    """Run a function in a new process, and return its pid; the result is its exit status.

    The child begins with the signal handling of a fresh program and never returns to the caller.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _forget_signals()
        status = work()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001  the outermost edge of this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _forget_signals() -> None:
    for number in (*_AWAITED, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)


class Vigil:
    """A context in which a process waits for children and passes signals on to one.

    Enter it before the fork: a signal that comes earlier than the wait is then kept, not lost.
    """

    def __init__(self, *, adopts: bool = False) -> None:
        """With `adopts`, end the zombies of every other child too, as PID 1 must."""
        self._adopts = adopts
        self._former: set[int] = set()

    def __enter__(self) -> "Vigil":
        self._former = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
        return self

    def __exit__(self, *_: object) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._former)

    def wait(self, child: int) -> int:
        """Wait for a child's end, and return its status as a shell would: 128+n for a signal."""
        while True:
            status = self._reap(child)
            if status is not None:
                return status
            arrived = signal.sigwaitinfo(_AWAITED)
            if arrived.si_signo != signal.SIGCHLD and arrived.si_code != _FROM_TERMINAL:
                os.kill(child, arrived.si_signo)

    def _reap(self, child: int) -> int | None:
        while True:
            pid, status = os.waitpid(-1 if self._adopts else child, os.WNOHANG)
            if pid == 0:
                return None
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code


def adopt_forever() -> NoReturn:
    """Be the PID 1 of a namespace: leave no zombies, until killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        signal.pause()


def execute(command: Sequence[str]) -> int:
    """Become a program, looked up in PATH; answers only where that fails, with a shell's status."""
    try:
        os.execvp(command[0], list(command))  # noqa: S606  the user's own command
    except FileNotFoundError:
        print(f"netconsole: {command[0]}: command not found", file=sys.stderr)
        return _COMMAND_NOT_FOUND
    except OSError as error:
        print(f"netconsole: {command[0]}: {error.strerror}", file=sys.stderr)
        return _COMMAND_NOT_EXECUTABLE
