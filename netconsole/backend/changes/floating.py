"""Floating addresses: making ranges of them, giving them to instances, taking them back."""

from dataclasses import dataclass

from netaddr import AddrFormatError, IPNetwork
from sqlalchemy import Connection

from netconsole.backend import validate
from netconsole.backend.changes import Change, Written
from netconsole.backend.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.options import Options
from netconsole.backend.records import FixedIP, FloatingIP, Instance
from netconsole.backend.store import fixed_ips, floating_ips, instances, networks

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
    """The addresses to give out: without network and broadcast where there are such (RFC 3021)."""
    return tuple(str(address) for address in range_.iter_hosts())


@dataclass(frozen=True, slots=True)
class CreateFloating(Change[tuple[FloatingIP, ...]]):
    """Add the addresses of a range to a pool."""

    pool: str
    ip_range: str
    interface: str | None = None

    @property
    def title(self) -> str:
        return f"floating create --pool {self.pool} --ip-range {self.ip_range}"

    def write(self, connection: Connection, options: Options) -> Written[tuple[FloatingIP, ...]]:
        pool = validate.name("pool", self.pool)
        range_ = parse_ip_range(self.ip_range)
        interface = self.interface or options.public_interface
        validate.interface("interface", interface)
        for network in networks.every(connection):
            cidr = IPNetwork(network.cidr)
            if range_ in cidr or cidr in range_:
                raise Conflict(f"{range_} overlaps {cidr} of network {network.label!r}")
        rows = tuple(
            FloatingIP(id=0, address=address, pool=pool, interface=interface)
            for address in addresses_of(range_)
        )
        return Written(floating_ips.insert_many(connection, rows))


@dataclass(frozen=True, slots=True)
class DeleteFloating(Change[tuple[FloatingIP, ...]]):
    """Delete the floating addresses of a range, all of them or, if one is associated, none."""

    ip_range: str

    @property
    def title(self) -> str:
        return f"floating delete {self.ip_range}"

    def write(self, connection: Connection, options: Options) -> Written[tuple[FloatingIP, ...]]:
        asked = set(addresses_of(parse_ip_range(self.ip_range)))
        found = tuple(row for row in floating_ips.every(connection) if row.address in asked)
        if not found:
            raise NotFound(f"no floating address in {self.ip_range}")
        busy = [row.address for row in found if row.fixed_ip_id is not None]
        if busy:
            more = f" and {len(busy) - 1} more" if len(busy) > 1 else ""
            raise Conflict(f"floating address {busy[0]}{more} is associated: disassociate it first")
        floating_ips.delete_many(connection, [row.address for row in found])
        return Written(found)


@dataclass(frozen=True, slots=True)
class AssociateFloating(Change[FloatingIP]):
    """Give a floating address to an instance: to its first fixed address unless one is named."""

    address: str
    instance: str
    fixed_address: str | None = None

    @property
    def title(self) -> str:
        fixed = f" --fixed-address {self.fixed_address}" if self.fixed_address else ""
        return f"floating associate {self.address} {self.instance}{fixed}"

    def write(self, connection: Connection, options: Options) -> Written[FloatingIP]:
        address = parse_address("floating address", self.address)
        floating = floating_ips.find(connection, address)
        instance = instances.find(connection, self.instance)
        fixed_ip = self._fixed_ip(connection, instance)
        if floating.fixed_ip_id == fixed_ip.id:
            return Written(floating)
        project = instance.project_id
        return Written(
            floating_ips.associate(connection, floating, fixed_ip, project, options.host)
        )

    def _fixed_ip(self, connection: Connection, instance: Instance) -> FixedIP:
        rows = [row for row in fixed_ips.of_instance(connection, instance.uuid) if row.allocated]
        if self.fixed_address is not None:
            wanted = parse_address("fixed address", self.fixed_address)
            rows = [row for row in rows if row.address == wanted]
            if not rows:
                raise NotFound(f"instance {instance.name!r} has no fixed address {wanted}")
        if not rows:
            raise Conflict(f"instance {instance.name!r} has no fixed address")
        return rows[0]


@dataclass(frozen=True, slots=True)
class DisassociateFloating(Change[FloatingIP]):
    """Take a floating address from its instance, and end the connections through it."""

    address: str

    @property
    def title(self) -> str:
        return f"floating disassociate {self.address}"

    def write(self, connection: Connection, options: Options) -> Written[FloatingIP]:
        address = parse_address("floating address", self.address)
        floating = floating_ips.find(connection, address)
        if floating.fixed_ip_id is None:
            raise Conflict(f"floating address {address} is not associated")
        return Written(floating_ips.disassociate(connection, floating))
