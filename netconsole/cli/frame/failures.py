"""How a command ends that did not succeed: one line on stderr, and an exit status.

The only place where an error becomes words and a number; commands just raise.
"""

import errno
import os
import signal
import sys

import click

from netconsole import __version__
from netconsole.backend.model.errors import DoneUntold, ExitStatus, NetconsoleError
from netconsole.cli.frame import output, standard
from netconsole.cli.frame.standard import NotWritten, ReaderGone

INTERRUPTED = 128 + signal.SIGINT
PIPE_CLOSED = 128 + signal.SIGPIPE
SYSTEM_REFUSES = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
    }
)
"""What no command of ours can do anything about, wherever it is met (errno(3))."""


def end(error: BaseException, *, read_only: bool = False) -> int:
    """Say on stderr what ended the command, and return its exit status.

    Of a bug a report is written, unless all is `read_only`.
    """
    match error:
        case NetconsoleError():
            if isinstance(error, NotWritten):
                standard.discard(sys.stdout)
            for line in (*getattr(error, "__notes__", ()), str(error)):
                _say(line)
            return int(error.exit_status)
        case click.exceptions.NoArgsIsHelpError():
            output.say_lines(error.format_message())
            return error.exit_code
        case click.ClickException():
            _say(_usage(error))
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            for line in getattr(error.__cause__ or error, "__notes__", ()):
                _say(line)
            return INTERRUPTED
        case ReaderGone():
            standard.discard(sys.stdout)
            return PIPE_CLOSED
        case DoneUntold(__cause__=BaseException() as cause):
            words, _ = _unforeseen(cause, read_only)
            _say(f"{error}, but {words}")
            return int(ExitStatus.PARTLY_DONE)
        case _:
            words, status = _unforeseen(error, read_only)
            _say(words)
            return int(status)


def _unforeseen(error: BaseException, read_only: bool) -> tuple[str, ExitStatus]:
    """Return what is to be said of an error that no command foresaw, and the status for it."""
    match error:
        case MemoryError():
            words = "there is not enough memory for this (see `ulimit -v`)"
        case RuntimeError() if str(error) == "can't start new thread":
            words = "the system allows no further thread (see `ulimit -u` and `ulimit -v`)"
        case OSError() if error.errno in SYSTEM_REFUSES:
            place = f"{output.shown(error.filename)}: " if error.filename else ""
            words = f"{place}{error.strerror}: the system refuses what this command needs"
        case _:
            where = "without --read-only a report is written" if read_only else write_report(error)
            return f"{_one_line(error)} (a bug; {where})", ExitStatus.FAILED
    return words, ExitStatus.UNAVAILABLE


def write_report(error: BaseException) -> str:
    """Write a traceback to a new file that only its owner may read, and say where it is.

    Where no file can be written, the last line of the traceback has to do. It holds no values of
    local variables: a password in one must not end up in a bug report.
    """
    import tempfile
    import traceback

    text = "".join(
        (
            f"netconsole {__version__}, Python {sys.version.split()[0]}, ",
            f"{os.uname().sysname} {os.uname().release}\n",
            *traceback.TracebackException.from_exception(error, capture_locals=False).format(),
        )
    )
    try:
        descriptor, path = tempfile.mkstemp(prefix="netconsole-report-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as report:
            report.write(text)
    except OSError as reason:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename} line {frame.lineno}"
        return f"no report could be written: {reason.strerror}; it was in {place}"
    return f"the report is in {path}"


def _say(line: str) -> None:
    output.say(f"netconsole: {line}")


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message} See '{error.ctx.command_path} --help'."
    return message


def _one_line(error: BaseException) -> str:
    words = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {words}" if words else name
