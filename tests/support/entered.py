"""Commands in the namespaces of a process: how the tests run them on a host or in a lab."""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from forked import Forks, can_run, forks

from netconsole.lab.sandbox.namespaces import Namespace

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOCALE: Final = "C.UTF-8"
OPTIONS = {
    Namespace.USER: "--user",
    Namespace.NET: "--net",
    Namespace.MOUNT: "--mount",
    Namespace.UTS: "--uts",
    Namespace.IPC: "--ipc",
    Namespace.PID: "--pid",
}
"""Of nsenter(1)."""


class Entered(NamedTuple):
    """A command in namespaces of a process."""

    pid: int
    kinds: Namespace
    words: Sequence[str]

    @property
    def argv(self) -> list[str]:
        """The argument list that runs it, in `/`."""
        chosen = [option for kind, option in OPTIONS.items() if kind in self.kinds]
        return ["nsenter", f"--target={self.pid}", *chosen, "--", *self.words]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return that of a command: root's, whoever runs the tests."""
    programs = Path(sys.executable).parent
    return {
        "PATH": f"{programs}:{SYSTEM_PATH}",
        "HOME": "/root",
        "LC_ALL": LOCALE,
        **(more or {}),
    }


def run(
    pid: int,
    kinds: Namespace,
    words: Sequence[str],
    *,
    check: bool,
    timeout: float,
    input: str | None = None,
    more: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. With `check`, a status other than 0 fails the test.

    One of netconsole or Python to which no input is given is one of `forks`.
    """
    if can_fork(words, more) and input is None:
        done = _forking().run(pid, kinds, words, timeout, more or {})
    else:
        done = subprocess.run(
            Entered(pid, kinds, words).argv,
            stdin=None if input is not None else subprocess.DEVNULL,
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment(more),
            check=False,
        )
    if check and done.returncode != 0:
        raise AssertionError(
            f"{shlex.join(words)} exited {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done


def spawn(
    pid: int, kinds: Namespace, words: Sequence[str], more: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start a command and leave it running; it is a fork as with `run`."""
    if can_fork(words, more):
        return _forking().start(pid, kinds, words, more or {})
    return subprocess.Popen(
        Entered(pid, kinds, words).argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(more),
        text=True,
    )


def show(entered: Entered, more: Mapping[str, str], terminal: int) -> subprocess.Popen[str]:
    """Start one that can be forked as the first of a session, which has this terminal."""
    return _forking().show(*entered, more, terminal)


def can_fork(words: Sequence[str], more: Mapping[str, str] | None) -> bool:
    """Whether a command may be one of `forks`; the locale is read by Python as it starts."""
    return can_run(words) and (more or {}).get("LC_ALL", LOCALE) == LOCALE


def _forking() -> Forks:
    return forks(tuple(environment().items()))
