"""Run a program of the system: no shell, a fixed PATH, a time limit, errors in one line."""

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence

from netconsole.backend.errors import NetconsoleError, Unavailable
from netconsole.backend.text import decoded, encoded, in_shell

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LC_ALL": "C"}


class ProgramFailed(NetconsoleError):
    """A program ended with a status that says it failed, or did not end in time."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said
        """What the program itself said, on one line."""


def run(
    argv: Sequence[str],
    *,
    text: str = "",
    timeout: float = 30.0,
    good: Collection[int] = (0,),
    environment: Mapping[str, str] | None = None,
    kept: Collection[int] = (),
) -> str:
    """Run a program and return what it wrote to standard output.

    `text` is its standard input, `timeout` is in seconds, `environment` comes on top of ours, and
    of our open files those that are `kept` stay open in it. Raises Unavailable where the program
    is not installed and ProgramFailed where it ends with a status other than the good ones.
    """
    program = shutil.which(argv[0], path=PATH)
    if program is None:
        raise Unavailable(f"{argv[0]}: not installed (looked in {PATH})")
    try:
        ended = subprocess.run(
            [encoded(word) for word in argv],
            executable=program,
            input=encoded(text),
            capture_output=True,
            timeout=timeout,
            env={**ENVIRONMENT, **(environment or {})},
            cwd="/",
            check=False,
            pass_fds=tuple(kept),
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"{_shown(argv)}: no end after {timeout:.0f} s") from None
    except OSError as error:
        raise ProgramFailed(f"{_shown(argv)}: {os.strerror(error.errno or 0)}") from None
    except ValueError:  # a NUL, or a surrogate that stands for no byte
        raise ProgramFailed(f"{_shown(argv)}: no program can be given these words") from None
    if ended.returncode not in good:
        said = " ".join(decoded(ended.stderr or ended.stdout).split())
        raise ProgramFailed(f"{_shown(argv)}: {_ending(said, ended.returncode)}", said)
    return decoded(ended.stdout)


def _ending(said: str, status: int) -> str:
    if said:
        return said
    return f"ended by signal {-status}" if status < 0 else f"exit status {status}"


def _shown(argv: Sequence[str]) -> str:
    shown = in_shell(*argv)
    return shown if len(shown) <= 200 else f"{shown[:197]}..."
