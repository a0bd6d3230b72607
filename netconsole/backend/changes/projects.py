"""What is done to a project as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.networks import left_behind
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model import validate
from netconsole.backend.model.errors import NotFound
from netconsole.backend.model.hoststate import Address
from netconsole.backend.model.phrases import command, count, some
from netconsole.backend.model.records import InstanceView, Network, SecurityGroup
from netconsole.backend.store import floating_ips, instances, networks, security_groups
from netconsole.backend.store.views import instance_view


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was taken from a project."""

    networks: tuple[Network, ...]
    """As they are now."""
    security_groups: tuple[SecurityGroup, ...]
    """Those that are gone."""


@dataclass(frozen=True, slots=True)
class ScrubProject(Change[Scrubbed]):
    """Take a project's networks away from it, so that they can be deleted or given to another.

    A network without instances loses its host as well: the next host that needs it has it. What
    instances hold stays theirs, and they are named. Security groups that no instance is in, and
    that none which stays lets in, are deleted.
    """

    project: str

    @property
    def title(self) -> str:
        return spelled("project scrub", project=self.project)

    def write(self, connection: Connection, options: Options) -> Written[Scrubbed]:
        project = validate.display_name("project", self.project)
        owned = networks.of_project(connection, project)
        groups = security_groups.of_project(connection, project)
        running = self._running(connection)
        floating = floating_ips.count_of_project(connection, project)
        if not (owned or groups or running or floating):
            shown = command("network", "list")
            raise NotFound(
                f"project {project!r} is not known here, it has no network, no instance, no "
                f"floating address and no security group: {shown} shows whose the networks are"
            )
        scrubbed = []
        released = frozenset[Address]()
        for former in owned:
            in_use = networks.allocated(connection, former) > 0
            network = replace(former, project_id=None, host=former.host if in_use else None)
            networks.update(connection, network)
            scrubbed.append(network)
            released |= left_behind(former, network, options)
        unused = _unused(connection, groups)
        security_groups.delete(connection, unused)
        return Written(
            Scrubbed(tuple(scrubbed), unused),
            released,
            waits="in the store alone: what is on this host stays",
            notes=tuple(self._notes(owned, running, groups, unused)),
        )

    def _running(self, connection: Connection) -> tuple[InstanceView, ...]:
        every = instances.every(connection)
        mine = (instance for instance in every if instance.project_id == self.project)
        return tuple(instance_view(connection, instance) for instance in mine)

    def _notes(
        self,
        owned: tuple[Network, ...],
        running: tuple[InstanceView, ...],
        groups: tuple[SecurityGroup, ...],
        unused: tuple[SecurityGroup, ...],
    ) -> Iterator[str]:
        if not (owned or unused):
            yield f"project {self.project} has no network of its own; nothing was taken from it"
        for network in owned:
            yield f"network {network.label} is no longer of project {self.project}"
        if unused:
            many = count(len(unused), "security group")
            yield f"{many} of {self.project} deleted: {some([each.name for each in unused])}"
        if kept := [each.name for each in groups if each not in unused]:
            many = count(len(kept), "security group")
            yield f"{many} of {self.project} still there, in use: {some(kept)}"
        names = [view.instance.name for view in running]
        if names:
            many = count(len(names), "instance")
            yield f"{many} of {self.project} still there, untouched: {some(names)}"


def _unused(connection: Connection, groups: tuple[SecurityGroup, ...]) -> tuple[SecurityGroup, ...]:
    """The groups of a project without members, which no group that stays lets in."""
    empty = {each.id for each in groups if not security_groups.members_of(connection, each)}
    while kept := {
        each.id
        for each in groups
        if each.id in empty
        and any(
            rule.parent_group_id not in empty
            for rule in security_groups.rules_from(connection, each)
        )
    }:
        empty -= kept
    return tuple(each for each in groups if each.id in empty)
