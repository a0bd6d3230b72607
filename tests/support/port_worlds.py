"""Hosts with guests of which one comes or goes, and what a change of its ports sees of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from core_samples import (
    HOST,
    NETWORKS_PATH,
    fixed_ip,
    instance,
    options,
    port,
)

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.intent.dnsmasq import answers_dhcp
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.guards import of_devices
from netconsole.backend.model.hoststate import (
    Observed,
    Wanted,
)
from netconsole.backend.model.records import FixedIP, Instance, Network, Port, Records
from netconsole.backend.model.subject import Scope
from netconsole.backend.plan.ports import Neighbourhood, neighbourhood
from netconsole.backend.plan.scope import difference, is_enough
from netconsole.backend.steps import (
    Plan,
)
from netconsole.backend.wording import dhcp

SETTINGS = options()
GUEST = "instance-0"
"""The instance that comes or goes."""


@dataclass(frozen=True)
class World:
    """Records with the guest and without it, and its ports."""

    with_guest: Records
    without: Records
    ports: tuple[Port, ...]
    fixed_ips: tuple[FixedIP, ...]

    @property
    def bridges(self) -> set[str]:
        """On which the ports are."""
        own = {each.network_id for each in self.ports}
        return {each.bridge for each in self.without.networks if each.id in own}

    @property
    def paths(self) -> list[dhcp.Paths]:
        """The files of the dnsmasq processes of these."""
        return [dhcp.paths(NETWORKS_PATH, bridge) for bridge in self.bridges]


def world(networks: tuple[Network, ...], homes: list[tuple[str, tuple[int, ...]]]) -> World:
    """Instances on some hosts, each with a port in some networks, by number; the first is it."""
    guests: list[Instance] = []
    ports: list[Port] = []
    rows: list[FixedIP] = []
    for number, (host, places) in enumerate(homes):
        guests.append(replace(instance(number), host=host))
        for place in places:
            made = port(len(ports), place + 1)
            ports.append(replace(made, instance_uuid=guests[-1].uuid))
            row = fixed_ip(len(rows), network_id=place + 1)
            rows.append(replace(row, instance_uuid=guests[-1].uuid))
    everything = Records(
        networks=networks,
        instances=tuple(guests),
        ports=tuple(ports),
        fixed_ips=tuple(rows),
        former_sysctls={"net.ipv4.ip_forward": "0"},
    )
    without = replace(
        everything,
        instances=tuple(guests[1:]),
        ports=tuple(each for each in ports if each.instance_uuid != GUEST),
        fixed_ips=tuple(each for each in rows if each.instance_uuid != GUEST),
    )
    own = tuple(each for each in ports if each.instance_uuid == GUEST)
    own_rows = tuple(each for each in rows if each.instance_uuid == GUEST)
    return World(everything, without, own, own_rows)


def part(found: Records, devices: Collection[str]) -> Records:
    """What the store says of some ports: `records_of_ports`."""
    here = {each.uuid for each in found.instances if each.host == HOST}
    named = [each for each in found.ports if each.device in devices]
    ports = {each.id for each in named}
    for network_id in {each.network_id for each in found.ports}:
        there = [each for each in found.ports if each.network_id == network_id]
        own = [each for each in there if each.instance_uuid in here]
        ports.add((own or there)[0].id)
    kept = tuple(each for each in found.ports if each.id in ports)
    owners, holders = ({each.instance_uuid for each in group} for group in (named, kept))
    return replace(
        found,
        ports=kept,
        instances=tuple(each for each in found.instances if each.uuid in holders),
        fixed_ips=tuple(each for each in found.fixed_ips if each.instance_uuid in owners),
    )


def seen(host: Observed, scope: Scope) -> Observed:
    """What is looked at of a host for ports: `vicinity.observe`."""
    near = scope.vicinity
    assert near is not None
    paths = [dhcp.paths(NETWORKS_PATH, bridge) for bridge in near.bridges]
    read = {path for each in paths for path in (each.options, each.names)}
    hosts = {each.hosts for each in paths}
    return Observed(
        sysctls=host.sysctls,
        links={
            name: link
            for name, link in host.links.items()
            if not {name, *link.other_names}.isdisjoint(near.links)
        },
        addresses=tuple(each for each in host.addresses if each.interface in near.bridges),
        chains={key: rules for key, rules in host.chains.items() if key.table == "filter"},
        dnsmasq=tuple(each for each in host.dnsmasq if each.bridge in near.bridges),
        dhcp_hosts={
            path: file
            for path, file in host.dhcp_hosts.items()
            for directory, _, name in (path.rpartition("/"),)
            if directory in hosts and name not in near.other_hosts.get(directory, ())
        },
        files={path: file for path, file in host.files.items() if path in read},
        directories=host.directories & hosts,
        leases={
            bridge: tuple(
                each
                for each in leases
                if not (near.macs | near.addresses).isdisjoint((each.mac, each.address))
            )
            for bridge, leases in host.leases.items()
            if bridge in near.bridges
        },
        guards={name: each for name, each in host.guards.items() if name in near.links},
        guard_table=of_devices(host.guard_table, ("", *near.links)),
    )


@dataclass(frozen=True)
class Narrow:
    """The ports alone."""

    scope: Scope
    observed: Observed
    wanted: Wanted
    networks: tuple[Network, ...]

    @property
    def is_enough(self) -> bool:
        return is_enough(self.observed, self.wanted, self.scope, self.networks)

    @property
    def plan(self) -> Plan:
        return difference(self.observed, self.wanted, self.scope)


def devices_of(of: World) -> set[str]:
    return {each.device for each in of.ports}


def narrow(host: Observed, then: Records, of: World, settings: Options = SETTINGS) -> Narrow | None:
    """The ports of the guest alone; None where one has no bridge here."""
    found = part(then, devices_of(of))
    presence = Presence(found, settings)
    near = neighbourhood(presence, of.ports, of.fixed_ips)
    if near is None:
        return None
    goal = near.wanted(intent(found, settings), intent(then, settings))
    scope = near.scope(goal, served(near, then))
    return Narrow(scope, seen(host, scope), goal, found.networks)


def served(near: Neighbourhood, then: Records) -> Mapping[str, list[str]]:
    everyone = Presence(then, SETTINGS)
    found: dict[str, list[str]] = {}
    for each in everyone.served:
        if answers_dhcp(each) and each in near.networks:
            clients = everyone.clients(each)
            rows = (row for row in then.fixed_ips if row.network_id == each.id)
            macs = [row.mac or "" for row in rows if row.instance_uuid in clients]
            found.setdefault(each.bridge, []).extend(macs)
    return found
