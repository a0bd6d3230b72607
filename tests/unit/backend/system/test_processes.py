"""What the kernel says of processes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netconsole.backend.system import processes

WAITING = """
import os, sys
print("ready", flush=True)
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, sys.argv[1], 0, 0)])
"""  # noqa: E501
"""Waits in the kernel, where no signal wakes it, until its child has opened a FIFO (vfork(2))."""


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextmanager
def held_up(fifo: Path) -> Iterator[int]:
    """A process that stands still in the kernel."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(fifo)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while state(process.pid) != "D":
            assert process.poll() is None
        try:
            yield process.pid
        finally:
            with fifo.open("w"):
                process.wait()


def test_one_that_stands_still_in_the_kernel_is_told_and_one_that_sleeps_is_not(
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "fifo"
    subprocess.run(["mkfifo", str(fifo)], check=True)
    with held_up(fifo) as stuck, subprocess.Popen(["sleep", "600"]) as sleeper:
        found = processes.stopped([stuck, sleeper.pid])
        sleeper.kill()
    assert list(found) == [stuck]
    assert "held up in the kernel" in found[stuck]


def test_one_that_a_signal_stopped_is_told_at_once() -> None:
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        sleeper.send_signal(signal.SIGSTOP)
        while state(sleeper.pid) != "T":
            assert sleeper.poll() is None
        found = processes.stopped([sleeper.pid])
        sleeper.kill()
    assert f"kill -CONT {sleeper.pid}" in found[sleeper.pid]
