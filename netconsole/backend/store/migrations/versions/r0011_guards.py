"""Which ports are guarded, which ranges they may send from, and the number of each instance."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    guarded = sa.Column("guarded", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("ports", guarded)
    op.create_table(
        "allowed_addresses",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("port_id", sa.Integer, nullable=False),
        sa.Column("cidr", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_allowed_addresses"),
        sa.ForeignKeyConstraint(["port_id"], ["ports.id"], name="fk_allowed_addresses_port_id"),
        sa.UniqueConstraint("port_id", "cidr", name="uq_allowed_addresses_port_id"),
    )
    number_instances()


def number_instances() -> None:
    """Give each instance its number, the first made the lowest."""
    op.add_column("instances", sa.Column("id", sa.Integer, nullable=False, server_default="0"))
    connection = op.get_bind()
    instances = sa.table("instances", sa.column("uuid"), sa.column("id"), sa.column("created_at"))
    ordered = sa.select(instances.c.uuid).order_by(instances.c.created_at, instances.c.uuid)
    for number, uuid in enumerate(connection.execute(ordered).scalars().all(), 1):
        row = sa.update(instances).where(instances.c.uuid == uuid)
        connection.execute(row.values(id=number))
    op.create_index("ix_instances_id", "instances", ["id"], unique=True)
