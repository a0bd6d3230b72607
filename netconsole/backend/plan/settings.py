"""What to do about kernel settings, files and directories. Pure."""

from collections.abc import Iterator

from netconsole.backend import dhcp
from netconsole.backend.hoststate import HostState
from netconsole.backend.steps import (
    MakeDirectory,
    RemoveDirectory,
    RemoveFile,
    SetSysctl,
    Step,
    WriteFile,
)


def sysctls(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Write the settings that have another value."""
    for key, value in wanted.sysctls.items():
        former = observed.sysctls.get(key)
        if former is not None and former != value:
            yield SetSysctl(key, value, former)


def written_files(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Write the files that are missing or have another text or mode."""
    for path, file in wanted.files.items():
        found = observed.files.get(path)
        if found != file:
            former = found.content if found else None
            yield WriteFile(path, file.content, file.mode, former)


def removed_files(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Files of bridges that nothing wants any more, dnsmasq's own among them.

    Of a bridge that is served, that with the names, when the last name is gone; its hosts are
    dnsmasq's business.
    """
    served = {server.bridge for server in wanted.dnsmasq}
    for path, file in (*observed.dhcp_hosts.items(), *observed.files.items()):
        if path.rpartition("/")[0] in wanted.directories:
            continue
        bridge = dhcp.bridge_of(wanted.networks_path, path)
        if bridge is None:
            continue
        last_name_gone = (
            path == dhcp.paths(wanted.networks_path, bridge).names and path not in wanted.files
        )
        if bridge not in served or last_name_gone:
            yield RemoveFile(path, file.content, file.mode)


def made_directories(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Directories that are wanted and not there; nova had a file by the name of one."""
    for path in sorted(wanted.directories - observed.directories):
        if (file := observed.files.get(path)) is not None:
            yield RemoveFile(path, file.content, file.mode)
        yield MakeDirectory(path)


def removed_directories(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Directories of ours that nothing wants any more."""
    for path in sorted(observed.directories - wanted.directories):
        bridge = dhcp.bridge_of(wanted.networks_path, path)
        if bridge is not None and dhcp.paths(wanted.networks_path, bridge).hosts == path:
            yield RemoveDirectory(path)
