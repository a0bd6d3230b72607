"""Reading a nova database, in one transaction and without writing anything.

Tables are reflected, so that older schemas, which lack a column, are read as well. Soft-deleted
rows (`deleted` is not 0) are left out, as nova left them out.
"""

import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import cached_property
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Inspector,
    MetaData,
    NullPool,
    Table,
)
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    NoSuchTableError,
    SAWarning,
    StatementError,
    UnreflectableTableError,
)

from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.system import files
from netconsole.backend.takeover import columns, values
from netconsole.backend.takeover.columns import Row
from netconsole.backend.takeover.rows import (
    NovaDefaultRule,
    NovaFixedIP,
    NovaFloatingIP,
    NovaInstance,
    NovaInterface,
    NovaMembership,
    NovaMetadata,
    NovaNetwork,
    NovaRows,
    NovaSecurityGroup,
    NovaSecurityGroupRule,
)

DRIVERS = {"sqlite": "sqlite", "mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg"}
"""The driver of each kind of database; a URL that names another gets this one all the same."""
_OPTIONS = {
    "sqlite": frozenset[str](),
    "mysql": frozenset(
        {
            "charset",
            "collation",
            "connect_timeout",
            "host",
            "port",
            "read_timeout",
            "ssl_ca",
            "ssl_check_hostname",
            "unix_socket",
            "use_unicode",
            "write_timeout",
        }
    ),
    "postgresql": frozenset(
        {
            "application_name",
            "client_encoding",
            "connect_timeout",
            "host",
            "hostaddr",
            "port",
            "sslmode",
            "sslrootcert",
            "target_session_attrs",
        }
    ),
}
"""What may stand behind the `?` of a URL. The drivers know many more, of which some have them read
files of this machine (read_default_file, service, passfile), whose lines they print, and others run
what they are given (init_command, plugin)."""
_CERTIFICATES = ("ssl_ca", "sslrootcert")
"""Options that name a file of certificates. It is read as nothing else, and not printed."""
_EXTRAS = {"mysql": "PyMySQL", "postgresql": "psycopg"}
_LONGEST_REASON = 300


def shown(url: str) -> str:
    """Return a database URL without its password. Raises InvalidValue as `read` does."""
    return _parsed(url).render_as_string(hide_password=True)


def read(url: str) -> NovaRows:
    """Read a nova database, named by its URL as in nova.conf's `[database] connection`.

    Raises InvalidValue for what is no such URL and for a value that no such column can hold,
    Unavailable where the driver is not installed or the database cannot be read or is not nova's.
    """
    parsed = _parsed(url)
    words = parsed.render_as_string(hide_password=True)
    with warnings.catch_warnings(), _in_words(words):
        warnings.simplefilter("ignore", SAWarning)  # of columns of unknown types
        with _connected(parsed, words) as connection:
            return _Reader(connection).rows()


def _connected(parsed: URL, words: str) -> Connection:
    try:
        return _engine(parsed, words).connect()
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # Not StatementError, which is what the database says: this is the driver's.
        raise InvalidValue("connection", words, _refusal(error)) from error


def _refusal(error: Exception) -> str:
    """What a driver of Python says of a URL that it cannot take, without the password."""
    match error:
        case UnicodeError():
            return "the user, the password or the database has letters that cannot be sent"
        case LookupError() | AttributeError():
            return "has a charset or a collation that is not known"
        case _:
            return f"is refused by the driver: {_one_line(error)}"


def _engine(parsed: URL, words: str) -> Engine:
    try:
        return sa.create_engine(_of_our_driver(parsed), poolclass=NullPool)
    except ModuleNotFoundError as error:
        kind = parsed.get_backend_name()
        raise Unavailable(
            f"{words}: needs {_EXTRAS[kind]}, which is not installed: "
            f"pip install 'netconsole[{kind}]'"
        ) from error


def _parsed(url: str) -> URL:
    rule = f"must be a database URL: {', '.join(f'{kind}://...' for kind in DRIVERS)}"
    try:
        parsed = sa.make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        # Not shown: what cannot be read may hold a password anywhere.
        raise InvalidValue("connection", "(not a URL)", rule) from None
    if kind not in DRIVERS or (kind == "sqlite" and not parsed.database):
        raise InvalidValue("connection", parsed.render_as_string(hide_password=True), rule)
    for name in parsed.query:
        if name not in _OPTIONS[kind]:
            known = ", ".join(sorted(_OPTIONS[kind])) or "none"
            rule = f"is no option that may be given here; of {kind} these may: {known}"
            raise InvalidValue("connection option", name, rule)
        if name in _CERTIFICATES:
            _refuse_other_than_certificates(name, str(parsed.query[name]))
    return parsed


def _refuse_other_than_certificates(name: str, path: str) -> None:
    """Refuse what is no file, for which the library for TLS would wait, and what it cannot take."""
    try:
        files.opened(path).close()
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise InvalidValue(name, path, "has no certificate") from error
    except (OSError, ValueError) as error:
        raise InvalidValue(name, path, getattr(error, "strerror", None) or str(error)) from error


