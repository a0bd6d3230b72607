"""A virtual machine with a kernel of its own: user-mode-linux over this machine's file system.

    python tests/vm/machine.py COMMAND…

runs a command there as root, in the directory where it is called, and gives back its exit status.
The kernel has what a container's often lacks, 802.1Q above all, and knows iptables of the legacy
kind only. The machine's files are read-only inside; /etc, /run, /tmp and /var are in memory.
Nothing is left behind, however it ends. It keeps to one processor.
"""

import errno
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[1]
PROGRAMS: Final = (
    *("linux.uml", "ebtables-legacy", "unshare", "setpriv", "taskset"),
    *("gcc", "busybox", "modprobe"),
)

MEMORY: Final = "1G"
SYSTEM_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
NOT_ENDED: Final = 124
"""The exit status of a command that was stopped for its time, as of timeout(1)."""
NOT_RUN: Final = 125
"""The exit status where the machine ended before its command did."""

_IN_MACHINE: Final = "NETCONSOLE_IN_VM"
_START: Final = """
set -e
ulimit -c 0
mount -t tmpfs -o mode=0700 tmpfs "$0/memory"
env -i "PATH=$PATH" "HOME=$0/memory" "TMPDIR=$0/memory" "LD_PRELOAD=$0/xstate.so" "$@"
exit
"""
"""The machine's memory is a file: in a file system of its own, it goes with the machine.

The shell stays, because a kernel that panics aborts, which the first process of a pid namespace
does not; before that it ends its process group, which is why it has one of its own.
"""


def inside_machine() -> bool:
    """Whether this process runs in such a machine."""
    return os.environ.get(_IN_MACHINE) == "1"


def run(
    command: Sequence[str], seconds: float, say: Callable[[str], object] = sys.stdout.write
) -> int:
    """Run a command in a fresh machine, in the current directory; return its exit status.

    What it writes goes to `say`, line by line. After so many seconds everything is killed, and the
    answer is NOT_ENDED; where the machine comes to nothing, it is NOT_RUN.
    """
    with tempfile.TemporaryDirectory(prefix="netconsole-vm-") as name:
        work = Path(name)
        (work / "memory").mkdir()
        (work / "job").write_text(_job(command))
        subprocess.run(
            ["gcc", "-O2", "-shared", "-fPIC", "-o", work / "xstate.so", HERE / "xstate.c"],
            check=True,
            timeout=60,
        )
        with _processor() as processor:
            in_time = watch(_launch(work, processor), seconds, say)
        status = work / "status"
        if status.exists():
            return int(status.read_text())
        return NOT_RUN if in_time else NOT_ENDED


def _job(command: Sequence[str]) -> str:
    settings = {
        _IN_MACHINE: "1",
        "HOME": "/tmp",  # noqa: S108  of the machine, which is new
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": SYSTEM_PATH,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    words = ["env", "-i", *(f"{name}={value}" for name, value in settings.items()), *command]
    return f"cd {shlex.quote(str(Path.cwd()))}\n{shlex.join(words)}\n"


def _launch(work: Path, processor: int) -> "subprocess.Popen[str]":
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
    # What stands below a directory that is new in the machine is shown again.
    shown = ":".join(map(str, dict.fromkeys((PROJECT, sys.prefix, sys.base_prefix))))
    kernel = (
        "linux.uml",
        f"mem={MEMORY}",
        *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={HERE / 'init'}"),
        *(f"WORK={work}", f"SHOWN={shown}"),
        *(f"uml_dir={work / 'memory'}", "umid=vm", "con=null", "con0=null,fd:1"),
        *("quiet", "loglevel=3", "panic=-1", "noreboot"),
    )
    namespaces = (*user, "--mount", "--pid", "--fork", "--kill-child")
    start = ("sh", "-c", _START, str(work), *kernel)
    return subprocess.Popen(
        [
            *("setpriv", "--pdeathsig", "KILL", "taskset", "--cpu-list", str(processor)),
            *("unshare", *namespaces, *start),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": SYSTEM_PATH},
        start_new_session=True,
        text=True,
        errors="replace",
    )


@contextmanager
def _processor() -> Iterator[int]:
    """Give a processor to keep to, another one to each machine while there are enough.

    The kernel and its processes take turns at each system call and each page fault. Woken on
    another processor they need about five times as long for it.
    """
    allowed = sorted(os.sched_getaffinity(0))
    with socket.socket(socket.AF_UNIX) as mark:
        free = (processor for processor in allowed if _marked(mark, processor))
        yield next(free, allowed[os.getpid() % len(allowed)])


def _marked(mark: socket.socket, processor: int) -> bool:
    """Whether a processor is taken now: it was no other machine's."""
    try:
        mark.bind(f"\0netconsole-vm-processor-{processor}")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True


def put_in_place(made: Path, target: Path) -> None:
    """Move a directory to where it is looked for, unless another process was first."""
    try:
        made.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


def watch(machine: "subprocess.Popen[str]", seconds: float, say: Callable[[str], object]) -> bool:
    """Pass on what a machine says until it ends; return whether it did so in time."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        machine.kill()

    limit = threading.Timer(seconds, stop)
    limit.start()
    try:
        with machine:
            assert machine.stdout is not None
            for line in machine.stdout:
                say(line)
    finally:
        limit.cancel()
        machine.kill()
    return not late.is_set()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], seconds=3600))
