"""Commands in the namespaces of a process: how the tests run them on a host or in a lab."""

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from forked import can_run, forks

from netconsole.lab.sandbox.namespaces import Namespace

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OPTIONS = {
    Namespace.USER: "--user",
    Namespace.NET: "--net",
    Namespace.MOUNT: "--mount",
    Namespace.UTS: "--uts",
    Namespace.IPC: "--ipc",
    Namespace.PID: "--pid",
}
"""Of nsenter(1)."""


def command(pid: int, kinds: Namespace, words: Sequence[str]) -> list[str]:
    """Return the argument list that runs a command in namespaces of a process, in `/`."""
    chosen = [option for kind, option in OPTIONS.items() if kind in kinds]
    return ["nsenter", f"--target={pid}", *chosen, "--", *words]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return that of a command: root's, whoever runs the tests."""
    programs = Path(sys.executable).parent
    return {
        "PATH": f"{programs}:{SYSTEM_PATH}",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
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

    One of netconsole or Python to which neither input nor environment is given is one of `forks`.
    """
    if can_run(words) and input is None and not more:
        forking = forks(tuple(environment().items()))
        done = forking.run(pid, kinds, words, timeout)
    else:
        done = subprocess.run(
            command(pid, kinds, words),
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
    if can_run(words) and not more:
        return forks(tuple(environment().items())).start(pid, kinds, words)
    return subprocess.Popen(
        command(pid, kinds, words),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(more),
        text=True,
    )
