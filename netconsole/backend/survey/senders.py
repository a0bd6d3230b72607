"""Senders: the addresses that are meant where somebody is asked after by a name. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.group_names import find_group, unknown_project
from netconsole.backend.model.group_rules import is_ipv6
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Network, Port, Records, SecurityGroup
from netconsole.backend.model.text import in_shell


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends: an address, an instance or a security group, as it is typed."""

    name: str
    """Of a group it is the id too; without a project, an id is that of any project's."""
    project: str | None = None
    """Whose group it is; None for one of the instance's own project."""


def find_instance(records: Records, name: str) -> Instance:
    """Return the instance of that name, or else of that uuid or host name. Raises NotFound."""
    called = [each for each in records.instances if _is_called(each, name)]
    if not called:
        listed = command("instance", "list")
        raise NotFound(f"instance {name!r} does not exist: {listed} shows which do")
    return min(called, key=lambda one: (one.name != name, one.uuid != name))


def _is_called(instance: Instance, name: str) -> bool:
    return name in (instance.name, instance.uuid, instance.hostname)


def senders(
    records: Records, source: Source, receiver: Instance, families: Collection[bool]
) -> Iterator[tuple[str, str | None]]:
    """Yield the addresses that a source means, each with its instance, but for the receiver's.

    Of instances these are of those families, IPv6 or not. Raises NotFound where it means nothing,
    Conflict where it means two things, and InvalidValue where a project goes with an address.
    """
    if (address := _address(source.name)) is not None:
        if source.project is not None:
            rule = f"has no security group with it: {address} is an address"
            raise InvalidValue("source project", source.project, rule)
        yield address, None
        return
    for instance in _named(records, source, receiver.project_id):
        for address in addresses_of(records, instance):
            if is_ipv6(address) in families and instance.uuid != receiver.uuid:
                yield address, instance.name


def _named(records: Records, source: Source, project: str) -> tuple[Instance, ...]:
    """The instance that is so named, or those in the group that is; `project` is the receiver's."""
    if source.project is not None:
        return _members(records, _group_of(records, source.project, source.name))
    text = source.name
    is_instance = any(_is_called(each, text) for each in records.instances)
    group = _group(records, text, project)
    if group is None and not is_instance:
        shown = command("secgroup", "list", "--project", project)
        raise NotFound(
            f"source {text!r}: no address, instance or security group of project {project!r}: "
            f"{shown} shows the groups, --source-project names another project"
        )
    if group is None:
        return (find_instance(records, text),)
    if is_instance:
        shown = command("secgroup", "list", "--project", group.project_id)
        one = find_instance(records, text).uuid
        two = f"the other, with --source-project {in_shell(group.project_id)}"
        raise Conflict(
            f"source {text!r} is an instance and a security group of project "
            f"{group.project_id!r}: say {one} for the one, {group.id} for {two} ({shown})"
        )
    return _members(records, group)


def _members(records: Records, group: SecurityGroup) -> tuple[Instance, ...]:
    inside = {
        each.instance_uuid for each in records.memberships if each.security_group_id == group.id
    }
    if not inside:
        shown = command("secgroup", "list", "--project", group.project_id)
        raise NotFound(
            f"security group {group.name!r} has no instance in it: {shown} shows which have"
        )
    return tuple(each for each in records.instances if each.uuid in inside)


def _group_of(records: Records, project: str, name: str) -> SecurityGroup:
    """The group of a project that is so named; raises NotFound."""
    owners = {each.project_id for each in records.security_groups}
    owners |= {each.project_id for each in records.instances}
    if project not in owners:
        raise unknown_project(project)
    return find_group(records.security_groups, project, name)


def _group(records: Records, text: str, project: str) -> SecurityGroup | None:
    """The group of the receiver's project that has this name or id, or that of another its id."""
    try:
        return find_group(records.security_groups, project, text)
    except NotFound:
        of_id = (each for each in records.security_groups if each.id and str(each.id) == text)
        return next(of_id, None)


def addresses_of(records: Records, instance: Instance) -> Iterator[str]:
    """Yield the addresses of an instance; an IPv6 address is what it makes of its MAC."""
    return (address for address, _ in places_of(records, instance))


def places_of(records: Records, instance: Instance) -> Iterator[tuple[str, Network]]:
    """Yield the addresses of an instance, each with its network."""
    by_id = {network.id: network for network in records.networks}
    for port in records.ports:
        if port.instance_uuid == instance.uuid:
            network = by_id[port.network_id]
            for address in _addresses_of_port(records, port, network):
                yield address, network


def _addresses_of_port(records: Records, port: Port, network: Network) -> Iterator[str]:
    for row in records.fixed_ips:
        if row.port_id == port.id and row.allocated:
            yield row.address
    if network.cidr_v6 is not None:
        yield address_v6(port.mac, network.cidr_v6)


def _address(text: str) -> str | None:
    try:
        return str(ip_address(text)).partition("%")[0]  # not the zone of a link-local one
    except ValueError:
        return None
