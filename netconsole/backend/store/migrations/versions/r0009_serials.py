"""With which change of the store a floating address came: other hosts tell by it what is new."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    serial = sa.Column("serial", sa.Integer, nullable=False, server_default="0")
    op.add_column("floating_ips", serial)
