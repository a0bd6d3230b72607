"""Run a program of the system: no shell, a fixed PATH, a time limit, errors in one line."""

import os
import shutil
import subprocess
from collections.abc import Collection, Sequence

from netconsole.backend.errors import NetconsoleError, Unavailable

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C"}


class ProgramFailed(NetconsoleError):
    """A program ended with a status that says it failed, or did not end in time."""


def run(
    argv: Sequence[str],
    *,
    text: str | None = None,
    timeout: float = 30.0,
    good: Collection[int] = (0,),
) -> str:
    """Run a program and return what it wrote to standard output.

    `text` is its standard input, `timeout` is in seconds. Raises Unavailable where the program is
    not installed and ProgramFailed where it ends with a status other than the good ones.
    """
    program = shutil.which(argv[0], path=PATH)
    if program is None:
        raise Unavailable(f"{argv[0]}: not installed (looked in {PATH})")
    try:
        ended = subprocess.run(
            list(argv),
            executable=program,
            input=text if text is not None else "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env=ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{_shown(argv)}: no end after {timeout:.0f} s") from None
    except OSError as error:
        raise ProgramFailed(f"{_shown(argv)}: {os.strerror(error.errno or 0)}") from None
    if ended.returncode not in good:
        said = " ".join((ended.stderr or ended.stdout).split())
        raise ProgramFailed(f"{_shown(argv)}: {said or f'exit status {ended.returncode}'}")
    return ended.stdout


def _shown(argv: Sequence[str]) -> str:
    shown = " ".join(argv)
    return shown if len(shown) <= 200 else f"{shown[:197]}..."
