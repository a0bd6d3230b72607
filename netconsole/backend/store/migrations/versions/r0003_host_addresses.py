"""An index of the addresses that hosts have of their own: few among all, and asked for often."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    host = sa.column("host", sa.String)
    op.create_index(
        "ix_fixed_ips_host",
        "fixed_ips",
        ["host"],
        sqlite_where=host.is_not(None),
    )
