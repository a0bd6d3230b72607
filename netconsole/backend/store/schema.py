"""The schema's revision, and the way to the present one.

Alembic is slow to import and nearly never needed: one query says whether it is.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0013"
"""The newest revision under `migrations/versions`; a test compares the two."""

_SCRIPTS = Path(__file__).parent / "migrations"
_REVISION = "SELECT version_num FROM alembic_version"
"""Begins every transaction, so that it asks for the table and does not look for it first."""


def revision(connection: Connection, path: Path) -> str | None:
    """Return the schema's revision, or None for a database with no tables.

    Raises Unavailable for a database that holds something else.
    """
    try:
        found: str | None = connection.exec_driver_sql(_REVISION).scalar()
    except sa.exc.OperationalError as error:
        if not str(error.orig).startswith("no such table"):
            raise
    else:
        return found
    if sa.inspect(connection).get_table_names():
        raise Unavailable(
            f"database {path} belongs to another program: it has no netconsole schema"
        )
    return None


def upgrade(connection: Connection, path: Path) -> bool:
    """Bring the schema to the present revision, within the transaction that is open.

    Returns whether there was anything to do.

    That transaction must hold the write lock: of two processes that start at once, the second
    finds the work done. Raises Unavailable when a newer program, or another, made the schema.
    """
    present = revision(connection, path)
    if present == HEAD:
        return False

    # Imported here because it takes longer than most commands.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    if present is not None and present not in _known(config):
        raise unsuited(path, present)
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    return True


def _known(config: "Config") -> frozenset[str]:
    """Every revision there is a script for; to read them takes half as long as to run them."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return frozenset(script.revision for script in scripts)


def unsuited(path: Path, present: str) -> Unavailable:
    """Return the error for a schema that this program cannot use, or may not bring up to date."""
    return Unavailable(
        f"database {path} has schema {present!r}, this netconsole needs {HEAD!r}: "
        "a newer netconsole made it, or an older one and only a privileged one may change it"
    )
