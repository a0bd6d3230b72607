"""A store has an identity, so that a host can tell from which it was configured."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    stores = op.create_table(
        "stores",
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_stores"),
    )
    op.bulk_insert(stores, [{"uuid": str(uuid4()), "serial": 0}])
