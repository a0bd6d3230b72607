"""Networks, fixed and floating addresses, instances and their ports, former kernel settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "networks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("cidr", sa.String(43), nullable=False),
        sa.Column("netmask", sa.String(39), nullable=False),
        sa.Column("broadcast", sa.String(39), nullable=False),
        sa.Column("gateway", sa.String(39)),
        sa.Column("dhcp_server", sa.String(39)),
        sa.Column("dhcp_start", sa.String(39), nullable=False),
        sa.Column("bridge", sa.String(15), nullable=False),
        sa.Column("bridge_interface", sa.String(15)),
        sa.Column("dns1", sa.String(39)),
        sa.Column("dns2", sa.String(39)),
        sa.Column("vlan", sa.Integer),
        sa.Column("vpn_private_address", sa.String(39)),
        sa.Column("vpn_public_address", sa.String(39)),
        sa.Column("vpn_public_port", sa.Integer),
        sa.Column("multi_host", sa.Boolean, nullable=False),
        sa.Column("share_address", sa.Boolean, nullable=False),
        sa.Column("enable_dhcp", sa.Boolean, nullable=False),
        sa.Column("injected", sa.Boolean, nullable=False),
        sa.Column("mtu", sa.Integer),
        sa.Column("priority", sa.Integer),
        sa.Column("project_id", sa.String(255)),
        sa.Column("host", sa.String(255)),
        sa.Column("cidr_v6", sa.String(43)),
        sa.Column("gateway_v6", sa.String(39)),
        sa.Column("netmask_v6", sa.String(39)),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
        sa.UniqueConstraint("uuid", name="uq_networks_uuid"),
        sa.UniqueConstraint("label", name="uq_networks_label"),
        sa.UniqueConstraint("vlan", name="uq_networks_vlan"),
    )
    op.create_table(
        "instances",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_instances"),
        sa.UniqueConstraint("name", name="uq_instances_name"),
    )
    _create_ports()
    _create_fixed_ips()
    op.create_table(
        "floating_ips",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("address", sa.String(39), nullable=False),
        sa.Column("pool", sa.String(255), nullable=False),
        sa.Column("interface", sa.String(15), nullable=False),
        sa.Column("fixed_ip_id", sa.Integer),
        sa.Column("project_id", sa.String(255)),
        sa.Column("host", sa.String(255)),
        sa.Column("auto_assigned", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_floating_ips"),
        sa.UniqueConstraint("address", name="uq_floating_ips_address"),
        sa.ForeignKeyConstraint(
            ["fixed_ip_id"], ["fixed_ips.id"], name="fk_floating_ips_fixed_ip_id"
        ),
    )
    op.create_index("ix_floating_ips_fixed_ip_id", "floating_ips", ["fixed_ip_id"])
    op.create_table(
        "former_sysctls",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("host", "key", name="pk_former_sysctls"),
    )


def _create_ports() -> None:
    op.create_table(
        "ports",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("network_id", sa.Integer, nullable=False),
        sa.Column("instance_uuid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("device", sa.String(15), nullable=False),
        sa.Column("peer", sa.String(15)),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ports"),
        sa.UniqueConstraint("uuid", name="uq_ports_uuid"),
        sa.UniqueConstraint("mac", name="uq_ports_mac"),
        sa.UniqueConstraint("device", name="uq_ports_device"),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_ports_network_id"),
        sa.ForeignKeyConstraint(
            ["instance_uuid"], ["instances.uuid"], name="fk_ports_instance_uuid"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ports_network_id", "ports", ["network_id"])
    op.create_index("ix_ports_instance_uuid", "ports", ["instance_uuid"])


def _create_fixed_ips() -> None:
    op.create_table(
        "fixed_ips",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("address", sa.String(39), nullable=False),
        sa.Column("network_id", sa.Integer, nullable=False),
        sa.Column("allocated", sa.Boolean, nullable=False),
        sa.Column("leased", sa.Boolean, nullable=False),
        sa.Column("reserved", sa.Boolean, nullable=False),
        sa.Column("instance_uuid", sa.String(36)),
        sa.Column("port_id", sa.Integer),
        sa.Column("mac", sa.String(17)),
        sa.Column("host", sa.String(255)),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("allocated_at", sa.DateTime),
        sa.PrimaryKeyConstraint("id", name="pk_fixed_ips"),
        sa.UniqueConstraint("address", name="uq_fixed_ips_address"),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_fixed_ips_network_id"),
    )
    instance_uuid = sa.column("instance_uuid", sa.String)
    free = sa.and_(
        sa.column("reserved", sa.Boolean).is_(sa.false()),
        sa.column("leased", sa.Boolean).is_(sa.false()),
        instance_uuid.is_(None),
        sa.column("host", sa.String).is_(None),
    )
    op.create_index(
        "ix_fixed_ips_free",
        "fixed_ips",
        ["network_id", "updated_at", "id"],
        sqlite_where=free,
    )
    op.create_index(
        "ix_fixed_ips_associated",
        "fixed_ips",
        ["instance_uuid"],
        sqlite_where=instance_uuid.is_not(None),
    )
    op.create_index(
        "ix_fixed_ips_usage", "fixed_ips", ["network_id", "allocated", "leased", "reserved"]
    )
