"""Networks know the manager that made them, as far as it can be told of those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("networks", sa.Column("manager", sa.String(8)))
    networks = sa.table(
        "networks", *(sa.column(name) for name in ("manager", "vlan", "bridge", "injected"))
    )
    with_vlan = networks.c.vlan.is_not(None)
    op.execute(sa.update(networks).where(with_vlan).values(manager="vlan"))
    # Only the Flat manager has several networks on a bridge, and has guests' files written.
    shared = sa.select(networks.c.bridge).group_by(networks.c.bridge).having(sa.func.count() > 1)
    of_flat = sa.or_(networks.c.bridge.in_(shared), networks.c.injected.is_(sa.true()))
    op.execute(sa.update(networks).where(~with_vlan, of_flat).values(manager="flat"))
