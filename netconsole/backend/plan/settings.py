"""What to do about kernel settings, files and directories. Pure."""

from collections.abc import Iterator, Mapping

from netconsole.backend.model import kernel_settings
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.subject import HOST, Subjects
from netconsole.backend.steps import (
    MakeDirectory,
    RemoveDirectory,
    RemoveFile,
    RunProgram,
    SetSysctl,
    Step,
    WriteFile,
)
from netconsole.backend.wording import dhcp


def sysctls(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Write the settings that have another value; each way back restores what goes along."""
    values = dict(observed.sysctls)
    settings = dict(kernel_settings.with_later_interfaces(wanted.sysctls, values))
    if all(values.get(key, value) == value for key, value in settings.items()):
        return
    for key in sorted(settings, key=lambda key: _rank(key, wanted)):
        value, former = settings[key], values.get(key)
        if former is not None and former != value:
            lost = kernel_settings.lost(key, former, values)
            values = kernel_settings.written(key, value, values)
            along = tuple(_reset(key, wanted.sysctls_along, values))
            values |= dict(along)
            link = wanted.links.get(kernel_settings.interface_of(key))
            is_ours = link is not None and link.ours
            about = link.subjects if link is not None and is_ours else (HOST,)
            yield SetSysctl(key, value, former, along, lost, subjects=about)
            if is_ours and kernel_settings.is_accept_ra(key) and value == "0":
                yield from _forgotten(kernel_settings.interface_of(key), about)


def _reset(
    switch: str, kept: Mapping[str, str], values: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """What the kernel has reset with a switch and is to be as it was."""
    for key, value in kept.items():
        if kernel_settings.belongs_to(key, switch) and values.get(key, value) != value:
            yield key, value


def _forgotten(interface: str, about: Subjects) -> Iterator[Step]:
    """Take away what an interface has learnt by router advertisements that it hears no more.

    Left alone, routes by a guest would be the host's until their lifetime is over.
    """
    for learnt in (
        ("route", "flush", "table", "all", "proto", "ra"),
        ("address", "flush", "dynamic"),
    ):
        yield RunProgram(("ip", "-6", *learnt, "dev", interface), subjects=about)


def _rank(key: str, wanted: Wanted) -> int:
    """Routers are heeded before the host is one, and after; a switch comes before what it resets.

    When a host becomes a router, the kernel forgets the routes of advertisements at once.
    """
    if kernel_settings.is_accept_ra(key):
        becomes_router = wanted.sysctls.get(kernel_settings.IPV6_FORWARDING) == "1"
        return 0 if becomes_router else 3
    return 1 if key in kernel_settings.SWITCHES else 2


def sysctls_of_new_links(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Write the settings of interfaces that are only now made; they begin with the default."""
    new = wanted.links.keys() - observed.links.keys()
    for key, value in wanted.sysctls.items() if new else ():
        interface = kernel_settings.interface_of(key)
        if interface not in new:
            continue
        link = wanted.links[interface]
        default = observed.sysctls.get(kernel_settings.of_new(key))
        if default not in (None, value):
            yield SetSysctl(key, value, str(default), subjects=link.subjects)


def written_files(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Write the files that are missing or have another text or mode."""
    for path, file in wanted.files.items():
        found = observed.files.get(path)
        if found != file:
            former = found.content if found else None
            yield WriteFile(path, file.content, file.mode, former, subjects=file.subjects)


def removed_files(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Files of bridges that nothing wants any more, dnsmasq's own among them.

    Of a bridge that is served, that with the names, when the last name is gone; its hosts are
    dnsmasq's business.
    """
    served = {server.bridge: server.subjects for server in wanted.dnsmasq}
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
            about = served.get(bridge, ())
            yield RemoveFile(path, file.content, file.mode, subjects=about)


def made_directories(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Directories that are wanted and not there; nova had a file by the name of one."""
    served = {server.bridge: server.subjects for server in wanted.dnsmasq}
    for path in sorted(wanted.directories - observed.directories):
        if (file := observed.files.get(path)) is not None:
            yield RemoveFile(path, file.content, file.mode)
        about = served.get(dhcp.bridge_of(wanted.networks_path, path) or "", ())
        yield MakeDirectory(path, subjects=about)


def removed_directories(observed: Observed, wanted: Wanted) -> Iterator[Step]:
    """Directories of ours that nothing wants any more."""
    for path in sorted(observed.directories - wanted.directories):
        bridge = dhcp.bridge_of(wanted.networks_path, path)
        if bridge is not None and dhcp.paths(wanted.networks_path, bridge).hosts == path:
            yield RemoveDirectory(path)
