"""A host with systemd as its first process, on this machine's kernel, that can be booted again.

Its files are this machine's under an overlay in memory, which outlives a boot; what the kernel
holds of it, links, rules and processes, is new with each, as are /run and /tmp. It faces `outside`
by eth0 as a `PrivateHost` does. Little starts by itself, and the machine is not touched.
"""

import subprocess
import sys
from pathlib import Path
from typing import Self

import entered
from private_host import KINDS, NAME, PrivateHost, eventually

from netconsole.lab.sandbox.namespaces import Namespace

PROJECT = Path(__file__).parents[2]

HOLD = f"""
set -e
mount -t tmpfs -o mode=0755 tmpfs "$0"
mkdir "$0/own" "$0/work" "$0/root" "$0/proc"
mount -t overlay -o "lowerdir=/,upperdir=$0/own,workdir=$0/work" overlay "$0/root"
cd "$0/root"
rm -rf etc/netconsole etc/systemd/system/* var/lib/netconsole var/log/journal
ln -s /dev/null etc/systemd/system/console-getty.service
: > etc/machine-id
echo {NAME} > etc/hostname
echo ready
exec cat
"""
"""Holds the disk, in the directory $0, until its stdin ends."""

BOOT = """
cgroup=$1/netconsole-test-$$
mkdir "$cgroup" || exit
sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$cgroup" \
    unshare --mount --net --uts --ipc --cgroup --pid --fork --kill-child \
    sh -e -c "$2" "$0" "$@" </dev/null &
machine=$!
cat
kill -KILL $machine
wait $machine
for attempt in $(seq 200); do
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && exit
    sleep 0.05
done
"""
"""Begins a machine, in the control group $1, by the script $2; ends it when stdin ends."""

INIT = f"""
cd "$0/root"
shift 2
mount -t proc proc ../proc
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount --bind ../proc/sys/net proc/sys/net
umount ../proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs dev
for name in null zero full random urandom tty net/tun; do
    [ -e "/dev/$name" ] || continue
    mkdir -p "$(dirname "dev/$name")"
    : > "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
for directory in "$@"; do
    [ -e ".$directory" ] && continue
    mkdir -p ".$directory"
    mount --rbind "$directory" ".$directory"
done
mkdir run/old
pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old
mkdir /run/lock
hostname {NAME}
ip netns add outside
ip link set lo up
ip link add eth0 type veth peer name eth0 netns outside
ip address add 203.0.113.2/24 broadcast 203.0.113.255 dev eth0
ip link set eth0 up
ip -n outside link set lo up
ip -n outside address add 203.0.113.1/24 broadcast 203.0.113.255 dev eth0
ip -n outside link set eth0 up
ip route add default via 203.0.113.1
exec env -i container=netconsole-test "PATH=$PATH" /lib/systemd/systemd \
    --unit=multi-user.target --show-status=0 --log-target=journal
"""
"""As managers of containers do it; of the kernel's settings those of the network may be set."""


def control_group() -> Path | None:
    """Return this process's own group of the second hierarchy (cgroups(7)), where it has one."""
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    at = next((words[4] for words in mounts if words[words.index("-") + 1] == "cgroup2"), None)
    groups = (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    own = next((path for number, _, path in groups if number == "0"), None)
    return None if at is None or own is None else Path(at) / own.lstrip("/")


class BootedHost(PrivateHost):
    """Such a host; use it as a context manager."""

    def __init__(self, room: Path) -> None:
        """`room` is an empty directory; nothing is in it afterwards."""
        self._room, self._kinds = room, KINDS | Namespace.NET
        self._spawned: list[subprocess.Popen[str]] = []
        self.has_open_groups = False
        self._machine: subprocess.Popen[str] | None = None
        self._holder = self._start("unshare", "--mount", "sh", "-c", HOLD, str(room))
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError(f"no disk for it: {self._holder.communicate(timeout=60)[1]}")

    def __enter__(self) -> Self:
        self.boot()
        return self

    def boot(self) -> None:
        """Switch it on, and wait until all that starts by itself has started."""
        group = control_group()
        assert group is not None
        shown = map(str, dict.fromkeys((PROJECT, Path(sys.prefix), Path(sys.base_prefix))))
        words = ("sh", "-c", BOOT, str(self._room), str(group), INIT, *shown)
        self._machine = self._start("nsenter", f"--target={self._holder.pid}", "--mount", *words)
        self.pid = eventually(self._first_process) or 0
        state = eventually(self._state)
        assert state in ("running", "degraded"), state

    def halt(self) -> None:
        """Pull the plug: every process ends, and the kernel forgets."""
        if self._machine is not None:
            self._machine.communicate(timeout=60)
        for process in self._spawned:
            process.communicate(timeout=60)
        self._machine = None
        self._spawned.clear()

    def close(self) -> None:
        self.halt()
        self._holder.communicate(timeout=60)

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Run systemctl(1), and return what it says."""
        return self.run("systemctl", *words, check=check).stdout.strip()

    def _first_process(self) -> int | None:
        """That of the host, as this machine numbers it, once it is systemd."""
        assert self._machine is not None
        if self._machine.poll() is not None:
            raise RuntimeError(f"it does not boot: {self._machine.communicate()[1]}")
        pid = self._machine.pid
        for _ in range(2):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                return None
            pid = int(children[0])
        return pid if Path(f"/proc/{pid}/comm").read_text() == "systemd\n" else None

    def _state(self) -> str:
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return said if said not in ("initializing", "starting", "offline", "unknown") else ""

    @staticmethod
    def _start(*command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=entered.environment(),
            text=True,
        )
