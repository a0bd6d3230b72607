"""What each change looks for is found by an index, however many instances and addresses."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_index("ix_instances_host", "instances", ["host"])
    op.create_index("ix_instances_hostname", "instances", ["hostname"])
    op.create_index("ix_instances_lower_name", "instances", [sa.text("lower(name)")])
    op.create_index("ix_instances_lower_hostname", "instances", [sa.text("lower(hostname)")])
    op.create_index("ix_floating_ips_serial", "floating_ips", ["serial"])
    op.create_index("ix_floating_ips_updated_at", "floating_ips", ["updated_at"])
