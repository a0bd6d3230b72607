"""Statements compiled once for all stores of a process, and so for all forks of it.

SQLAlchemy keeps them by engine and dialect. A store has an engine of its own, which lives as long
as a command: each would compile some thirty statements again, a third of what it computes.
"""

from typing import Any, ClassVar

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

_COMPILED: LRUCache[Any, Any] = LRUCache(500)


class Dialect(SQLiteDialect_pysqlite):
    """SQLite's, one for all engines."""

    supports_statement_cache = True
    _only: ClassVar["Dialect | None"] = None

    def __new__(cls, **options: Any) -> "Dialect":
        if cls._only is None:
            cls._only = super().__new__(cls)
            SQLiteDialect_pysqlite.__init__(cls._only, **options)
        return cls._only

    def __init__(self, **options: Any) -> None:
        """Leave it as it was made."""

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Have an engine keep its statements where all do."""
        engine.update_execution_options(compiled_cache=_COMPILED)


def share() -> None:
    """Let the engines that this process makes from now on share them."""
    registry.register("sqlite", __name__, Dialect.__name__)
