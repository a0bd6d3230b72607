"""Making and deleting instances: their ports and fixed addresses."""

import secrets
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection

from netconsole.backend import validate
from netconsole.backend.changes import Change, Written
from netconsole.backend.errors import Exhausted, InvalidValue
from netconsole.backend.options import Options
from netconsole.backend.records import Instance, InstanceView, Network, Port, PortKind
from netconsole.backend.store import fixed_ips, floating_ips, instances, networks
from netconsole.backend.store.views import instance_view


@dataclass(frozen=True, slots=True)
class CreateInstance(Change[InstanceView]):
    """Give a new instance a port and a fixed address in each of the networks, in their order."""

    name: str
    project: str
    networks: tuple[str, ...]
    port_kind: PortKind = "tap"

    @property
    def title(self) -> str:
        return f"instance create {self.name} --project {self.project}"

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        name = validate.hostname("instance name", self.name)
        project = validate.name("project", self.project)
        if not self.networks:
            raise InvalidValue("networks", "", "an instance needs at least one")
        wanted = [networks.find(connection, network) for network in self.networks]
        instance = Instance(str(uuid4()), name, project, options.host)
        instances.insert(connection, instance)
        for network in wanted:
            port = self._port(connection, instance, network, options)
            fixed_ips.allocate(connection, network, instance.uuid, port.id)
        return Written(instance_view(connection, instance))

    def _port(
        self, connection: Connection, instance: Instance, network: Network, options: Options
    ) -> Port:
        taken = {port.mac for port in instances.every_port(connection)}
        for _ in range(options.create_unique_mac_address_attempts):
            mac = random_mac()
            if mac not in taken:
                return instances.insert_port(
                    connection, new_port(instance, network, mac, self.port_kind)
                )
        raise Exhausted("no free MAC address found; raise create_unique_mac_address_attempts")


def random_mac() -> str:
    """A random MAC address with nova's prefix."""
    return "fa:16:3e:" + ":".join(f"{octet:02x}" for octet in secrets.token_bytes(3))


def new_port(instance: Instance, network: Network, mac: str, kind: PortKind) -> Port:
    """A port with a device name of its own; the names fit the kernel's 15 letters."""
    uuid = str(uuid4())
    return Port(
        id=0,
        uuid=uuid,
        mac=mac,
        network_id=network.id,
        instance_uuid=instance.uuid,
        kind=kind,
        device=f"{kind}{uuid[:8]}",
        peer=f"peer{uuid[:8]}" if kind == "veth" else None,
    )


@dataclass(frozen=True, slots=True)
class DeleteInstance(Change[Instance]):
    """Delete an instance and its ports; a leased address is free once its lease is over."""

    instance: str

    @property
    def title(self) -> str:
        return f"instance delete {self.instance}"

    def write(self, connection: Connection, options: Options) -> Written[Instance]:
        instance = instances.find(connection, self.instance)
        for row in fixed_ips.of_instance(connection, instance.uuid):
            for floating in floating_ips.of_fixed_ip(connection, row.id):
                floating_ips.disassociate(connection, floating)
            if row.leased:
                fixed_ips.deallocate(connection, row)
            else:
                fixed_ips.disassociate(connection, row)
        instances.delete_ports(connection, instance.uuid)
        instances.delete(connection, instance)
        return Written(instance)
