"""Plan: the ordered steps that lead a host from what it holds to what it should hold. Pure.

Additions come before what depends on them, removals after. What is not ours is never planned
away; what could not be observed is not planned at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from netconsole.backend import dhcp, rules
from netconsole.backend.errors import Conflict
from netconsole.backend.hoststate import (
    Address,
    ChainKey,
    Dnsmasq,
    Family,
    File,
    HostState,
    Link,
    Rule,
    TableName,
)
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    AnnounceAddress,
    ChangeRules,
    EndConnections,
    FileEntry,
    LinkAttribute,
    MakeDirectory,
    Plan,
    ReleaseLease,
    ReloadDnsmasq,
    RemoveAddress,
    RemoveDhcpHosts,
    RemoveDirectory,
    RemoveFile,
    RemoveLink,
    SetLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)

_TABLES: tuple[tuple[Family, TableName], ...] = (
    ("ipv4", "filter"),
    ("ipv4", "nat"),
    ("ipv4", "mangle"),
)
_DNAT_REMOVED = re.compile(rf"-D {rules.CHAIN_PREFIX}PREROUTING -d (\S+)/32 -j DNAT")


def plan(observed: HostState, wanted: HostState) -> Plan:
    """The difference between two states, as steps.

    Raises Conflict where a link of another kind stands in the way.
    """
    filters = tuple(_rule_steps(observed, wanted))
    servers = _DnsmasqDifference(observed, wanted)
    return Plan(
        (
            *_sysctl_steps(observed, wanted),
            *(MakeDirectory(path) for path in sorted(wanted.directories - observed.directories)),
            *_written_files(observed, wanted),
            *servers.stops(),
            *_added_links(observed, wanted),
            *_removed_addresses(observed, wanted),
            *filters,
            *_ended_connections(observed, wanted, filters),
            *_added_addresses(observed, wanted),
            *servers.host_steps(),
            *servers.starts(),
            *servers.released_leases(),
            *_removed_links(observed, wanted),
            *_removed_files(observed, wanted),
            *(RemoveDirectory(path) for path in sorted(observed.directories - wanted.directories)),
        )
    )


def _sysctl_steps(observed: HostState, wanted: HostState) -> Iterator[Step]:
    for key, value in wanted.sysctls.items():
        former = observed.sysctls.get(key)
        if former is not None and former != value:
            yield SetSysctl(key, value, former)


def _written_files(observed: HostState, wanted: HostState) -> Iterator[Step]:
    for path, file in wanted.files.items():
        found = observed.files.get(path)
        if found != file:
            former = found.content if found else None
            yield WriteFile(path, file.content, file.mode, former)


def _removed_files(observed: HostState, wanted: HostState) -> Iterator[Step]:
    """Files of bridges that nothing wants any more, dnsmasq's own among them."""
    served = {server.bridge for server in wanted.dnsmasq}
    for path, file in (*observed.dhcp_hosts.items(), *observed.files.items()):
        bridge = dhcp.bridge_of(wanted.networks_path, path)
        if bridge is not None and bridge not in served:
            yield RemoveFile(path, file.content, file.mode)


# Links


def _added_links(observed: HostState, wanted: HostState) -> Iterator[Step]:
    for link in sorted(wanted.links.values(), key=lambda link: link.kind != "bridge"):
        found = observed.links.get(link.name)
        if found is None:
            yield AddLink(
                link.name,
                link.kind,
                link.alias,
                mac=link.mac or "",
                peer=link.peer or "",
                peer_mac=link.peer_mac or "",
                forward_delay=link.forward_delay,
            )
            found = _as_made(link)
        elif found.kind != link.kind:
            rule = f"is wanted as a {link.kind}, but is a {found.kind or 'physical interface'}"
            raise Conflict(f"interface {link.name!r} {rule}")
        elif link.kind == "bridge" and not found.ours:
            link = Link(link.name, link.kind, alias=found.alias)
        yield from _link_changes(found, link)


def _as_made(link: Link) -> Link:
    """A link as it comes out of AddLink."""
    is_tap = link.kind == "tap"
    return Link(
        link.name,
        link.kind,
        up=False,
        mac=None if is_tap else link.mac,
        forward_delay=link.forward_delay,
        mtu=1500,
    )


