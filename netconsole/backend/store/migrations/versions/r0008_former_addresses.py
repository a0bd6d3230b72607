"""Addresses that were there before the store wanted them stay: which they are is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "former_addresses",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("interface", sa.String(15), nullable=False),
        sa.Column("address", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("host", "interface", "address", name="pk_former_addresses"),
    )
