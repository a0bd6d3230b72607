"""Root of a lab is root of its namespaces alone: user_namespaces(7)."""

import errno
import os
import sys
from pathlib import Path
from typing import Final

from netconsole.lab.sandbox.namespaces import MountFlag, Namespace, enter, mount, renounce, unshare
from netconsole.lab.sandbox.processes import fork

_OVER_THE_MACHINE: Final = (16, 17, 22, 25, 27, 32, 33, 34)
"""CAP_SYS_MODULE, SYS_RAWIO, SYS_BOOT, SYS_TIME, MKNOD, MAC_OVERRIDE, MAC_ADMIN and SYSLOG."""

NOT_CLOSED: Final = (
    "netconsole: lab: this kernel or container lets root have no user namespace of its own here. "
    "Clumsiness does not reach the machine; root of the lab could, by mounting it anew."
)


def give_up_power(kinds: Namespace) -> None:
    """Go into new namespaces of these kinds, and a new user namespace that owns them.

    Everybody keeps the own ids: files belong to whom they belonged. Where there can be no such
    user namespace, root gives up what is of no use in a lab, and stderr says so; an ordinary
    user has no power to give up.
    """
    if not _allowed():
        unshare(kinds)
        show_links()
        if _is_machines_root():
            renounce(_OVER_THE_MACHINE)
            print(NOT_CLOSED, file=sys.stderr)
        return
    ready, tell = os.pipe()
    helper = fork(lambda: _help(os.getppid(), ready, tell))
    os.close(ready)
    unshare(kinds & ~Namespace.MOUNT | Namespace.USER)
    os.write(tell, b".")
    os.close(tell)
    if os.waitpid(helper, 0)[1] != 0:
        raise OSError(errno.EPERM, "the ids or /sys could not be set up", "user namespace")
    unshare(Namespace.MOUNT)  # locks what is mounted by now


def show_links() -> None:
    """Show the links of the caller's network namespace in /sys."""
    guarded = MountFlag.READ_ONLY | MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
    mount("sysfs", "/sys", "sysfs", guarded)


def _help(pid: int, ready: int, tell: int) -> int:
    """Give a process's new user namespace its ids, and mount /sys where it cannot be removed.

    ip-netns(8) removes a /sys where it can, and then mounts a writable one, which is refused.
    """
    os.close(tell)
    if not os.read(ready, 1):
        return 1
    _map_ids(pid)
    enter(pid, Namespace.NET)
    show_links()
    return 0


def _map_ids(pid: int) -> None:
    for name in ("uid_map", "gid_map"):
        lines = Path("/proc/self", name).read_text().splitlines()
        ranges = [(first, count) for first, _, count in map(str.split, lines)]
        text = "".join(f"{first} {first} {count}\n" for first, count in ranges)
        Path(f"/proc/{pid}", name).write_text(text)


def _allowed() -> bool:
    """Whether a user namespace here can have what a lab needs: links, and /sys to show them."""

    def attempt() -> int:
        try:
            unshare(Namespace.USER | Namespace.MOUNT | Namespace.NET)
            show_links()
        except OSError:
            return 1
        return 0

    return os.waitpid(fork(attempt), 0)[1] == 0


def _is_machines_root() -> bool:
    first, outside, _ = Path("/proc/self/uid_map").read_text().splitlines()[0].split()
    return os.geteuid() == 0 and (first, outside) == ("0", "0")
