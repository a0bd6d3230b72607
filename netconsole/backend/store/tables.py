"""The tables. Columns are called as the fields of the records, which are called as nova's columns.

Nothing here is peculiar to SQLite: PostgreSQL gets the same tables. The migrations under
`migrations/` make them; a test compares the two.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    false,
    func,
    true,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time, in UTC both ways: SQLite forgets time zones.

    SQLite keeps it as a text, which is read here: there are two in the row of every fixed
    address, and SQLAlchemy takes four times as long for one.
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[datetime | str | None], datetime | None]:
        return _read_moment


def _read_moment(value: datetime | str | None) -> datetime | None:
    if isinstance(value, str):
        return datetime.fromisoformat(f"{value}+00:00")
    return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the present moment in UTC, as it goes into `created_at` and `updated_at`."""
    return datetime.now(UTC)


stores = Table(
    "stores",
    metadata,
    # One row: the identity of this store, and how many changes it has seen.
    Column("uuid", String(36), primary_key=True),
    Column("serial", Integer, nullable=False),
)

networks = Table(
    "networks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("label", String(255), nullable=False, unique=True),
    Column("cidr", String(43), nullable=False),
    Column("netmask", String(39), nullable=False),
    Column("broadcast", String(39), nullable=False),
    Column("gateway", String(39)),
    Column("dhcp_server", String(39)),
    Column("dhcp_start", String(39), nullable=False),
    # Networks without DHCP may share a bridge.
    Column("bridge", String(15), nullable=False),
    Column("bridge_interface", String(15)),
    Column("dns1", String(39)),
    Column("dns2", String(39)),
    Column("vlan", Integer, unique=True),
    Column("vpn_private_address", String(39)),
    Column("vpn_public_address", String(39)),
    Column("vpn_public_port", Integer),
    Column("multi_host", Boolean, nullable=False),
    Column("share_address", Boolean, nullable=False),
    Column("enable_dhcp", Boolean, nullable=False),
    Column("injected", Boolean, nullable=False),
    Column("mtu", Integer),
    Column("priority", Integer),
    Column("project_id", String(255)),
    Column("host", String(255)),
    Column("cidr_v6", String(43)),
    Column("gateway_v6", String(39)),
    Column("netmask_v6", String(39)),
    # NULL where it is not known: Flat or FlatDHCP.
    Column("manager", String(8)),
    Column("created_at", Moment, nullable=False, default=now),
)

