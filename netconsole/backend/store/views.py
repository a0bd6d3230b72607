"""Records put together as an admin thinks of them."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from netconsole.backend.model.group_names import find_group
from netconsole.backend.model.group_rules import DEFAULT_GROUP
from netconsole.backend.model.records import (
    FixedIP,
    FixedIPView,
    GroupRuleView,
    Instance,
    InstanceView,
    Network,
    PortView,
    SecurityGroup,
    SecurityGroupRule,
    SecurityGroupView,
    VpnView,
)
from netconsole.backend.store import (
    allowed_addresses,
    fixed_ips,
    floating_ips,
    instances,
    networks,
    security_groups,
)


def instance_view(connection: Connection, instance: Instance) -> InstanceView:
    """Return an instance with its ports, their networks and addresses, and its groups."""
    by_id = {network.id: network for network in networks.every(connection)}
    rows = fixed_ips.of_instance(connection, instance.uuid)
    of_instance = instances.ports_of(connection, instance.uuid)
    ranges = allowed_addresses.of_ports(connection, [port.id for port in of_instance])
    ports = []
    for port in of_instance:
        own = tuple(row for row in rows if row.port_id == port.id)
        floating = tuple(
            address for row in own for address in floating_ips.of_fixed_ip(connection, row.id)
        )
        allowed = tuple(each for each in ranges if each.port_id == port.id)
        ports.append(PortView(port, by_id[port.network_id], own, floating, allowed))
    return InstanceView(instance, tuple(ports), security_groups.groups_of(connection, instance))


def fixed_ip_view(connection: Connection, address: str) -> FixedIPView:
    """Return an address with its network and instance; raises NotFound."""
    row = fixed_ips.find(connection, address)
    (view,) = _with_holders(connection, (row,))
    return view


def fixed_ip_views(connection: Connection, network: Network | None) -> Iterator[FixedIPView]:
    """Yield every address of a network, or of all networks, in order."""
    chosen = networks.every(connection) if network is None else (network,)
    rows = (row for each in chosen for row in fixed_ips.of_network(connection, each.id))
    return _with_holders(connection, rows)


def _with_holders(connection: Connection, rows: Iterable[FixedIP]) -> Iterator[FixedIPView]:
    by_id = {network.id: network for network in networks.every(connection)}
    by_uuid = {instance.uuid: instance for instance in instances.every(connection)}
    for row in rows:
        yield FixedIPView(row, by_id[row.network_id], by_uuid.get(row.instance_uuid or ""))


def vpn_views(connection: Connection) -> tuple[VpnView, ...]:
    """Return every network that keeps an address for a VPN, with the instance that has it."""
    by_uuid = {instance.uuid: instance for instance in instances.every(connection)}
    holders = {
        (row.network_id, row.address): by_uuid.get(row.instance_uuid or "")
        for row in fixed_ips.associated(connection)
        if row.allocated
    }
    return tuple(
        VpnView(network, holders.get((network.id, network.vpn_private_address)))
        for network in networks.every(connection)
        if network.vpn_private_address is not None
    )


def security_group_views(
    connection: Connection, project: str | None = None
) -> tuple[SecurityGroupView, ...]:
    """Return the groups of a project, or of all projects, with their rules and members.

    The `default` of each is among them, as it will be where it is not made yet.
    """
    groups = {group.id: group for group in security_groups.every(connection)}
    by_uuid = {instance.uuid: instance for instance in instances.every(connection)}
    rules: dict[int, list[GroupRuleView]] = {}
    for rule in security_groups.every_rule(connection):
        shown = GroupRuleView(rule, groups.get(rule.group_id or 0))
        rules.setdefault(rule.parent_group_id, []).append(shown)
    members: dict[int, list[Instance]] = {}
    for each in security_groups.every_membership(connection):
        members.setdefault(each.security_group_id, []).append(by_uuid[each.instance_uuid])
    views = []
    projects = security_groups.projects(connection) if project is None else (project,)
    for owner in projects:
        own = [group for group in groups.values() if group.project_id == owner]
        if not any(group.name == DEFAULT_GROUP for group in own):
            views.append(default_to_be(connection, owner))
        for group in own:
            inside = sorted(members.get(group.id, ()), key=lambda instance: instance.name)
            views.append(SecurityGroupView(group, tuple(rules.get(group.id, ())), tuple(inside)))
    return tuple(views)


def security_group_view(connection: Connection, project: str, name: str) -> SecurityGroupView:
    """Return a project's group by name or id, its `default` in any case.

    Raises NotFound, and Conflict where two are meant.
    """
    own = security_group_views(connection, project)
    found = find_group((view.group for view in own), project, name)
    return next(view for view in own if view.group == found)


def default_to_be(connection: Connection, project: str) -> SecurityGroupView:
    """Return the `default` group of a project that has none, as it will be made."""
    group = SecurityGroup(0, DEFAULT_GROUP, DEFAULT_GROUP, project)
    return SecurityGroupView(
        group,
        tuple(
            GroupRuleView(
                SecurityGroupRule(0, 0, rule.protocol, rule.from_port, rule.to_port, rule.cidr)
            )
            for rule in security_groups.default_rules(connection)
        ),
    )
