"""The file systems that hold netconsole's state."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class StatePlace:
    """One directory of the state, and the file system under it (statvfs(3), mountinfo)."""

    path: str
    mount_point: str
    free_bytes: int
    """For a process that is not root: the lease files are written by one that is not."""
    total_bytes: int
    free_inodes: int
    total_inodes: int
    """0 where the file system makes them as it needs them."""
    read_only_mount: bool
    """This mount alone was made read-only, by someone."""
    read_only_file_system: bool
    """The file system is: so it was mounted, or the kernel made it so after an error."""


@dataclass(frozen=True, slots=True)
class KeptLeases:
    """The lease file that a dnsmasq of a network was given, and where it writes in truth."""

    path: str
    pid: int
    is_open: bool = True
    """Whether the process has that very file open, as it has from its start to its end."""
    descriptor: str = ""
    """Of the file that it has open instead, under /proc; empty where it has none."""
    flag: Literal["", "immutable", "append-only"] = ""
    """An attribute that keeps even root from writing it anew (ioctl_iflags(2))."""


@dataclass(frozen=True, slots=True)
class StateStorage:
    """All of them."""

    places: tuple[StatePlace, ...] = ()
    """Directories, and lease files that are on a file system of their own."""
    leases: tuple[KeptLeases, ...] = ()
