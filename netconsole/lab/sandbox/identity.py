"""How an ordinary user becomes root of the lab: a user namespace with a range of ids.

One id is not enough: dnsmasq and tcpdump change to a user of their own.
"""

import errno
import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.system.programs import PATH, ProgramFailed, run

IDS_NEEDED: Final = 65535
"""So that `nobody` (65534) exists in the lab."""


@dataclass(frozen=True, slots=True)
class IdRange:
    """Ids that a user may hand out in its namespaces; see subuid(5)."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class IdMap:
    """Who is who in the lab: root is the user itself, the others come from its ranges."""

    user: int
    group: int
    users: IdRange
    groups: IdRange

    def apply(self, pid: int) -> None:
        """Give a process's new user namespace its ids (newuidmap(1), newgidmap(1))."""
        _map_ids("newuidmap", pid, self.user, self.users)
        _map_ids("newgidmap", pid, self.group, self.groups)


def id_map() -> IdMap | None:
    """Return how to become root of the lab; None for who is root already.

    Raises Unavailable, saying what is missing, where that cannot be.
    """
    if os.geteuid() == 0:
        _require_ids_of_root()
        return None
    _require_user_namespaces()
    for program in ("newuidmap", "newgidmap"):
        if shutil.which(program, path=PATH) is None:
            raise Unavailable(
                f"the lab of an ordinary user needs {program} (Debian package uidmap); "
                "or run it as root"
            )
    entry = pwd.getpwuid(os.getuid())
    names = (entry.pw_name, str(entry.pw_uid))
    return IdMap(
        os.getuid(),
        os.getgid(),
        _range_of(Path("/etc/subuid"), names),
        _range_of(Path("/etc/subgid"), names),
    )


def why_refused(error: OSError, ids: IdMap | None) -> str:
    """Say why the kernel refused a namespace or a mount, as far as it tells."""
    if ids is None and error.errno == errno.EPERM and error.filename == "unshare":
        return "root lacks the capability CAP_SYS_ADMIN, as in most containers"
    if ids is not None and _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor forbids user namespaces to ordinary users "
            "(kernel.apparmor_restrict_unprivileged_userns=1); run it as root"
        )
    return f"{error.filename}: {error.strerror}"


def _require_ids_of_root() -> None:
    """Root of a user namespace may have itself alone."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    count = sum(int(line.split()[2]) for line in lines)
    if count < IDS_NEEDED:
        raise Unavailable(
            f"the lab needs a range of {IDS_NEEDED} user ids, this user namespace has {count}"
        )


def _require_user_namespaces() -> None:
    for name in ("kernel/unprivileged_userns_clone", "user/max_user_namespaces"):
        if _setting(name) == "0":
            raise Unavailable(
                "user namespaces are switched off for ordinary users "
                f"({name.replace('/', '.')}=0); run the lab as root"
            )
    if not Path("/proc/self/ns/user").exists():
        raise Unavailable("this kernel has no user namespaces; run the lab as root")


def _setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None


def _range_of(path: Path, names: Sequence[str]) -> IdRange:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        lines = []
    ranges = []
    for line in lines:
        owner, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if owner in names and first.isdigit() and count.isdigit():
            ranges.append(IdRange(int(first), int(count)))
    largest = max(ranges, key=lambda found: found.count, default=IdRange(0, 0))
    if largest.count < IDS_NEEDED:
        given = f"only {largest.count} ids" if ranges else "no ids"
        raise Unavailable(
            f"{path} gives {names[0]} {given}, the lab needs a range of {IDS_NEEDED} "
            "(usermod --add-subuids and --add-subgids); or run it as root"
        )
    return largest


def _map_ids(program: str, pid: int, own: int, others: IdRange) -> None:
    words = (pid, 0, own, 1, 1, others.first, others.count)
    try:
        run([program, *map(str, words)], timeout=10)
    except ProgramFailed as error:
        raise Unavailable(f"no user namespace for the lab: {error.said or error}") from error
