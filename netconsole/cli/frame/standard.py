"""Standard input, output and error, whatever this process was given in their place.

One that is closed leaves its number free, and the next file opened would get it: the database, so
that words for stderr would be written into it.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from netconsole.backend.model.errors import NetconsoleError


class ReaderGone(Exception):
    """Whoever read stdout closed it; click would take the OSError for a failure of the command."""


class NotWritten(NetconsoleError):
    """Stdout takes no more: it is closed, a full disk, a terminal that hung up."""


class Stdout(io.TextIOWrapper):
    """Standard output, which tells what becomes of it whoever writes: a command, or click's help.

    What is written and flushed raises ReaderGone or NotWritten.
    """

    def write(self, text: str) -> int:
        with _writing():
            return super().write(text)

    def flush(self) -> None:
        with _writing():
            super().flush()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise NotWritten(f"stdout could not be written: {error.strerror}") from error


def open_all() -> None:
    """Make all three streams usable, and their letters those that the locale has.

    From a closed stdin nothing is read, and on a closed stdout nothing can be written: that is told
    as any other failure to write. Words for a closed stderr go nowhere.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        if not _is_open(number):
            handle = os.open(os.devnull, flags)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _stdout()
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _stdout() -> Stdout:
    buffer = open(1, "wb", closefd=False)  # noqa: SIM115
    return Stdout(
        buffer,
        encoding=sys.stdout.encoding if sys.stdout else "utf-8",
        errors="backslashreplace",
        line_buffering=buffer.isatty(),
    )


def discard(stream: TextIO) -> None:
    """Point a stream to nowhere: the interpreter flushes it once more at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def let_go() -> None:
    """Write out what is left; what cannot be written has been told of, and is given up."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, NotWritten, ReaderGone):
            discard(stream)
