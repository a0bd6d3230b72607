"""What is done to a project as a whole."""

from dataclasses import dataclass, replace
from shlex import quote

from sqlalchemy import Connection

from netconsole.backend import validate
from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.networks import left_behind
from netconsole.backend.hoststate import Address
from netconsole.backend.options import Options
from netconsole.backend.records import Network
from netconsole.backend.store import networks


@dataclass(frozen=True, slots=True)
class ScrubProject(Change[tuple[Network, ...]]):
    """Take a project's networks away from it, so that they can be deleted or given to another.

    A network without instances loses its host as well: the next host that needs it has it.
    """

    project: str

    @property
    def title(self) -> str:
        return f"project scrub {quote(self.project)}"

    def write(self, connection: Connection, options: Options) -> Written[tuple[Network, ...]]:
        owned = networks.of_project(connection, validate.display_name("project", self.project))
        scrubbed = []
        released = frozenset[Address]()
        for former in owned:
            in_use = networks.allocated(connection, former) > 0
            network = replace(former, project_id=None, host=former.host if in_use else None)
            networks.update(connection, network)
            scrubbed.append(network)
            released |= left_behind(former, network, options)
        return Written(tuple(scrubbed), released)
