"""The files that each dnsmasq reads while it runs, and whether its user may read them."""

from dataclasses import dataclass

READ, SEARCH = 4, 1
"""Bits of a mode, for one of owner, group and others (inode(7))."""


@dataclass(frozen=True, slots=True)
class FileMode:
    """A file or directory, and who may do what with it."""

    path: str
    mode: int
    """The permission bits."""
    owner: int
    group: int
    needs: int
    """What dnsmasq needs of it: READ, SEARCH or both."""
    owner_name: str = ""


@dataclass(frozen=True, slots=True)
class DnsmasqReader:
    """A dnsmasq, as whom it runs, and what it reads."""

    pid: int
    user: int
    groups: tuple[int, ...]
    user_name: str = ""
    files: tuple[FileMode, ...] = ()
    """With the directories that lead to them."""
    group: int = 0
    """Its first one."""
    group_name: str = ""
    control_group: str = ""
    """Of version 2 (cgroups(7)); empty where it is in the first one of all."""

    @property
    def closed(self) -> tuple[FileMode, ...]:
        """Return those that it may not read: root may all."""
        return tuple(each for each in self.files if self.user and not self._may(each))

    def _may(self, file: FileMode) -> bool:
        shift = 6 if file.owner == self.user else 3 if file.group in self.groups else 0
        return (file.mode >> shift) & file.needs == file.needs


@dataclass(frozen=True, slots=True)
class DnsmasqFiles:
    """All of them. Lists of access (acl(5)) are not looked at."""

    readers: tuple[DnsmasqReader, ...] = ()
