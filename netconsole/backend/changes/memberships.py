"""Putting instances into security groups, and taking them out."""

from dataclasses import dataclass

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written, grouping
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Membership, Regrouping, SecurityGroup
from netconsole.backend.model.subject import GROUPS, Scope
from netconsole.backend.store import instances, security_groups

Groups = tuple[SecurityGroup, ...]
"""Those that an instance is in afterwards."""


@dataclass(frozen=True, slots=True)
class AddSecurityGroup(Change[Groups]):
    """Put an instance into a group of its project: it lets in what that lets in as well."""

    instance: str
    group: str

    @property
    def title(self) -> str:
        return spelled("instance secgroup add", self.instance, self.group)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[Groups]:
        instance = instances.find(connection, self.instance)
        group = grouping.find(connection, instance.project_id, self.group)
        if group in security_groups.groups_of(connection, instance):
            shown = command("instance", "secgroup", "list", instance.name)
            raise Conflict(
                f"instance {instance.name!r} is in security group {group.name!r} already: {shown} "
                "shows which it is in"
            )
        security_groups.add_member(connection, Membership(group.id, instance.uuid))
        return _written(connection, instance, group)


@dataclass(frozen=True, slots=True)
class RemoveSecurityGroup(Change[Groups]):
    """Take an instance out of a group. One that is in none lets nothing in."""

    instance: str
    group: str

    @property
    def title(self) -> str:
        return spelled("instance secgroup remove", self.instance, self.group)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[Groups]:
        instance = instances.find(connection, self.instance)
        group = grouping.find(connection, instance.project_id, self.group)
        if group not in security_groups.groups_of(connection, instance):
            shown = command("instance", "secgroup", "list", instance.name)
            raise NotFound(
                f"instance {instance.name!r} is not in security group {group.name!r}: {shown} "
                "shows which it is in"
            )
        security_groups.remove_member(connection, Membership(group.id, instance.uuid))
        return _written(connection, instance, group)


def _written(connection: Connection, instance: Instance, group: SecurityGroup) -> Written[Groups]:
    found = security_groups.groups_of(connection, instance)
    return Written(found, regrouping=Regrouping(group.id, member=instance.uuid))
