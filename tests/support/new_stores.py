"""New stores made by the statements that the migrations came to, for a process and its forks.

The migrations take as long as two changes do, and every host of a test begins with a new store. An
old store is still brought up to date by them.
"""

import sqlite3
from pathlib import Path
from uuid import uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from netconsole.backend.store import schema


def share(made: Path) -> None:
    """Let new stores be as this one, which is new as well, but for their identity."""
    store = sqlite3.connect(made)
    (identity,) = store.execute("SELECT uuid FROM stores").fetchone()
    statements = tuple(store.iterdump())[1:-1]  # without BEGIN and COMMIT
    store.close()
    migrate = command.upgrade

    def upgrade(config: Config, revision: str, sql: bool = False, tag: str | None = None) -> None:
        connection: Connection = config.attributes["connection"]
        is_new = not connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first()
        if not is_new or revision != schema.HEAD:
            migrate(config, revision, sql, tag)
            return
        own = str(uuid4())
        for each in statements:
            connection.exec_driver_sql(each.replace(identity, own))

    command.upgrade = upgrade
