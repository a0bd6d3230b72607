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
from netconsole.backend.model.records import InstanceView, Network
from netconsole.backend.store import floating_ips, instances, networks
from netconsole.backend.store.views import instance_view


@dataclass(frozen=True, slots=True)
class ScrubProject(Change[tuple[Network, ...]]):
    """Take a project's networks away from it, so that they can be deleted or given to another.

    A network without instances loses its host as well: the next host that needs it has it. What
    instances hold stays theirs, and they are named.
    """

    project: str

    @property
    def title(self) -> str:
        return spelled("project scrub", project=self.project)

    def write(self, connection: Connection, options: Options) -> Written[tuple[Network, ...]]:
        project = validate.display_name("project", self.project)
        owned = networks.of_project(connection, project)
        running = self._running(connection)
        if not owned and not running and not floating_ips.count_of_project(connection, project):
            shown = command("network", "list")
            raise NotFound(
                f"project {project!r} is not known here, it has no network, no instance and no "
                f"floating address: {shown} shows whose the networks are"
            )
        scrubbed = []
        released = frozenset[Address]()
        for former in owned:
            in_use = networks.allocated(connection, former) > 0
            network = replace(former, project_id=None, host=former.host if in_use else None)
            networks.update(connection, network)
            scrubbed.append(network)
            released |= left_behind(former, network, options)
        return Written(
            tuple(scrubbed),
            released,
            waits="in the store alone: what is on this host stays",
            notes=tuple(self._notes(owned, running)),
        )

    def _running(self, connection: Connection) -> tuple[InstanceView, ...]:
        every = instances.every(connection)
        mine = (instance for instance in every if instance.project_id == self.project)
        return tuple(instance_view(connection, instance) for instance in mine)

    def _notes(
        self, owned: tuple[Network, ...], running: tuple[InstanceView, ...]
    ) -> Iterator[str]:
        if not owned:
            yield f"project {self.project} has no network of its own; nothing was taken from it"
        for network in owned:
            yield f"network {network.label} is no longer of project {self.project}"
        names = [view.instance.name for view in running]
        if names:
            many = count(len(names), "instance")
            yield f"{many} of {self.project} still there, untouched: {some(names)}"
