"""Standard input, output and error, whatever this process was given in their place.

One that is closed leaves its number free, and the next file opened would get it: the database, so
that words for stderr would be written into it.
"""

import io
import os
import sys
from contextlib import suppress
from typing import TextIO


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
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _writer(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", closefd=False)


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
        except (OSError, ValueError):
            discard(stream)
