"""What could not be read is not planned: it counts as it is wanted, and is told of. Pure."""

from dataclasses import replace

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.hoststate import File, Observed, Wanted
from netconsole.backend.wording import dhcp


def concerning(observed: Observed, wanted: Wanted) -> Observed:
    """Return the host without those unread files that no network needs and no dnsmasq of ours has.

    What lies about under a name like ours, and is no file, is not ours, and left alone.
    """
    bridges = {server.bridge for server in (*wanted.dnsmasq, *observed.dnsmasq)}
    return replace(
        observed,
        unreadable={
            part: reason
            for part, reason in observed.unreadable.items()
            if (bridge := dhcp.bridge_of(wanted.networks_path, part)) is None or bridge in bridges
        },
    )


def refuse(title: str, observed: Observed, wanted: Wanted) -> None:
    """Raise Unavailable where a file that a change may turn on could not be read."""
    for part, reason in concerning(observed, wanted).unreadable.items():
        raise Unavailable(f"{title}: {part}: {reason}")


def beside_files(observed: Observed) -> Observed:
    """Return the host without those unread parts that are files: they hold up what they are of
    alone."""
    unreadable = {part: why for part, why in observed.unreadable.items() if not is_path(part)}
    return replace(observed, unreadable=unreadable)


def is_path(part: str) -> bool:
    """Whether a part that could not be read is a file or a directory."""
    return part.startswith("/")


def as_wanted(observed: Observed, wanted: Wanted) -> Observed:
    """Return the host with those files and directories as they should be that could not be read.

    The parts `unreadable` that are paths say which: the file itself, or all that is in it.
    """
    unread = tuple(filter(is_path, observed.unreadable))
    if not unread:
        return observed

    def is_unread(path: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in unread)

    leases = (dhcp.paths(wanted.networks_path, each.bridge).leases for each in wanted.dnsmasq)
    return replace(
        observed,
        files={
            **observed.files,
            **{path: file for path, file in wanted.files.items() if is_unread(path)},
            **{path: File("") for path in leases if is_unread(path)},
        },
        dhcp_hosts={
            **observed.dhcp_hosts,
            **{path: file for path, file in wanted.dhcp_hosts.items() if is_unread(path)},
        },
        directories=observed.directories | set(filter(is_unread, wanted.directories)),
    )
