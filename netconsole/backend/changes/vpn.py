"""Where the VPN of a project is reached from outside."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from netconsole.backend import validate
from netconsole.backend.changes import Change, Written
from netconsole.backend.errors import InvalidValue, NotFound
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.options import Options
from netconsole.backend.records import Network
from netconsole.backend.store import networks

PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class ChangeVpn(Change[tuple[Network, ...]]):
    """Note the public address and port of a project's VPN on all of its networks."""

    project: str
    address: str
    port: int

    @property
    def title(self) -> str:
        return f"vpn change --project {self.project} --ip {self.address} --port {self.port}"

    def write(self, connection: Connection, options: Options) -> Written[tuple[Network, ...]]:
        project = validate.name("project", self.project)
        address = parse_address("VPN address", self.address)
        if self.port not in PORTS:
            raise InvalidValue("VPN port", self.port, f"must be {PORTS[0]} to {PORTS[-1]}")
        owned = networks.of_project(connection, project)
        if not owned:
            raise NotFound(f"project {project!r} has no network")
        changed = tuple(
            replace(network, vpn_public_address=address, vpn_public_port=self.port)
            for network in owned
        )
        for network in changed:
            networks.update(connection, network)
        return Written(changed)
