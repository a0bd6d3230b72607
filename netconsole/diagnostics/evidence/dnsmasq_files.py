"""Reads who may read the files that each dnsmasq reads as it runs (inode(7), proc(5) status)."""

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.system import files
from netconsole.backend.system.processes import arguments, running
from netconsole.backend.system.who import login_of
from netconsole.diagnostics.parts.dnsmasq_files import (
    READ,
    SEARCH,
    DnsmasqFiles,
    DnsmasqReader,
    FileMode,
)

MOST_FILES = 4096
"""Looked at in one directory."""


def read_dnsmasq_files() -> DnsmasqFiles:
    """Look at the directory of host files and the options of every dnsmasq here."""
    found = (_reader(pid) for pid in running("dnsmasq"))
    return DnsmasqFiles(tuple(each for each in found if each is not None))


def _reader(pid: int) -> DnsmasqReader | None:
    try:
        told = files.read_text(f"/proc/{pid}/status").splitlines()
        argv = arguments(pid)
        control_groups = files.read_text(f"/proc/{pid}/cgroup").splitlines()
    except OSError:
        return None  # it has ended
    words = {line.partition(":")[0]: line.partition(":")[2].split() for line in told}
    user, group = int(words["Uid"][1]), int(words["Gid"][1])
    groups = (group, *(int(each) for each in words.get("Groups", ())))
    unified = (line.partition("::")[2] for line in control_groups if line.startswith("0::"))
    return DnsmasqReader(
        *(pid, user, groups, login_of(user), tuple(_files(argv))),
        *(group, _group_name(group), next(unified, "").strip("/")),
    )


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def _files(argv: tuple[str, ...]) -> Iterator[FileMode]:
    directories = dnsmasq_arguments.values(argv, "dhcp-hostsdir")
    options = dnsmasq_arguments.values(argv, "dhcp-optsfile")
    above = {str(one) for path in (*directories, *options) for one in Path(path).parents}
    for path in sorted(above):
        yield from _mode(path, SEARCH)
    for path in directories:
        yield from _mode(path, READ | SEARCH)
        try:
            names = sorted(entry.name for entry in os.scandir(path))
        except OSError:
            continue
        for name in names[:MOST_FILES]:
            if not name.startswith("."):
                yield from _mode(f"{path}/{name}", READ)
    for path in options:
        yield from _mode(path, READ)


def _mode(path: str, needs: int) -> Iterator[FileMode]:
    try:
        found = Path(path).stat()
    except OSError:
        return  # it is not there, which is another fault
    mode = stat.S_IMODE(found.st_mode)
    yield FileMode(path, mode, found.st_uid, found.st_gid, needs, login_of(found.st_uid))
