"""What to do about dnsmasq: its processes, the hosts it knows, the leases it keeps. Pure."""

from collections.abc import Iterator, Mapping

from netconsole.backend.model import lease_file
from netconsole.backend.model.dhcp_host import (
    host_address,
    host_path,
    retired_address,
    retired_file,
)
from netconsole.backend.model.hoststate import Dnsmasq, File, Lease, Observed, Wanted
from netconsole.backend.model.subject import together
from netconsole.backend.steps import (
    AddDhcpHosts,
    CheckDnsmasq,
    FileEntry,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveDhcpHosts,
    RetireDhcpHosts,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)
from netconsole.backend.wording import dhcp


class DnsmasqDifference:
    """What has to happen to the dnsmasq processes of each bridge, and to their host files."""

    def __init__(self, observed: Observed, wanted: Wanted) -> None:
        self._observed = observed
        self._wanted = {server.bridge: server for server in wanted.dnsmasq}
        self._hosts = wanted.dhcp_hosts
        self._first_leases = wanted.leases
        self._networks_path = wanted.networks_path
        self._release_at_once = wanted.release_leases
        rebuilt = {link.name for link in wanted.links.values() if link.name not in observed.links}
        self._kept: dict[str, Dnsmasq] = {}
        self._stopped: list[tuple[Dnsmasq, bool]] = []
        for server in observed.dnsmasq:
            if not server.bridge:
                continue
            goal = self._wanted.get(server.bridge)
            if goal == server and server.bridge not in rebuilt and server.bridge not in self._kept:
                self._kept[server.bridge] = server
            else:
                one_too_many = goal == server and server.bridge in self._kept
                self._stopped.append((server, not one_too_many))
        self._files_changed = {
            server.bridge
            for server in wanted.dnsmasq
            for paths in (dhcp.paths(self._networks_path, server.bridge),)
            for path in (paths.options, paths.names)
            if path in observed.files and observed.files[path] != wanted.files.get(path)
        }

    def tests(self) -> Iterator[Step]:
        """Before anything is stopped: whether what takes its place would start."""
        bridges = {server.bridge for server, again in self._stopped if again}
        for bridge, server in self._wanted.items():
            if bridge in bridges and bridge not in self._kept:
                yield CheckDnsmasq(bridge, server.argv, subjects=server.subjects)

    def stops(self) -> Iterator[Step]:
        for server, again in self._stopped:
            goal = self._wanted.get(server.bridge)
            yield StopDnsmasq(
                server.bridge,
                server.argv,
                server.pids,
                again,
                changed_file=server.changed_file,
                configured=server.configured,
                subjects=goal.subjects if goal else (),
            )

    def starts(self) -> Iterator[Step]:
        for bridge, server in self._wanted.items():
            if bridge not in self._kept:
                leases = dhcp.paths(self._networks_path, bridge).leases
                if leases not in self._observed.files:
                    text = lease_file.as_text(self._first_leases.get(bridge, ()))
                    yield WriteFile(leases, text, subjects=server.subjects)
                yield StartDnsmasq(bridge, server.argv, subjects=server.subjects)
            elif bridge in self._files_changed:
                yield ReloadDnsmasq(bridge, server.pid_file, subjects=server.subjects)

    def host_steps(self) -> Iterator[Step]:
        for bridge, server in self._wanted.items():
            directory = f"{dhcp.paths(self._networks_path, bridge).hosts}/"
            difference = _HostsDifference(
                _within(directory, self._observed.dhcp_hosts), _within(directory, self._hosts)
            )
            yield from difference.steps(server, starts=bridge not in self._kept)

    def released_leases(self) -> Iterator[Step]:
        """Leases of ports that are no more: at once, or when another port has the address."""
        lost = [
            (server, lease)
            for bridge, server in self._wanted.items()
            for directory in (dhcp.paths(self._networks_path, bridge).hosts,)
            for lease in self._observed.leases.get(bridge, ())
            if not self._has(directory, lease)
        ]
        hosts = self._hosts.values() if lost else ()
        given = {host_address(file): file.subjects for file in hosts}
        for server, lease in lost:
            if self._release_at_once or lease.address in given:
                about = together(server.subjects, given.get(lease.address, ()))
                yield ReleaseLease(server.bridge, lease.address, lease.mac, subjects=about)

    def _has(self, directory: str, lease: Lease) -> bool:
        """Whether the port that has a lease is to have its address, by the files of a directory."""
        file = self._hosts.get(host_path(directory, lease.mac))
        return file is not None and host_address(file) == lease.address


class _HostsDifference:
    """What has to happen to the host files of one network.

    dnsmasq forgets an earlier line only when it is reloaded, which at 10,000 hosts takes it a
    second. So hosts that are gone are retired, which takes effect at once, and stay so until
    something needs them to be forgotten.
    """

    def __init__(self, found: Mapping[str, File], wanted: Mapping[str, File]) -> None:
        self._wanted = wanted
        self._left = {
            path: address
            for path, file in found.items()
            if path not in wanted
            for address in (retired_address(path, file),)
            if address is not None
        }
        """Retired hosts by path, each with the address that it keeps from others."""
        self._new = {path: file for path, file in wanted.items() if found.get(path) != file}
        self._gone = {
            path: file
            for path, file in found.items()
            if (path in self._new or path not in wanted) and path not in self._left
        }
        self._found = found

    def steps(self, server: Dnsmasq, *, starts: bool) -> Iterator[Step]:
        """`starts` says that dnsmasq is about to start, so that it knows nothing from before."""
        pid_file, about = server.pid_file, server.subjects
        retired = {path: retired_file(path, file) for path, file in self._gone.items()}
        entries = tuple((path, file.content) for path, file in retired.items() if file is not None)
        if starts or len(entries) < len(self._gone) or self._must_be_forgotten():
            forgotten = self._left.keys() | self._gone.keys()
            if forgotten:
                found = {path: self._found[path] for path in forgotten}
                yield RemoveDhcpHosts(pid_file, _entries(found), subjects=about)
        elif self._gone:
            yield RetireDhcpHosts(
                pid_file, _entries(self._gone), tuple(sorted(entries)), subjects=about
            )
        if self._new:
            about = together(about, *(file.subjects for file in self._new.values()))
            yield AddDhcpHosts(pid_file, _entries(self._new), subjects=about)

    def _must_be_forgotten(self) -> bool:
        """Whether a host that was there before would be in the way, or there are too many."""
        if len(self._left) + len(self._gone) > dhcp.MOST_RETIRED:
            return True
        kept = {*self._left.values(), *map(host_address, self._gone.values())}
        return any(
            path in self._gone or host_address(file) in kept for path, file in self._new.items()
        )


def _within(directory: str, files: Mapping[str, File]) -> dict[str, File]:
    return {path: file for path, file in files.items() if path.startswith(directory)}


def _entries(files: Mapping[str, File]) -> tuple[FileEntry, ...]:
    return tuple((path, file.content) for path, file in sorted(files.items()))
