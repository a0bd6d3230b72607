"""A host of a test's own: namespaces in which netconsole may change whatever it likes.

It has the interface eth0 (203.0.113.2/24) facing the namespace `outside` (203.0.113.1), a copy
of /etc, an empty /var and /run, its own processes and its own name. The machine underneath is
not touched, and when the host is closed, or the test run is killed, the kernel takes all of it
away.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import entered
from entered import Entered

from netconsole.lab.sandbox.namespaces import Namespace

Answer = TypeVar("Answer")

NAME = "testhost"
NAMESPACES = ("--net", "--mount", "--uts", "--ipc", "--pid")
KINDS = Namespace.MOUNT | Namespace.UTS | Namespace.IPC | Namespace.PID
ENDING = ("--fork", "--kill-child", "--mount-proc")

BUILD = f"""
set -e
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/lock /run/etc/own /run/etc/work
over=lowerdir=/etc,upperdir=/run/etc/own,workdir=/run/etc/work
if [ "$1" = user ] || ! mount -t overlay -o $over overlay /etc 2>/dev/null; then
    cp -a /etc/. /run/etc/own 2>/dev/null || true
    mount --bind /run/etc/own /etc
fi
rm -rf /etc/netconsole
mount -t tmpfs -o mode=0755 tmpfs /var
mkdir -p /var/cache /var/lib/dhcp /var/lib/misc /var/log /var/tmp
[ "$0" = machine ] || mount -t sysfs sysfs /sys
hostname {NAME}
ip netns add outside
ip -batch - <<END
link set lo up
link add eth0 type veth peer name eth0 netns outside
address add 203.0.113.2/24 broadcast 203.0.113.255 dev eth0
link set eth0 up
END
ip -n outside -batch - <<END
link set lo up
address add 203.0.113.1/24 broadcast 203.0.113.255 dev eth0
link set eth0 up
END
ip route add default via 203.0.113.1
echo ready
exec env --ignore-signal=CHLD cat
"""
"""Ends when its stdin does, and the pid namespace with it; CHLD ignored, so that orphans go.

Its $0 says whose network it is, `own` or `machine`: /sys shows that of who mounts it. Its $1 says
who makes it, `root` or a `user`, who could not write in a directory of root's, laid over or not.
"""


def user_namespace() -> list[str]:
    """Return the options of unshare(1) that make an ordinary user root of its own namespaces."""
    return [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]


class PrivateHost:
    """A host in namespaces; use it as a context manager.

    With `network` false its network is the machine's: for virtual machines only, whose first
    network namespace has settings that no other has.
    """

    def __init__(self, network: bool = True) -> None:
        user = user_namespace()
        self._namespaces = NAMESPACES if network else NAMESPACES[1:]
        self._kinds = KINDS | (Namespace.NET if network else 0) | (Namespace.USER if user else 0)
        self._spawned: list[subprocess.Popen[str]] = []
        self.has_open_groups = False
        """Whether new projects let everything in to their instances (`cloud.open_groups`)."""
        self._holder = subprocess.Popen(
            [
                *("unshare", *user, *self._namespaces, *ENDING),
                *("sh", "-c", BUILD, "own" if network else "machine"),
                "user" if user else "root",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=entered.environment(),
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            _, reason = self._holder.communicate(timeout=60)
            raise RuntimeError(f"no private host here: {reason.strip()}")
        parent = self._holder.pid
        self.pid = int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])
        """Of the host's first process, as the machine numbers it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def command(self, *command: str) -> list[str]:
        """Return the argument list that runs a command on this host, from the machine."""
        return self.entered(*command).argv

    def entered(self, *command: str) -> Entered:
        """Return a command of this host, for a terminal."""
        return Entered(self.pid, self._kinds, command)

    def run(
        self,
        *command: str,
        check: bool = True,
        input: str | None = None,
        timeout: float = 120,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. With `check`, a status other than 0 fails the test."""
        return entered.run(
            *(self.pid, self._kinds, command),
            check=check,
            input=input,
            timeout=timeout,
            more=environment or {},
        )

    def outside(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the namespace that eth0 faces."""
        return self.run("ip", "netns", "exec", "outside", *command, check=check)

    def spawn(
        self, *command: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command and leave it running; it ends with the host at the latest."""
        process = entered.spawn(self.pid, self._kinds, command, environment)
        self._spawned.append(process)
        return process

    def write(self, path: str, text: str) -> None:
        """Write a file of the host, with the directories above it."""
        self.run("mkdir", "-p", str(Path(path).parent))
        self.run("tee", path, input=text)

    def read(self, path: str) -> str:
        """Read a file of the host."""
        return self.run("cat", path).stdout

    def close(self) -> None:
        """End every process of the host; its namespaces go with them."""
        self._holder.communicate(timeout=60)
        for process in self._spawned:
            process.communicate(timeout=60)


def eventually(
    question: Callable[[], Answer], *, seconds: float = 120, every: float = 0.02
) -> Answer:
    """Ask until the answer is true, and return it; fail after so many seconds.

    What is waited for needs the processor more: asking takes a tenth of the time at most, once
    that does not delay the answer by more than a third of what it has taken.
    """
    began = time.monotonic()
    while True:
        asked = time.monotonic()
        if answer := question():
            return answer
        now = time.monotonic()
        if now > began + seconds:
            raise AssertionError(f"not so within {seconds} s; the last answer was {answer!r}")
        time.sleep(max(every, min(10 * (now - asked), (now - began) / 3)))
