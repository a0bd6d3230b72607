"""The VPN of a project: the instance that is it, and where it is reached from outside.

nova called the instance cloudpipe. It has the address that its network keeps for it, to which the
public port leads (`intent.meaning`).
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written, allocation, grouping
from netconsole.backend.changes.guards import unguarded_note
from netconsole.backend.changes.instances import new_instance
from netconsole.backend.changes.networks import network_for_project
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.group_rules import ANY, EVERYONE, DefaultRule
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import InstanceView, Network, PortKind, SecurityGroup
from netconsole.backend.store import fixed_ips, instances, networks, security_groups
from netconsole.backend.store.views import instance_view

PORTS = range(1, 65536)
CLIENTS = (
    DefaultRule(0, "udp", 1194, 1194, EVERYONE),
    DefaultRule(0, "icmp", ANY, ANY, EVERYONE),
)
"""What its group lets in: OpenVPN, and pings."""


@dataclass(frozen=True, slots=True)
class CreateVpn(Change[InstanceView]):
    """Give a project's VPN its instance, on the address that its network keeps for it.

    A project without a network is given one. Where the VPN has its instance already, that is the
    answer.
    """

    project: str
    name: str | None = None
    """Without one, the project's with `-vpn` behind."""
    port_kind: PortKind = "tap"

    @property
    def title(self) -> str:
        return spelled(
            "vpn create",
            project=self.project,
            name=self.name,
            port_kind=None if self.port_kind == "tap" else self.port_kind,
        )

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        project = validate.display_name("project", self.project)
        usual = f"{project}-vpn"
        instance = new_instance(usual if self.name is None else self.name, project, options)
        network = network_for_project(connection, project, options)
        if network.vpn_private_address is None:
            raise Conflict(f"network {network.label!r} keeps no address for a VPN")
        row = fixed_ips.find(connection, network.vpn_private_address)
        if row.allocated and row.instance_uuid is not None:
            return Written(instance_view(connection, instances.find(connection, row.instance_uuid)))
        network = networks.claim(connection, network, options.host)
        instance = instances.insert(connection, instance)
        grouping.join(connection, instance, (_group(connection, project).name,))
        # As nova's filter nova-vpn: the machines behind a VPN send by its port.
        port = allocation.give_port(
            connection, instance, network, self.port_kind, options, guarded=False
        )
        allocation.give_vpn_address(connection, instance, network, port, options)
        notes = (unguarded_note(instance),)
        return Written(instance_view(connection, instance), notes=notes)


def _group(connection: Connection, project: str) -> SecurityGroup:
    """The group of a project's VPN, called after it, which is made where it is not there yet."""
    name = f"{project}-vpn"
    present = security_groups.named(connection, project, name)
    group = SecurityGroup(0, name, "Group for vpn", project)
    return present or grouping.make(connection, group, CLIENTS)


@dataclass(frozen=True, slots=True)
class ChangeVpn(Change[tuple[Network, ...]]):
    """Note the public address and port of a project's VPN on all of its networks."""

    project: str
    address: str
    port: int

    @property
    def title(self) -> str:
        return spelled("vpn change", project=self.project, ip=self.address, port=self.port)

    def write(self, connection: Connection, options: Options) -> Written[tuple[Network, ...]]:
        project = validate.display_name("project", self.project)
        address = parse_address("VPN address", self.address)
        if self.port not in PORTS:
            raise InvalidValue("VPN port", self.port, f"must be {PORTS[0]} to {PORTS[-1]}")
        owned = networks.of_project(connection, project)
        if not owned:
            given = command("network", "associate", "NETWORK", "--project", project)
            raise NotFound(f"project {project!r} has no network: {given} gives it one")
        changed = tuple(
            replace(network, vpn_public_address=address, vpn_public_port=self.port)
            for network in owned
        )
        for network in changed:
            networks.update(connection, network)
        return Written(changed)
