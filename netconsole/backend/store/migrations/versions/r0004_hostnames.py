"""Host names of instances beside their names, which until now were both."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    hostname = sa.Column("hostname", sa.String(255), nullable=False, server_default="")
    op.add_column("instances", hostname)
    op.execute("UPDATE instances SET hostname = name")
