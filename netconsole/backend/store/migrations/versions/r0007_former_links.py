"""Links of others are put back as networks found them: what they were is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "former_links",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("name", sa.String(15), nullable=False),
        sa.Column("up", sa.Boolean, nullable=False),
        sa.Column("used_by", sa.Text, nullable=False),
        sa.Column("bridge", sa.String(15), nullable=False),
        sa.Column("moved", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("host", "name", name="pk_former_links"),
    )
