"""What to do about dnsmasq: its processes, the hosts it knows, the leases it keeps. Pure."""

from collections.abc import Callable, Iterator, Mapping

from netconsole.backend import dhcp
from netconsole.backend.hoststate import Dnsmasq, File, HostState
from netconsole.backend.steps import (
    AddDhcpHosts,
    FileEntry,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveDhcpHosts,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)


class DnsmasqDifference:
    """What has to happen to the dnsmasq processes of each bridge, and to their host files."""

    def __init__(self, observed: HostState, wanted: HostState) -> None:
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
        self._options_changed = {
            server.bridge
            for server in wanted.dnsmasq
            for path in (dhcp.paths(self._networks_path, server.bridge).options,)
            if path in observed.files and observed.files[path] != wanted.files.get(path)
        }

    def stops(self) -> Iterator[Step]:
        for server, again in self._stopped:
            yield StopDnsmasq(server.bridge, server.argv, server.pids, again)

    def starts(self) -> Iterator[Step]:
        for bridge, server in self._wanted.items():
            if bridge not in self._kept:
                leases = dhcp.paths(self._networks_path, bridge).leases
                if leases not in self._observed.files:
                    yield WriteFile(leases, dhcp.lease_file(self._first_leases.get(bridge, ())))
                yield StartDnsmasq(bridge, server.argv)
            elif bridge in self._options_changed:
                yield ReloadDnsmasq(bridge, server.pid_file)

    def host_steps(self) -> Iterator[Step]:
        found = self._observed.dhcp_hosts
        for bridge, server in self._wanted.items():
            directory = f"{dhcp.paths(self._networks_path, bridge).hosts}/"
            gone = _entries(found, directory, lambda path: self._hosts.get(path) != found[path])
            new = _entries(
                self._hosts, directory, lambda path: self._hosts[path] != found.get(path)
            )
            if gone:
                yield RemoveDhcpHosts(server.pid_file, gone)
            if new:
                yield AddDhcpHosts(server.pid_file, new)

    def released_leases(self) -> Iterator[Step]:
        """Leases of ports that are no more: at once, or when another port has the address."""
        given = frozenset(
            file.content.rstrip("\n").rpartition(",")[2] for file in self._hosts.values()
        )
        for bridge in self._wanted:
            directory = dhcp.paths(self._networks_path, bridge).hosts
            for lease in self._observed.leases.get(bridge, ()):
                file = self._hosts.get(f"{directory}/{lease.mac.replace(':', '-')}")
                if file is not None and file.content.endswith(f",{lease.address}\n"):
                    continue
                if self._release_at_once or lease.address in given:
                    yield ReleaseLease(bridge, lease.address, lease.mac)


def _entries(
    files: Mapping[str, File], directory: str, chosen: Callable[[str], bool]
) -> tuple[FileEntry, ...]:
    return tuple(
        (path, file.content)
        for path, file in sorted(files.items())
        if path.startswith(directory) and chosen(path)
    )
