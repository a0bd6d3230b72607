"""Security groups. Projects that are there keep letting everything in, by their `default` group."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

EVERYWHERE = ("0.0.0.0/0", "::/0")


def upgrade() -> None:
    groups = op.create_table(
        "security_groups",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(255), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_security_groups"),
        sa.UniqueConstraint("project_id", "name", name="uq_security_groups_project_id"),
        sqlite_autoincrement=True,
    )
    rules = op.create_table(
        "security_group_rules",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("parent_group_id", sa.Integer, nullable=False),
        sa.Column("protocol", sa.String(8)),
        sa.Column("from_port", sa.Integer),
        sa.Column("to_port", sa.Integer),
        sa.Column("cidr", sa.String(43)),
        sa.Column("group_id", sa.Integer),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_security_group_rules"),
        sa.ForeignKeyConstraint(
            *(["parent_group_id"], ["security_groups.id"]),
            name="fk_security_group_rules_parent_group_id",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["security_groups.id"], name="fk_security_group_rules_group_id"
        ),
        sqlite_autoincrement=True,
    )
    for column in ("parent_group_id", "group_id"):
        op.create_index(f"ix_security_group_rules_{column}", "security_group_rules", [column])
    op.create_table(
        "security_group_default_rules",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("from_port", sa.Integer, nullable=False),
        sa.Column("to_port", sa.Integer, nullable=False),
        sa.Column("cidr", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_security_group_default_rules"),
        sqlite_autoincrement=True,
    )
    name = "security_group_instance_association"
    members = op.create_table(
        name,
        sa.Column("security_group_id", sa.Integer, nullable=False),
        sa.Column("instance_uuid", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("security_group_id", "instance_uuid", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            *(["security_group_id"], ["security_groups.id"]),
            name=f"fk_{name}_security_group_id",
        ),
        sa.ForeignKeyConstraint(
            ["instance_uuid"], ["instances.uuid"], name=f"fk_{name}_instance_uuid"
        ),
    )
    op.create_index(f"ix_{name}_instance_uuid", name, ["instance_uuid"])
    open_projects(groups, rules, members)


def open_projects(groups: sa.Table, rules: sa.Table, members: sa.Table) -> None:
    """Give each project that is there a `default` group that lets everything in, as until now."""
    connection = op.get_bind()
    known = sa.union(
        *(
            sa.select(table.c.project_id).where(table.c.project_id.is_not(None))
            for name in ("instances", "networks", "floating_ips")
            for table in (sa.table(name, sa.column("project_id")),)
        )
    )
    instances = sa.table("instances", sa.column("uuid"), sa.column("project_id"))
    at = sa.func.current_timestamp()
    for project in sorted(connection.execute(known).scalars().all()):
        group = connection.execute(
            sa.insert(groups)
            .values(name="default", description="default", project_id=project, created_at=at)
            .returning(groups.c.id)
        ).scalar_one()
        for cidr in EVERYWHERE:
            rule = sa.insert(rules).values(parent_group_id=group, cidr=cidr, created_at=at)
            connection.execute(rule)
        own = sa.select(sa.literal(group), instances.c.uuid)
        own = own.where(instances.c.project_id == project)
        connection.execute(
            sa.insert(members).from_select(["security_group_id", "instance_uuid"], own)
        )
