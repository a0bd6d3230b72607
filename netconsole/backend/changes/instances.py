"""Making and deleting instances, their fixed addresses, and what their guests are told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written, allocation, grouping, quota
from netconsole.backend.changes.guards import unguarded_note
from netconsole.backend.changes.guest_details import GuestDetails, told
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.retelling import retelling
from netconsole.backend.managers import manager
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.model import validate
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.hostnames import hostname
from netconsole.backend.model.hoststate import Address
from netconsole.backend.model.phrases import count
from netconsole.backend.model.records import (
    FixedIP,
    Instance,
    InstanceView,
    Network,
    Port,
    PortKind,
    Refiltering,
)
from netconsole.backend.model.subject import PORTS_TO_BE_NAMED, Scope
from netconsole.backend.store import (
    allowed_addresses,
    fixed_ips,
    floating_ips,
    guest_data,
    instances,
    networks,
    records,
    security_groups,
)
from netconsole.backend.store.views import instance_view


def new_instance(name: str, project: str, options: Options) -> Instance:
    """Return an instance of this host that is not in the store yet. Raises InvalidValue for its
    name."""
    uuid = str(uuid4())
    validate.display_name("instance name", name)
    return Instance(uuid, name, project, options.host, hostname(name, f"server-{uuid}"))


@dataclass(frozen=True, slots=True)
class CreateInstance(Change[InstanceView]):
    """Give a new instance a port and a fixed address in each of the networks, in their order.

    Without networks it gets all that its project may have. With `auto_assign_floating_ip` its
    first address gets a floating one; without a free one nothing is made.
    """

    name: str
    project: str
    networks: tuple[str, ...] = ()
    port_kind: PortKind = "tap"
    fixed_addresses: tuple[str, ...] = ()
    """Those it shall have, at most one in each of its networks; the others are chosen."""
    macs: tuple[str, ...] = ()
    """Of its ports, in the order of its networks; the others are made up."""
    guarded: bool = True
    """Whether its guest may send as itself alone."""
    security_groups: tuple[str, ...] = ()
    """Of its project; without any it is in `default`."""
    told: GuestDetails = field(default_factory=GuestDetails)

    @property
    def title(self) -> str:
        return spelled(
            "instance create",
            self.name,
            project=self.project,
            network=self.networks,
            fixed_address=self.fixed_addresses,
            mac=self.macs,
            security_group=self.security_groups,
            port_kind=None if self.port_kind == "tap" else self.port_kind,
            no_guard=not self.guarded,
            **self.told.spelled,
        )

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        project = validate.display_name("project", self.project)
        instance = new_instance(self.name, project, options)
        wanted = tuple(
            networks.claim(connection, network, options.host)
            for network in allocation.networks_for(connection, project, self.networks, options)
        )
        macs = self._macs(len(wanted))
        chosen = allocation.addresses_for(connection, wanted, self.fixed_addresses)
        quota.check_fixed_ips(connection, project, len(wanted), options)
        instance = instances.insert(connection, instance)
        grouping.join(connection, instance, self.security_groups)
        if self.told != GuestDetails():
            guest = told(connection, GuestData(InstanceView(instance, ())), self.told, options)
            guest_data.write(connection, guest)
        ports, rows = [], []
        for network, mac in zip(wanted, macs, strict=True):
            port = allocation.give_port(
                *(connection, instance, network, self.port_kind, options, mac),
                guarded=self.guarded,
            )
            address = chosen.get(network.id)
            ports.append(port)
            rows.append(
                allocation.give_address(connection, instance, network, port, address, options)
            )
        notes = allocation.told_elsewhere(wanted, options)
        if not self.guarded:
            notes = (*notes, unguarded_note(instance))
        if options.auto_assign_floating_ip and manager(options).has_floating_addresses:
            allocation.assign_floating(connection, instance, rows[0], wanted[0], options)
            return Written(instance_view(connection, instance), notes=notes)
        made = instance_view(connection, instance)
        return Written(
            made,
            notes=notes,
            ports=tuple(ports),
            fixed_ips=tuple(rows),
            refiltering=Refiltering(instance, _groups_of(connection, instance)),
        )

    def _macs(self, ports: int) -> tuple[str | None, ...]:
        """The MAC address asked for, or None, of each of so many ports."""
        asked = tuple(validate.mac("MAC address", mac) for mac in self.macs)
        if len(asked) > ports:
            rule = f"is one too many, the instance has {count(ports, 'port')}"
            raise InvalidValue("MAC address", asked[ports], rule)
        return asked + (None,) * (ports - len(asked))


@dataclass(frozen=True, slots=True)
class DeleteInstance(Change[Instance]):
    """Delete an instance and its ports; a leased address is free once its lease is over."""

    instance: str

    @property
    def title(self) -> str:
        return spelled("instance delete", self.instance)

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def leased(self, connection: Connection) -> tuple[FixedIP, ...]:
        return _addresses_of(connection, self.instance)

    def write(self, connection: Connection, options: Options) -> Written[Instance]:
        instance = instances.find(connection, self.instance)
        ports = instances.ports_of(connection, instance.uuid)
        rows = fixed_ips.of_instance(connection, instance.uuid)
        is_translated = _are_translated(connection, rows)
        refiltering = Refiltering(instance, _groups_of(connection, instance))
        is_allowed = bool(allowed_addresses.of_ports(connection, [port.id for port in ports]))
        used = {port.network_id for port in ports}
        for row in rows:
            allocation.let_go(connection, row, options)
        instances.delete(connection, instance)
        released: frozenset[Address] = frozenset()
        left = [network for network in networks.every(connection) if network.id in used]
        for network in left:
            released |= allocation.leave(connection, instance, network, options)
        is_here = instance.host == options.host
        notes = allocation.told_elsewhere(left if is_here else (), options)
        gone = f"it ran on host {instance.host}: `netconsole apply` there takes its ports away"
        waits = "" if is_here else gone
        if is_translated or released:
            return Written(instance, released=released, waits=waits, notes=notes)
        return Written(
            instance,
            ports=ports,
            fixed_ips=rows,
            waits=waits,
            notes=notes,
            refiltering=None if is_allowed else refiltering,
        )


@dataclass(frozen=True, slots=True)
class AddFixedIP(Change[InstanceView]):
    """Give an instance one more address: on its port in the network, or on a new one.

    DHCP hands out the first address of a port; the guest is told of others by its admin.
    """

    instance: str
    network: str
    fixed_address: str | None = None

    @property
    def title(self) -> str:
        return spelled(
            "instance add-fixed-ip", self.instance, self.network, fixed_address=self.fixed_address
        )

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        instance = instances.find(connection, self.instance)
        network = networks.find(connection, self.network)
        allocation.refuse_foreign(network, instance.project_id, options)
        asked = () if self.fixed_address is None else (self.fixed_address,)
        chosen = allocation.addresses_for(connection, (network,), asked)
        quota.check_fixed_ips(connection, instance.project_id, 1, options)
        network = networks.claim(connection, network, options.host)
        port = self._port(connection, instance, network, options)
        address = chosen.get(network.id)
        allocation.give_address(connection, instance, network, port, address, options)
        rows = _of_port(port, fixed_ips.of_instance(connection, instance.uuid))
        made = instance_view(connection, instance)
        notes = allocation.told_elsewhere((network,), options)
        return Written(made, notes=notes, ports=(port,), fixed_ips=rows)

    def _port(
        self, connection: Connection, instance: Instance, network: Network, options: Options
    ) -> Port:
        present = instances.ports_of(connection, instance.uuid)
        for port in present:
            if port.network_id == network.id:
                return port
        kind = present[0].kind if present else "tap"
        guarded = all(port.guarded for port in present)
        return allocation.give_port(connection, instance, network, kind, options, guarded=guarded)


@dataclass(frozen=True, slots=True)
class RemoveFixedIP(Change[InstanceView]):
    """Take one address from an instance, with its floating ones. Its port stays plugged in."""

    instance: str
    fixed_address: str

    @property
    def title(self) -> str:
        return spelled("instance remove-fixed-ip", self.instance, self.fixed_address)

    @property
    def scope(self) -> Scope:
        return PORTS_TO_BE_NAMED

    def leased(self, connection: Connection) -> tuple[FixedIP, ...]:
        return _addresses_of(connection, self.instance)

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        address = parse_address("fixed address", self.fixed_address)
        instance = instances.find(connection, self.instance)
        rows = fixed_ips.of_instance(connection, instance.uuid)
        held = [row for row in rows if row.allocated and row.address == address]
        if not held:
            raise allocation.without_address(instance, address)
        is_translated = _are_translated(connection, held)
        allocation.let_go(connection, held[0], options)
        made = instance_view(connection, instance)
        ports = instances.ports_of(connection, instance.uuid)
        own = tuple(port for port in ports if port.id == held[0].port_id)
        left = [each for each in networks.every(connection) if each.id == held[0].network_id]
        notes = allocation.told_elsewhere(left, options)
        if is_translated or not own:
            return Written(made, notes=notes)
        return Written(made, notes=notes, ports=own, fixed_ips=_of_port(own[0], rows))


@dataclass(frozen=True, slots=True)
class ResetNetwork(Change[InstanceView]):
    """Bring the host in line, and say anew what it holds for an instance; the store stays."""

    instance: str

    @property
    def title(self) -> str:
        return spelled("instance reset-network", self.instance)

    def write(self, connection: Connection, options: Options) -> Written[InstanceView]:
        instance = instances.find(connection, self.instance)
        said = retelling(instance, records(connection, options.host), options)
        return Written(instance_view(connection, instance), then=said)


def _addresses_of(connection: Connection, name: str) -> tuple[FixedIP, ...]:
    return fixed_ips.of_instance(connection, instances.find(connection, name).uuid)


def _groups_of(connection: Connection, instance: Instance) -> tuple[int, ...]:
    return tuple(group.id for group in security_groups.groups_of(connection, instance))


def _are_translated(connection: Connection, rows: Iterable[FixedIP]) -> bool:
    """Whether floating addresses lead to some fixed ones: the packet filter has rules of them."""
    return any(floating_ips.of_fixed_ip(connection, row.id) for row in rows)


def _of_port(port: Port, rows: Iterable[FixedIP]) -> tuple[FixedIP, ...]:
    return tuple(row for row in rows if row.port_id == port.id)