def _link_changes(found: Link, wanted: Link) -> Iterator[Step]:
    changes: tuple[tuple[LinkAttribute, str | int | bool | None, str | int | bool | None], ...] = (
        ("alias", wanted.alias, found.alias),
        ("mac", wanted.mac, found.mac),
        ("mtu", wanted.mtu, found.mtu),
        ("forward_delay", wanted.forward_delay, found.forward_delay),
        ("master", wanted.master, found.master),
        ("hairpin", wanted.hairpin, found.hairpin if found.master == wanted.master else False),
        ("up", wanted.up, found.up),
    )
    for attribute, value, former in changes:
        if value is not None and value != former:
            yield SetLink(wanted.name, attribute, _text(value), _text(former))


def _text(value: str | int | bool | None) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def _removed_links(observed: HostState, wanted: HostState) -> Iterator[Step]:
    gone = [link for link in observed.links.values() if link.ours and link.name not in wanted.links]
    for link in sorted(gone, key=lambda link: link.kind == "bridge"):
        yield RemoveLink(link.name, link.kind, link.alias, link.mac or "", link.peer or "")


# Addresses


def _removed_addresses(observed: HostState, wanted: HostState) -> Iterator[Step]:
    for address in observed.addresses:
        if address in wanted.released:
            yield _remove(address)


def _remove(address: Address) -> Step:
    return RemoveAddress(address.interface, address.address, address.broadcast or "")


def _add(address: Address) -> Step:
    return AddAddress(address.interface, address.address, address.broadcast or "")


def _added_addresses(observed: HostState, wanted: HostState) -> Iterator[Step]:
    for address in wanted.addresses:
        here = [found for found in observed.addresses if found.interface == address.interface]
        present = _same(address, here)
        ahead: list[Address] = []
        if address.first:
            ahead = here[: here.index(present)] if present else here
        yield from (_remove(other) for other in ahead)
        if present is None:
            yield _add(address)
        yield from (_add(other) for other in ahead)
        if present is None:
            yield AnnounceAddress(address.interface, address.address.partition("/")[0])


def _same(address: Address, here: Iterable[Address]) -> Address | None:
    return next((found for found in here if found.address == address.address), None)


# Packet filter


def _rule_steps(observed: HostState, wanted: HostState) -> Iterator[ChangeRules]:
    if "rules" in observed.unreadable:
        return
    for family, table in _TABLES:
        current = {
            key.chain: rules.specs(found)
            for key, found in observed.chains.items()
            if (key.family, key.table) == (family, table)
        }
        goal = rules.target(current, _of_table(wanted.chains, family, table))
        lines = rules.restore_lines(current, goal)
        if lines:
            yield ChangeRules(family, table, lines, rules.restore_lines(goal, current))


def _of_table(
    chains: Mapping[ChainKey, tuple[Rule, ...]], family: Family, table: TableName
) -> dict[str, tuple[Rule, ...]]:
    return {
        key.chain: found
        for key, found in chains.items()
        if (key.family, key.table) == (family, table)
    }


def _ended_connections(
    observed: HostState, wanted: HostState, filters: Iterable[ChangeRules]
) -> Iterator[Step]:
    """Connections outlive the rule that translated them, so they are ended with it."""
    ended = {
        address.address.partition("/")[0]
        for address in observed.addresses
        if address in wanted.released and address.address.endswith("/32")
    }
    for change in filters:
        ended.update(
            found.group(1) for line in change.lines if (found := _DNAT_REMOVED.match(line))
        )
    yield from (EndConnections(address) for address in sorted(ended))


# dnsmasq


class _DnsmasqDifference:
    """What has to happen to the dnsmasq processes of each bridge, and to their host files."""

    def __init__(self, observed: HostState, wanted: HostState) -> None:
        self._observed = observed
        self._wanted = {server.bridge: server for server in wanted.dnsmasq}
        self._hosts = wanted.dhcp_hosts
        self._networks_path = wanted.networks_path
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
                    yield WriteFile(leases, "")
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
        """Leases of ports that are no more."""
        for bridge in self._wanted:
            directory = dhcp.paths(self._networks_path, bridge).hosts
            for lease in self._observed.leases.get(bridge, ()):
                file = self._hosts.get(f"{directory}/{lease.mac.replace(':', '-')}")
                if file is None or not file.content.endswith(f",{lease.address}\n"):
                    yield ReleaseLease(bridge, lease.address, lease.mac)


def _entries(
    files: Mapping[str, File], directory: str, chosen: Callable[[str], bool]
) -> tuple[FileEntry, ...]:
    return tuple(
        (path, file.content)
        for path, file in sorted(files.items())
        if path.startswith(directory) and chosen(path)
    )
