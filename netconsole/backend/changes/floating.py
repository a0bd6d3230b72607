"""Floating addresses: making ranges of them, giving them to instances, taking them back."""

from dataclasses import dataclass, replace

from netaddr import AddrFormatError, IPNetwork
from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written, quota
from netconsole.backend.changes.allocation import carrier, without_address
from netconsole.backend.changes.allowing import refuse_allowed
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import manager
from netconsole.backend.managers.ranges import parse_address, refuse_unusable
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.phrases import command, count
from netconsole.backend.model.records import FixedIP, FloatingIP, Instance
from netconsole.backend.model.subject import Scope, confined
from netconsole.backend.model.subject import floating as floating_subject
from netconsole.backend.store import dns, fixed_ips, floating_ips, instances, networks

MOST_ADDRESSES = 1_000_000
"""As many as nova-manage took in one range."""


def parse_ip_range(value: str) -> IPNetwork:
    """Read an address or a range in CIDR notation; raises InvalidValue."""
    try:
        range_ = IPNetwork(value, version=4)
    except (AddrFormatError, ValueError):
        rule = "must be an IPv4 address or a range such as 203.0.113.128/28"
        raise InvalidValue("IP range", value, rule) from None
    if range_.ip != range_.network:
        raise InvalidValue("IP range", value, f"has host bits set; meant {range_.cidr}?")
    if range_.size > MOST_ADDRESSES:
        raise InvalidValue("IP range", value, f"holds more than {MOST_ADDRESSES} addresses")
    return range_


def addresses_of(range_: IPNetwork) -> tuple[str, ...]:
    """Return the addresses to give out: without network and broadcast where there are such (RFC
    3021)."""
    return tuple(str(address) for address in range_.iter_hosts())


def _pool(given: str | None, options: Options) -> str:
    """The pool that is meant; raises InvalidValue."""
    return validate.display_name("pool", options.default_floating_pool if given is None else given)


def _refuse_without_floating(options: Options) -> None:
    """Raise Conflict under the Flat manager: this host is not its networks' router."""
    if not manager(options).has_floating_addresses:
        shown = command("config", "show")
        raise Conflict(
            f"{options.network_manager} has no floating addresses: {shown} shows where "
            "network_manager is set"
        )


def _holder(connection: Connection, fixed_ip_id: int) -> Instance:
    """Return the instance that has an associated address."""
    fixed_ip = fixed_ips.of_id(connection, fixed_ip_id)
    (instance,) = instances.of_uuids(connection, (fixed_ip.instance_uuid or "",))
    return instance


def _refuse_assigned(connection: Connection, floating: FloatingIP, holder: int) -> None:
    """Raise Conflict for an address that came with its instance: auto_assign_floating_ip."""
    if floating.auto_assigned:
        name = _holder(connection, holder).name
        raise Conflict(
            f"floating address {floating.address} was assigned with instance {name!r} "
            f"(auto_assign_floating_ip) and goes with it: {command('instance', 'delete', name)}"
        )


@dataclass(frozen=True, slots=True)
class CreateFloating(Change[tuple[FloatingIP, ...]]):
    """Add the addresses of a range to a pool."""

    ip_range: str
    pool: str | None = None
    """Without one, `default_floating_pool`."""
    interface: str | None = None
    """Carries them where `public_interface` names none."""

    @property
    def title(self) -> str:
        return spelled(
            "floating create", pool=self.pool, ip_range=self.ip_range, interface=self.interface
        )

    def write(self, connection: Connection, options: Options) -> Written[tuple[FloatingIP, ...]]:
        pool = _pool(self.pool, options)
        range_ = parse_ip_range(self.ip_range)
        refuse_unusable("IP range", self.ip_range, range_)
        for own in (options.my_ip, options.routing_source_ip):
            if own and own in range_:
                raise InvalidValue("IP range", self.ip_range, f"holds {own}, this host's own")
        interface = options.public_interface if self.interface is None else self.interface
        if not interface and self.interface is None:
            raise InvalidValue("interface", "", "name one, as public_interface names none")
        validate.interface("interface", interface)
        for network in networks.every(connection):
            cidr = IPNetwork(network.cidr)
            if range_ in cidr or cidr in range_:
                shown = command("network", "list")
                raise Conflict(
                    f"{range_} overlaps {cidr} of network {network.label!r}: {shown} shows which "
                    "ranges are taken"
                )
        refuse_allowed(connection, range_)
        rows = tuple(
            FloatingIP(id=0, address=address, pool=pool, interface=interface)
            for address in addresses_of(range_)
        )
        made = count(len(rows), "floating address")
        waits = f"{made} in the store; each comes to {interface} when it is associated"
        return Written(floating_ips.insert_many(connection, rows), waits=waits)


@dataclass(frozen=True, slots=True)
class DeleteFloating(Change[tuple[FloatingIP, ...]]):
    """Delete the floating addresses of a range, all of them or, if one is associated, none.

    Their names go with them.
    """

    ip_range: str

    @property
    def title(self) -> str:
        return spelled("floating delete", self.ip_range)

    def write(self, connection: Connection, options: Options) -> Written[tuple[FloatingIP, ...]]:
        asked = set(addresses_of(parse_ip_range(self.ip_range)))
        found = tuple(row for row in floating_ips.every(connection) if row.address in asked)
        if not found:
            listed = command("floating", "list")
            raise NotFound(
                f"no floating address in {self.ip_range}: {listed} shows which there are"
            )
        busy = [row.address for row in found if row.fixed_ip_id is not None]
        if busy:
            more = f" and {len(busy) - 1} more" if len(busy) > 1 else ""
            first = command("floating", "disassociate", busy[0])
            raise Conflict(f"floating address {busy[0]}{more} is associated: {first} comes first")
        dns.forget(connection, [row.address for row in found])
        floating_ips.delete_many(connection, [row.address for row in found])
        return Written(found)


