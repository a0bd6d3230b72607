"""Records put together as an admin thinks of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from netconsole.backend.model.group_names import find_group
from netconsole.backend.model.group_rules import DEFAULT_GROUP, SecurityGroupRule
from netconsole.backend.model.records import (
    AllowedAddress,
    FixedIP,
    FixedIPView,
    FloatingIP,
    GroupRuleView,
    Instance,
    InstanceView,
    Network,
    Port,
    PortView,
    SecurityGroup,
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
    ports = instances.ports_of(connection, instance.uuid)
    rows = fixed_ips.of_instance(connection, instance.uuid)
    floating = (each for row in rows for each in floating_ips.of_fixed_ip(connection, row.id))
    ranges = allowed_addresses.of_ports(connection, [port.id for port in ports])
    found = _port_views(networks.every(connection), ports, rows, floating, ranges)
    return InstanceView(instance, tuple(found), security_groups.groups_of(connection, instance))


def instance_views(connection: Connection) -> tuple[InstanceView, ...]:
    """Return every instance as `instance_view` does, by as many queries as for one."""
    ports: dict[str, list[PortView]] = defaultdict(list)
    for view in _port_views(
        networks.every(connection),
        instances.every_port(connection),
        fixed_ips.of_every_instance(connection),
        floating_ips.every(connection),
        allowed_addresses.every(connection),
    ):
        ports[view.port.instance_uuid].append(view)
    by_id = {group.id: group for group in security_groups.every(connection)}
    groups: dict[str, list[SecurityGroup]] = defaultdict(list)
    for each in security_groups.every_membership(connection):
        groups[each.instance_uuid].append(by_id[each.security_group_id])
    return tuple(
        InstanceView(instance, tuple(ports[instance.uuid]), tuple(groups[instance.uuid]))
        for instance in instances.every(connection)
    )


def _port_views(
    known: Iterable[Network],
    ports: Iterable[Port],
    rows: Iterable[FixedIP],
    floating: Iterable[FloatingIP],
    ranges: Iterable[AllowedAddress],
) -> Iterator[PortView]:
    """Give ports what of these is theirs; both stay in their order."""
    by_id = {network.id: network for network in known}
    fixed: dict[int, list[FixedIP]] = defaultdict(list)
    for row in rows:
        if row.port_id is not None:
            fixed[row.port_id].append(row)
    leading: dict[int, list[FloatingIP]] = defaultdict(list)
    for address in floating:
        if address.fixed_ip_id is not None:
            leading[address.fixed_ip_id].append(address)
    allowed: dict[int, list[AllowedAddress]] = defaultdict(list)
    for each in ranges:
        allowed[each.port_id].append(each)
    for port in ports:
        own = tuple(fixed[port.id])
        to_it = tuple(address for row in own for address in leading[row.id])
        yield PortView(port, by_id[port.network_id], own, to_it, tuple(allowed[port.id]))


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