def _of_our_driver(parsed: URL) -> URL:
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        path = str(parsed.database)
        try:
            files.opened(path).close()
        except FileNotFoundError:
            raise Unavailable(f"database {path} does not exist") from None
        except OSError as error:
            raise Unavailable(f"database {path[:_LONGEST_REASON]}: {error.strerror}") from error
        except ValueError as error:
            raise InvalidValue("database", path, str(error)) from error
        return URL.create(
            "sqlite", database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true"}
        )
    return parsed.set(drivername=DRIVERS[kind])


@contextmanager
def _in_words(words: str) -> Iterator[None]:
    try:
        yield
    except StatementError as error:
        raise Unavailable(f"{words}: cannot be read: {_one_line(error.orig)}") from error
    except UnreflectableTableError as error:
        raise Unavailable(f"{words}: cannot be read: {_one_line(error)}") from error
    except NoSuchTableError as error:
        raise Unavailable(f"{words}: is no nova database: it has no {error}") from error


def _one_line(error: BaseException | None) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 3]}..."


class _Reader:
    """Reads all tables through one connection, whose first statement begins the transaction."""

    def __init__(self, connection: Connection) -> None:
        if connection.dialect.name != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ")
        self._connection = connection
        self._metadata = MetaData()

    def rows(self) -> NovaRows:
        return NovaRows(
            networks=self._every("networks", NovaNetwork, _not_deleted),
            fixed_ips=self._every("fixed_ips", NovaFixedIP, _not_deleted),
            floating_ips=self._every("floating_ips", NovaFloatingIP, _not_deleted),
            virtual_interfaces=self._every("virtual_interfaces", NovaInterface, self._still_named),
            instances=self._every("instances", NovaInstance, _not_deleted),
            metadata=self._some("instance_metadata", NovaMetadata),
            security_groups=self._some("security_groups", NovaSecurityGroup),
            security_group_rules=self._some("security_group_rules", NovaSecurityGroupRule),
            memberships=self._some("security_group_instance_association", NovaMembership),
            default_rules=self._some("security_group_default_rules", NovaDefaultRule),
        )

    def _every(
        self, name: str, kind: type[Row], condition: Callable[[Table], ColumnElement[bool]]
    ) -> tuple[Row, ...]:
        table = self._table(name, *columns.needed(kind))
        named = [each.name for each in fields(kind) if each.name in table.c]
        statement = (
            sa.select(*(_as_it_is(table.c[column]) for column in named))
            .where(condition(table))
            .order_by(table.c.id)
        )
        rows = self._connection.execute(statement).all()
        values.refuse_twice(f"{name}.{named[0]}", (row[0] for row in rows))
        return tuple(columns.row(kind, name, named, row) for row in rows)

    def _some(self, name: str, kind: type[Row]) -> tuple[Row, ...]:
        """The rows of a table that not every schema has."""
        return self._every(name, kind, _not_deleted) if name in self._tables else ()

    def _still_named(self, table: Table) -> ColumnElement[bool]:
        """Interfaces that are there, and those whose address still has its lease."""
        addresses = self._table("fixed_ips", "virtual_interface_id")
        named = sa.select(addresses.c.virtual_interface_id).where(
            _not_deleted(addresses), addresses.c.virtual_interface_id.is_not(None)
        )
        return sa.or_(_not_deleted(table), table.c.id.in_(named))

    def _table(self, name: str, *needed: str) -> Table:
        if name not in self._tables:
            raise NoSuchTableError(f"table {name}")
        table = self._metadata.tables.get(name)
        if table is None:
            found = self._inspector.get_columns(name)
            # Keys and indexes, which Table would ask for besides, are half a dozen queries each.
            table = Table(
                name, self._metadata, *(Column(each["name"], each["type"]) for each in found)
            )
        for column in ("id", "deleted", *needed):
            if column not in table.c:
                raise NoSuchTableError(f"column {name}.{column}")
        return table

    @cached_property
    def _tables(self) -> frozenset[str]:
        """Tables alone: nova has no views, and one may have rows without an end."""
        return frozenset(self._inspector.get_table_names())

    @cached_property
    def _inspector(self) -> Inspector:
        return sa.inspect(self._connection)


def _as_it_is(column: ColumnElement[object]) -> ColumnElement[object]:
    """A column whose values nothing makes into what its type says they are."""
    return sa.type_coerce(column, sa.types.NullType())


def _not_deleted(table: Table) -> ColumnElement[bool]:
    """Whether a row counts. The column is a number, or a boolean in the oldest schemas."""
    if isinstance(table.c.deleted.type, sa.Boolean):
        return table.c.deleted.is_(sa.false())
    return sa.type_coerce(table.c.deleted, sa.Integer) == 0
