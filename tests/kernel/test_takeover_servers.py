"""A nova database on a server, as clouds have it; made from the SQLite one, type by type."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nova_database
import pytest
import sqlalchemy as sa
from private_host import eventually
from requirements import postgresql_programs

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.takeover import database

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a server of the test's own; it listens on a socket only."""
    programs = postgresql_programs()
    assert programs is not None
    as_user = NOBODY if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="netconsole-postgresql-") as directory:
        if as_user:
            os.chown(directory, 65534, 65534)
        data = f"{directory}/data"
        make = (str(programs / "initdb"), "--username=nova", "--auth=trust", "--no-sync", data)
        subprocess.run([*as_user, *make], check=True, capture_output=True, timeout=60)
        settings = ("-c", "listen_addresses=", "-c", "fsync=off", "-k", directory)
        server = subprocess.Popen(
            [*as_user, str(programs / "postgres"), "-D", data, *settings],
            stderr=subprocess.DEVNULL,
        )
        url = f"postgresql://nova@/postgres?host={directory}"
        try:
            eventually(lambda: Path(directory, ".s.PGSQL.5432").exists() and answers(url))
            yield url
        finally:
            server.terminate()
            server.wait(timeout=60)


@pytest.fixture
def mariadb() -> Iterator[str]:
    """The same of MariaDB, MySQL's successor in Debian. Without grant tables anybody may enter."""
    as_user = NOBODY if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="netconsole-mariadb-") as directory:
        data = Path(directory, "data")
        data.mkdir()
        if as_user:
            os.chown(directory, 65534, 65534)
            os.chown(data, 65534, 65534)
        settings = ("--skip-grant-tables", "--skip-networking", f"--socket={directory}/socket")
        server = subprocess.Popen(
            [*as_user, "mariadbd", "--no-defaults", f"--datadir={data}", *settings],
            stderr=subprocess.DEVNULL,
        )
        at = f"?unix_socket={directory}/socket"
        try:
            eventually(lambda: answers(f"mysql://nova@/{at}"))
            with engine_of(f"mysql://nova@/{at}").begin() as connection:
                connection.execute(sa.text("CREATE DATABASE nova"))
            yield f"mysql://nova@/nova{at}"
        finally:
            server.terminate()
            server.wait(timeout=60)


def answers(url: str) -> bool:
    try:
        with engine_of(url).connect():
            return True
    except sa.exc.OperationalError:
        return False


def engine_of(url: str) -> sa.Engine:
    ours = sa.make_url(url)
    driver = database.DRIVERS[ours.get_backend_name()]
    return sa.create_engine(ours.set(drivername=driver), poolclass=sa.NullPool)


def copied(source: sa.Engine, target: sa.Engine) -> None:
    """Copy tables and rows; each column has the type that the target's kind has for it."""
    metadata = sa.MetaData()

    @sa.event.listens_for(metadata, "column_reflect")
    def _(
        _inspector: object, _table: object, column: dict[str, sa.types.TypeEngine[object]]
    ) -> None:
        column["type"] = column["type"].as_generic()

    metadata.reflect(source)
    metadata.create_all(target)
    with source.connect() as found, target.begin() as made:
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in found.execute(sa.select(table))]
            made.execute(sa.insert(table), rows)


servers = pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql", marks=pytest.mark.requires("postgresql")),
        pytest.param("mariadb", marks=pytest.mark.requires("mariadbd")),
    ],
)


@servers
def test_a_server_reads_as_sqlite_does(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(server)
    path = tmp_path / "nova.sqlite"
    nova_database.create(path)
    copied(sa.create_engine(f"sqlite:///{path}"), engine_of(url))
    rows = database.read(url)
    assert rows == database.read(f"sqlite:///{path}")
    assert len(rows.fixed_ips) == 512


@servers
def test_an_empty_database_of_a_server_is_one_line(
    server: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(server)
    with pytest.raises(Unavailable, match="no table networks"):
        database.read(url)


@pytest.mark.parametrize(
    "url", ["mysql://nova:secret@127.0.0.1:1/nova", "postgresql://nova:secret@127.0.0.1:1/nova"]
)
def test_a_server_that_is_not_there_is_one_line(url: str) -> None:
    with pytest.raises(Unavailable, match="cannot be read") as caught:
        database.read(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
