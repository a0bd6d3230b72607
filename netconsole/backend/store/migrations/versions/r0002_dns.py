"""Names of floating addresses, and the domains that they are in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "dns_domains",
        sa.Column("domain", sa.String(253), nullable=False),
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("project_id", sa.String(255)),
        sa.Column("availability_zone", sa.String(255)),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_dns_domains"),
    )
    op.create_table(
        "dns_entries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("domain", sa.String(253), nullable=False),
        sa.Column("address", sa.String(39), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dns_entries"),
        sa.UniqueConstraint("name", "domain", name="uq_dns_entries_name"),
        sa.ForeignKeyConstraint(["domain"], ["dns_domains.domain"], name="fk_dns_entries_domain"),
        sa.ForeignKeyConstraint(
            ["address"], ["floating_ips.address"], name="fk_dns_entries_address"
        ),
    )
    op.create_index("ix_dns_entries_address", "dns_entries", ["address"])