@dataclass(frozen=True, slots=True)
class AllocateFloating(Change[FloatingIP]):
    """Give a project an address of a pool: its instances may have it, and no others."""

    project: str
    pool: str | None = None
    """Without one, `default_floating_pool`."""

    @property
    def title(self) -> str:
        return spelled("floating allocate", project=self.project, pool=self.pool)

    def write(self, connection: Connection, options: Options) -> Written[FloatingIP]:
        project = validate.display_name("project", self.project)
        pool = _pool(self.pool, options)
        _refuse_without_floating(options)
        quota.check_floating_ips(connection, project, options)
        return Written(floating_ips.allocate(connection, pool, project))


@dataclass(frozen=True, slots=True)
class ReleaseFloating(Change[FloatingIP]):
    """Take an address that no instance has back from its project, and its names from it."""

    address: str

    @property
    def title(self) -> str:
        return spelled("floating release", self.address)

    def write(self, connection: Connection, options: Options) -> Written[FloatingIP]:
        address = parse_address("floating address", self.address)
        floating = floating_ips.find(connection, address)
        if floating.project_id is None and floating.fixed_ip_id is None:
            shown = command("floating", "list")
            raise Conflict(
                f"floating address {address} is allocated to no project: {shown} shows which are"
            )
        released = floating_ips.release(connection, floating)
        dns.forget(connection, (address,))
        return Written(released)


@dataclass(frozen=True, slots=True)
class AssociateFloating(Change[FloatingIP]):
    """Give a floating address to an instance: to its first fixed address unless one is named.

    An address that is allocated to a project stays so; of the others any may be given.
    """

    address: str
    instance: str
    fixed_address: str | None = None
    move: bool = False
    """Take it from the instance that has it, and end the connections through it."""

    @property
    def title(self) -> str:
        return spelled(
            "floating associate",
            self.address,
            self.instance,
            fixed_address=self.fixed_address,
            move=self.move,
        )

    @property
    def scope(self) -> Scope:
        return confined(floating_subject(parse_address("floating address", self.address)))

    def write(self, connection: Connection, options: Options) -> Written[FloatingIP]:
        address = parse_address("floating address", self.address)
        _refuse_without_floating(options)
        floating = floating_ips.find(connection, address)
        instance = instances.find(connection, self.instance)
        fixed_ip = self._fixed_ip(connection, instance)
        if floating.fixed_ip_id == fixed_ip.id:
            return Written(floating, waits="it was so already")
        if floating.fixed_ip_id is not None:
            floating = self._taken(connection, floating, floating.fixed_ip_id)
        if floating.project_id is None:
            quota.check_floating_ips(connection, instance.project_id, options)
        elif floating.project_id != instance.project_id:
            release = command("floating", "release", address)
            raise Conflict(
                f"floating address {address} is allocated to project {floating.project_id!r}, "
                f"instance {instance.name!r} is of project {instance.project_id!r}: "
                f"{release} takes it back"
            )
        by_id = {network.id: network for network in networks.every(connection)}
        host = carrier(by_id[fixed_ip.network_id], instance)
        waits = f"host {host} carries it: run `netconsole apply` there"
        return Written(floating_ips.associate(connection, floating, fixed_ip, host), waits=waits)

    def _taken(self, connection: Connection, floating: FloatingIP, holder: int) -> FloatingIP:
        """Take the address from the instance that has it; raises Conflict where that is no move."""
        if not self.move:
            move = replace(self, move=True).title
            raise Conflict(
                f"floating address {floating.address} is associated already, with "
                f"instance {_holder(connection, holder).name!r}: `netconsole {move}` takes it "
                "there"
            )
        _refuse_assigned(connection, floating, holder)
        return floating_ips.disassociate(connection, floating)

    def _fixed_ip(self, connection: Connection, instance: Instance) -> FixedIP:
        rows = [row for row in fixed_ips.of_instance(connection, instance.uuid) if row.allocated]
        if self.fixed_address is not None:
            wanted = parse_address("fixed address", self.fixed_address)
            rows = [row for row in rows if row.address == wanted]
            if not rows:
                raise without_address(instance, wanted)
        if not rows:
            given = command("instance", "add-fixed-ip", instance.name, "NETWORK")
            raise Conflict(f"instance {instance.name!r} has no fixed address: {given} gives it one")
        return rows[0]


@dataclass(frozen=True, slots=True)
class DisassociateFloating(Change[FloatingIP]):
    """Take a floating address from its instance, and end the connections through it."""

    address: str

    @property
    def title(self) -> str:
        return spelled("floating disassociate", self.address)

    @property
    def scope(self) -> Scope:
        return confined(floating_subject(parse_address("floating address", self.address)))

    def write(self, connection: Connection, options: Options) -> Written[FloatingIP]:
        address = parse_address("floating address", self.address)
        floating = floating_ips.find(connection, address)
        if floating.fixed_ip_id is None:
            listed = command("floating", "list")
            raise Conflict(
                f"floating address {address} is not associated: {listed} shows which are"
            )
        _refuse_assigned(connection, floating, floating.fixed_ip_id)
        return Written(floating_ips.disassociate(connection, floating))
