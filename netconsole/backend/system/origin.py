"""Origin: whether a service began a process, or an admin who typed it (proc(5), cgroups(7))."""

import os
from collections.abc import Iterator
from typing import Final

from netconsole.backend.system import files

_LONGEST_NAME: Final = 15
"""Bytes of the name that the kernel keeps of a process (TASK_COMM_LEN)."""
_ENDING: Final = ".service"
_OF_ADMINS: Final = ("ssh", "sshd", "getty@", "serial-getty@", "console-getty", "container-getty@")
"""Services under which admins work where nobody keeps their sessions apart."""
_OWN: Final = "netconsole-agent"
_LOADERS: Final = frozenset(
    {
        *("firewalld", "dockerd", "ufw", "netfilter-persi", "libvirtd", "virtnetworkd"),
        *("kube-proxy", "kube-router", "shorewall"),
    }
)
"""Programs that load the packet filter, where there is no systemd to tell of services."""
_MOST_ANCESTORS: Final = 32


def service_of(process: int, name: str) -> str | None:
    """Return by which service a process was begun; "" where an admin did, None where it is gone.

    `name` is what the process calls itself: its number alone may be another's by now. The kernel
    numbers processes as the first pid namespace does; in another, as in a container, the name has
    to do.
    """
    if not _is_first_namespace():
        return name if name in _LOADERS else None
    if _told(process, "comm").rstrip("\n") != name[:_LONGEST_NAME]:
        return None
    if _has_terminal(process):
        return ""
    for line in _told(process, "cgroup").splitlines():
        group = line.rpartition("/")[2]
        if group.endswith(_ENDING):
            service = group.removesuffix(_ENDING)
            return "" if service.startswith((*_OF_ADMINS, _OWN)) else service
    return next((each for each in _ancestors(process) if each in _LOADERS), "")


def _is_first_namespace() -> bool:
    """By PROC_PID_INIT_INO of linux/proc_ns.h."""
    return os.readlink("/proc/self/ns/pid") == "pid:[4026531836]"  # noqa: PTH115  it names no file


def _ancestors(process: int) -> Iterator[str]:
    """The names of a process and of those that began it."""
    for _ in range(_MOST_ANCESTORS):
        if process <= 1:
            return
        yield _told(process, "comm").rstrip("\n")
        process = _number(process, 1)


def _has_terminal(process: int) -> bool:
    return _number(process, 4) != 0


def _number(process: int, place: int) -> int:
    """A field of /proc/PID/stat, counted from behind the name; 0 where the process is gone."""
    words = _told(process, "stat").rpartition(")")[2].split()
    return int(words[place]) if len(words) > place else 0


def _told(process: int, file: str) -> str:
    try:
        return files.read_text(f"/proc/{process}/{file}")
    except OSError:
        return ""
