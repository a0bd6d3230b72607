"""Run a program of the system: no shell, a fixed PATH, a time limit, errors in one line."""

import os
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.text import decoded, encoded, in_shell

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C"}


class ProgramFailed(NetconsoleError):
    """A program ended with a status that says it failed, or did not end in time."""

    def __init__(self, argv: Sequence[str], ending: str, said: str = "") -> None:
        super().__init__(f"{_shown(argv)}: {ending}")
        self.ending = ending
        """Why it failed, without the words that it was given."""
        self.said = said
        """What the program itself said, on one line."""


class ProgramTimedOut(ProgramFailed):
    """A program did not end in time: what it was to do may have happened."""


_HELD: ContextVar[int | None] = ContextVar("held", default=None)


@contextmanager
def holding(handle: int) -> Iterator[None]:
    """Let programs that are run meanwhile hold an open file, and with it its lock (flock(2)).

    They go on when this process is killed, and nobody else may begin before they have ended.
    """
    former = _HELD.set(handle)
    try:
        yield
    finally:
        _HELD.reset(former)


def run(
    argv: Sequence[str],
    *,
    text: str = "",
    timeout: float = 30.0,
    good: Collection[int] = (0,),
    environment: Mapping[str, str] | None = None,
    stays: bool = False,
) -> str:
    """Run a program and return what it wrote to standard output.

    `text` is its standard input, `timeout` is in seconds, `environment` comes on top of ours. One
    that `stays` as a process of its own holds nothing of what `holding` says. Raises Unavailable
    where the program is not installed and ProgramFailed where it ends with a status other than
    the good ones.
    """
    program = shutil.which(argv[0], path=PATH)
    if program is None:
        raise Unavailable(f"{argv[0]}: not installed (looked in {PATH})")
    held = None if stays else _HELD.get()
    try:
        with _input(text) as stdin:
            ended = subprocess.run(
                [encoded(word) for word in argv],
                executable=program,
                stdin=stdin,
                capture_output=True,
                timeout=timeout,
                env={**ENVIRONMENT, **(environment or {})},
                cwd="/",
                check=False,
                pass_fds=() if held is None else (held,),
            )
    except subprocess.TimeoutExpired:
        raise ProgramTimedOut(argv, f"no end after {timeout:.0f} s") from None
    except OSError as error:
        raise ProgramFailed(argv, os.strerror(error.errno or 0)) from None
    except ValueError:  # a NUL, or a surrogate that stands for no byte
        raise ProgramFailed(argv, "no program can be given these words") from None
    if ended.returncode not in good:
        said = " ".join(decoded(ended.stderr or ended.stdout).split())
        raise ProgramFailed(argv, _ending(said, ended.returncode), said)
    return decoded(ended.stdout)


@contextmanager
def _input(text: str) -> Iterator[int]:
    """A text as standard input: all of it is there, also when we are killed (memfd_create(2))."""
    handle = os.memfd_create("input")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(encoded(text))
        os.lseek(handle, 0, os.SEEK_SET)
        yield handle
    finally:
        os.close(handle)


def _ending(said: str, status: int) -> str:
    """Why a program failed; what one had said that was killed is the half of something else."""
    if status < 0:
        return f"ended by signal {-status} ({signal.strsignal(-status)})"
    return said or f"exit status {status}"


def _shown(argv: Sequence[str]) -> str:
    shown = in_shell(*argv)
    return shown if len(shown) <= 200 else f"{shown[:197]}..."
