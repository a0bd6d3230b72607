"""How a command ends that did not succeed: one line on stderr, and an exit status.

The only place where an error becomes words and a number; commands just raise.
"""

import os
import signal
import sys
import tempfile
import traceback
from typing import NoReturn

import click

from netconsole import __version__
from netconsole.backend.errors import ExitStatus, NetconsoleError
from netconsole.cli.output import NotWritten, ReaderGone

INTERRUPTED = 128 + signal.SIGINT
PIPE_CLOSED = 128 + signal.SIGPIPE


def end(error: BaseException, *, read_only: bool = False) -> int:
    """Say on stderr what ended the command, and answer its exit status.

    Of a bug a report is written, unless all is `read_only`.
    """
    match error:
        case NetconsoleError():
            if isinstance(error, NotWritten):
                _discard_stdout()
            _say(str(error))
            return int(error.exit_status)
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            return error.exit_code
        case click.ClickException():
            _say(_usage(error))
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            return INTERRUPTED
        case ReaderGone():
            _discard_stdout()
            return PIPE_CLOSED
        case _:
            where = (
                "without --read-only a report is written"
                if read_only
                else f"the report is in {write_report(error)}"
            )
            _say(f"{_one_line(error)} (a bug; {where})")
            return int(ExitStatus.FAILED)


def write_report(error: BaseException) -> str:
    """Write a traceback to a new file that only its owner may read, and answer its path.

    It holds no values of local variables: a password in one must not end up in a bug report.
    """
    text = "".join(
        (
            f"netconsole {__version__}, Python {sys.version.split()[0]}, ",
            f"{os.uname().sysname} {os.uname().release}\n",
            *traceback.TracebackException.from_exception(error, capture_locals=False).format(),
        )
    )
    descriptor, path = tempfile.mkstemp(prefix="netconsole-report-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as report:
        report.write(text)
    return path


def _say(line: str) -> None:
    """Write one line of words; control characters in it must not reach the terminal."""
    shown = "".join(character if character.isprintable() else "?" for character in line)
    click.echo(f"netconsole: {shown}", err=True)


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message} See '{error.ctx.command_path} --help'."
    return message


def _one_line(error: BaseException) -> str:
    words = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {words}" if words else name


def _discard_stdout() -> None:
    """Point stdout to nowhere: the interpreter flushes it once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def exit_with(status: int) -> NoReturn:
    """End the running command with a status that is not success, yet no error either."""
    raise click.exceptions.Exit(status)
