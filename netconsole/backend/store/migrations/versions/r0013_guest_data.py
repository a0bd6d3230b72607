"""What guests are told beside their network: user data, keys, metadata, files, passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "key_pairs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(47), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_key_pairs"),
        sa.UniqueConstraint("project_id", "name", name="uq_key_pairs_project_id"),
    )
    op.create_table(
        "guest_data",
        _instance(),
        sa.Column("user_data", sa.LargeBinary),
        sa.Column("image", sa.String(255)),
        sa.Column("kernel", sa.String(255)),
        sa.Column("ramdisk", sa.String(255)),
        sa.Column("flavor", sa.String(255)),
        sa.Column("availability_zone", sa.String(255)),
        sa.Column("admin_password", sa.String(255)),
        sa.Column("password", sa.LargeBinary),
        sa.PrimaryKeyConstraint("instance_uuid", name="pk_guest_data"),
        _of_instance("guest_data"),
    )
    op.create_table(
        "guest_keys",
        sa.Column("id", sa.Integer, nullable=False),
        _instance(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_guest_keys"),
        _of_instance("guest_keys"),
        sa.UniqueConstraint("instance_uuid", "name", name="uq_guest_keys_instance_uuid"),
    )
    op.create_table(
        "instance_metadata",
        _instance(),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("instance_uuid", "key", name="pk_instance_metadata"),
        _of_instance("instance_metadata"),
    )
    op.create_table(
        "guest_files",
        sa.Column("id", sa.Integer, nullable=False),
        _instance(),
        sa.Column("path", sa.String(255), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_guest_files"),
        _of_instance("guest_files"),
        sa.UniqueConstraint("instance_uuid", "path", name="uq_guest_files_instance_uuid"),
    )


def _instance() -> sa.Column[str]:
    return sa.Column("instance_uuid", sa.String(36), nullable=False)


def _of_instance(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_instance_uuid"
    return sa.ForeignKeyConstraint(["instance_uuid"], ["instances.uuid"], name=name)
