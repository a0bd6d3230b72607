"""Taking over the networks of an existing nova database."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from netaddr import IPNetwork
from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import refuse_others
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Network
from netconsole.backend.store import floating_ips, guest_data, instances, networks, security_groups
from netconsole.backend.store import takeover as whole_rows
from netconsole.backend.takeover.nova import Takeover, takeover
from netconsole.backend.takeover.rows import NovaRows


@dataclass(frozen=True, slots=True)
class ImportNova(Change[Takeover]):
    """Write everything that a nova database holds of the network, or, if one row clashes, nothing.

    The result has the records with nova's ids, as `takeover` made them.
    """

    names_files: ClassVar[bool] = True

    source: str
    """The database, in words."""
    rows: NovaRows

    @property
    def title(self) -> str:
        return f"import nova --connection {self.source}"

    def takes_over(self, *, of_a_store: bool) -> bool:
        return not of_a_store

    def write(self, connection: Connection, options: Options) -> Written[Takeover]:
        found = takeover(self.rows, options)
        refuse_others(found.networks, options)
        here, listed = networks.every(connection), command("network", "list")
        for number, network in enumerate(found.networks):
            _refuse_overlap(network, here, f"which is here already: {listed} shows all that are")
            _refuse_overlap(network, found.networks[:number], "which is of the same database")
        made = {network.id: networks.insert(connection, network) for network in found.networks}
        for instance in found.instances:
            instances.insert(connection, instance)
        for guest in found.told:
            guest_data.write(connection, guest)
        ports = {
            port.id: instances.insert_port(
                connection, replace(port, network_id=made[port.network_id].id)
            ).id
            for port in found.ports
        }
        fixed = whole_rows.insert_fixed_ips(
            connection,
            (
                replace(
                    row,
                    network_id=made[row.network_id].id,
                    port_id=ports.get(row.port_id or 0),
                )
                for row in found.fixed_ips
            ),
        )
        floating_ips.insert_many(
            connection,
            (
                replace(row, fixed_ip_id=fixed.get(row.fixed_ip_id or 0))
                for row in found.floating_ips
            ),
        )
        _write_groups(connection, found)
        return Written(found, notes=found.notes, leases=_leases(found, options))


def _write_groups(connection: Connection, found: Takeover) -> None:
    groups = {
        group.id: security_groups.insert(connection, group).id for group in found.security_groups
    }
    for rule in found.security_group_rules:
        source = None if rule.group_id is None else groups[rule.group_id]
        parent = groups[rule.parent_group_id]
        ours = replace(rule, parent_group_id=parent, group_id=source)
        security_groups.insert_rule(connection, ours)
    for member in found.memberships:
        moved = replace(member, security_group_id=groups[member.security_group_id])
        security_groups.add_member(connection, moved)
    present = {replace(rule, id=0) for rule in security_groups.default_rules(connection)}
    for default in found.default_rules:
        if replace(default, id=0) not in present:
            security_groups.insert_default_rule(connection, default)


def _refuse_overlap(network: Network, others: tuple[Network, ...], whose: str) -> None:
    cidr = IPNetwork(network.cidr)
    for other in others:
        if cidr in IPNetwork(other.cidr) or IPNetwork(other.cidr) in cidr:
            raise Conflict(
                f"network {network.label!r}: {cidr} overlaps {other.cidr} of network "
                f"{other.label!r}, {whose}"
            )


def _leases(found: Takeover, options: Options) -> Mapping[str, tuple[Lease, ...]]:
    """The leases that guests hold, by bridge: a dnsmasq that knew none would refuse renewals.

    nova does not know when they end. A server that keeps a lease for longer than its guest does
    no harm, so they count from now. A lease whose guest is gone is left out where it would be
    released at once: its address is free.
    """
    expires = int(time.time()) + options.dhcp_lease_time
    names = {instance.uuid: instance.hostname for instance in found.instances}
    bridges = {network.id: network.bridge for network in found.networks}
    leases: dict[str, list[Lease]] = {bridge: [] for bridge in bridges.values()}
    for row in found.fixed_ips:
        kept = row.allocated or not options.force_dhcp_release
        if row.leased and row.mac and kept:
            name = names.get(row.instance_uuid or "", "")
            leases[bridges[row.network_id]].append(Lease(expires, row.mac, row.address, name))
    return {bridge: tuple(held) for bridge, held in leases.items()}