instances = Table(
    "instances",
    metadata,
    Column("uuid", String(36), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("project_id", String(255), nullable=False),
    Column("host", String(255), nullable=False, index=True),
    # SQLite adds no column to rows that are there without a default.
    Column("hostname", String(255), nullable=False, server_default="", index=True),
    Column("id", Integer, nullable=False, server_default="0"),
    Column("created_at", Moment, nullable=False, default=now),
)
for _called in (instances.c.name, instances.c.hostname):
    Index(f"ix_instances_lower_{_called.name}", func.lower(_called))
Index("ix_instances_id", instances.c.id, unique=True)

ports = Table(
    "ports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("mac", String(17), nullable=False, unique=True),
    Column("network_id", ForeignKey(networks.c.id), nullable=False, index=True),
    Column("instance_uuid", ForeignKey(instances.c.uuid), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("device", String(15), nullable=False, unique=True),
    Column("peer", String(15)),
    Column("guarded", Boolean, nullable=False, server_default=true()),
    Column("created_at", Moment, nullable=False, default=now),
    # A fixed address remembers its port's id until its lease ends, so no id comes twice.
    sqlite_autoincrement=True,
)

allowed_addresses = Table(
    "allowed_addresses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("port_id", ForeignKey(ports.c.id), nullable=False),
    Column("cidr", String(43), nullable=False),
    UniqueConstraint("port_id", "cidr"),
)

key_pairs = Table(
    "key_pairs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("type", String(8), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("fingerprint", String(47), nullable=False),
    Column("created_at", Moment, nullable=False, default=now),
    UniqueConstraint("project_id", "name"),
)

guest_data = Table(
    "guest_data",
    metadata,
    # One row an instance that is told anything, but for its keys, metadata and files.
    Column("instance_uuid", ForeignKey(instances.c.uuid), primary_key=True),
    Column("user_data", LargeBinary),
    Column("image", String(255)),
    Column("kernel", String(255)),
    Column("ramdisk", String(255)),
    Column("flavor", String(255)),
    Column("availability_zone", String(255)),
    Column("admin_password", String(255)),
    # What its guest posted.
    Column("password", LargeBinary),
)

guest_keys = Table(
    "guest_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("instance_uuid", ForeignKey(instances.c.uuid), nullable=False),
    Column("name", String(255), nullable=False),
    Column("type", String(8), nullable=False),
    Column("public_key", Text, nullable=False),
    UniqueConstraint("instance_uuid", "name"),
)

instance_metadata = Table(
    "instance_metadata",
    metadata,
    Column("instance_uuid", ForeignKey(instances.c.uuid), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(255), nullable=False),
)

guest_files = Table(
    "guest_files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("instance_uuid", ForeignKey(instances.c.uuid), nullable=False),
    Column("path", String(255), nullable=False),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("instance_uuid", "path"),
)

TOLD_TABLES = (guest_data, guest_keys, instance_metadata, guest_files)
"""What instances are told; each names its instance."""

security_groups = Table(
    "security_groups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("description", String(255), nullable=False),
    Column("project_id", String(255), nullable=False),
    Column("created_at", Moment, nullable=False, default=now),
    UniqueConstraint("project_id", "name"),
    # A host may still have the chain of a group that is gone.
    sqlite_autoincrement=True,
)

security_group_rules = Table(
    "security_group_rules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent_group_id", ForeignKey(security_groups.c.id), nullable=False, index=True),
    Column("protocol", String(8)),
    Column("from_port", Integer),
    Column("to_port", Integer),
    Column("cidr", String(43)),
    Column("group_id", ForeignKey(security_groups.c.id), index=True),
    Column("created_at", Moment, nullable=False, default=now),
    sqlite_autoincrement=True,
)

security_group_default_rules = Table(
    "security_group_default_rules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("protocol", String(8), nullable=False),
    Column("from_port", Integer, nullable=False),
    Column("to_port", Integer, nullable=False),
    Column("cidr", String(43), nullable=False),
    sqlite_autoincrement=True,
)

security_group_instance_association = Table(
    "security_group_instance_association",
    metadata,
    Column("security_group_id", ForeignKey(security_groups.c.id), primary_key=True),
    Column("instance_uuid", ForeignKey(instances.c.uuid), primary_key=True, index=True),
)

fixed_ips = Table(
    "fixed_ips",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", String(39), nullable=False, unique=True),
    Column("network_id", ForeignKey(networks.c.id), nullable=False),
    Column("allocated", Boolean, nullable=False),
    Column("leased", Boolean, nullable=False),
    Column("reserved", Boolean, nullable=False),
    # No foreign keys: an address outlives its instance and its port until its lease ends.
    Column("instance_uuid", String(36)),
    Column("port_id", Integer),
    Column("mac", String(17)),
    Column("host", String(255)),
    # Never NULL: NULLs sort first in SQLite and last in PostgreSQL.
    Column("updated_at", Moment, nullable=False),
    Column("allocated_at", Moment),
)

is_unused = and_(
    fixed_ips.c.leased.is_(false()),
    fixed_ips.c.instance_uuid.is_(None),
    fixed_ips.c.host.is_(None),
)
"""Nobody has the address, whether it is reserved or not."""
is_free = and_(fixed_ips.c.reserved.is_(false()), is_unused)
"""Whether an address may be picked (nova-network's rule)."""

is_associated = fixed_ips.c.instance_uuid.is_not(None)
is_assigned = and_(fixed_ips.c.allocated, is_associated)
"""Whether an instance has the address: its lease is not all that is left."""

Index(
    "ix_fixed_ips_free",
    fixed_ips.c.network_id,
    fixed_ips.c.updated_at,
    fixed_ips.c.id,
    sqlite_where=is_free,
)
Index(
    "ix_fixed_ips_associated",
    fixed_ips.c.instance_uuid,
    sqlite_where=is_associated,
)
Index(
    "ix_fixed_ips_host",
    fixed_ips.c.host,
    sqlite_where=fixed_ips.c.host.is_not(None),
)
Index(
    "ix_fixed_ips_usage",
    fixed_ips.c.network_id,
    fixed_ips.c.allocated,
    fixed_ips.c.leased,
    fixed_ips.c.reserved,
)

floating_ips = Table(
    "floating_ips",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", String(39), nullable=False, unique=True),
    Column("pool", String(255), nullable=False),
    Column("interface", String(15), nullable=False),
    Column("fixed_ip_id", ForeignKey(fixed_ips.c.id), index=True),
    Column("project_id", String(255)),
    Column("host", String(255)),
    Column("auto_assigned", Boolean, nullable=False),
    # With which change of the store it came.
    Column("serial", Integer, nullable=False, server_default="0", index=True),
    Column("created_at", Moment, nullable=False, default=now),
    Column("updated_at", Moment, nullable=False, default=now, onupdate=now, index=True),
)

dns_domains = Table(
    "dns_domains",
    metadata,
    Column("domain", String(253), primary_key=True),
    Column("scope", String(8), nullable=False),
    Column("project_id", String(255)),
    Column("availability_zone", String(255)),
    Column("created_at", Moment, nullable=False, default=now),
)

dns_entries = Table(
    "dns_entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(253), nullable=False),
    Column("domain", ForeignKey(dns_domains.c.domain), nullable=False),
    Column("address", ForeignKey(floating_ips.c.address), nullable=False, index=True),
    Column("created_at", Moment, nullable=False, default=now),
    UniqueConstraint("name", "domain"),
)

former_sysctls = Table(
    "former_sysctls",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", String(255), nullable=False),
)

former_links = Table(
    "former_links",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("name", String(15), primary_key=True),
    Column("up", Boolean, nullable=False),
    Column("used_by", Text, nullable=False),
    Column("bridge", String(15), nullable=False),
    Column("moved", Text, nullable=False),
)
"""`used_by` has its words apart by blanks; `moved` is JSON: lists of words by their kind."""

former_addresses = Table(
    "former_addresses",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("interface", String(15), primary_key=True),
    Column("address", String(43), primary_key=True),
)
