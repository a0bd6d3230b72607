"""The database: made once, one writer at a time, and failures in plain words."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from netconsole.backend.errors import InvalidValue, NetconsoleError, ReadOnly, Unavailable
from netconsole.backend.store import Store, files, schema, settings
from netconsole.backend.store.tables import former_sysctls, metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lib" / "netconsole" / "netconsole.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{path}")) as opened:
        yield opened


def remembered(store: Store) -> dict[str, str]:
    with store.reading() as connection:
        return settings.former_sysctls(connection, "host")


def remember(store: Store, key: str) -> None:
    with store.transaction() as connection:
        settings.remember_sysctl(connection, "host", key, "0")


def test_first_use_makes_the_file_and_its_directories_whatever_the_umask(path: Path) -> None:
    former = os.umask(0o077)
    try:
        remember(Store(f"sqlite:///{path}"), "a")
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o755
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_a_transaction_wrote_is_read_by_others(store: Store, path: Path) -> None:
    remember(store, "a")
    assert remembered(Store(f"sqlite:///{path}")) == {"a": "0"}


def test_rollback_leaves_nothing(store: Store) -> None:
    remember(store, "a")
    with suppress(RuntimeError), store.transaction() as connection:
        settings.remember_sysctl(connection, "host", "b", "0")
        raise RuntimeError
    assert remembered(store) == {"a": "0"}


def test_a_transaction_rolled_back_by_hand_leaves_nothing(store: Store) -> None:
    with store.transaction() as connection:
        settings.remember_sysctl(connection, "host", "a", "0")
        connection.rollback()
    assert remembered(store) == {}


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(store: Store) -> None:
    remember(store, "a")
    with store.reading() as reading, store.transaction() as writing:
        assert set(settings.former_sysctls(reading, "host")) == {"a"}
        settings.remember_sysctl(writing, "host", "b", "0")
        writing.commit()
        assert set(settings.former_sysctls(reading, "host")) == {"a"}
    assert set(remembered(store)) == {"a", "b"}


def test_a_database_restored_from_a_dump_is_put_back_in_wal_mode(store: Store, path: Path) -> None:
    remember(store, "a")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    remember(store, "b")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert set(remembered(store)) == {"a", "b"}


@pytest.mark.parametrize("read_only", [False, True])
def test_reading_refuses_to_write_in_the_database_itself(
    store: Store, path: Path, read_only: bool
) -> None:
    remember(store, "a")
    reader = Store(f"sqlite:///{path}", read_only=read_only)
    with (
        pytest.raises(Unavailable, match="may not be written"),
        reader.reading() as connection,
    ):
        connection.execute(sa.delete(former_sysctls))
    assert remembered(store) == {"a": "0"}


def test_a_read_only_store_cannot_be_talked_into_writing(store: Store, path: Path) -> None:
    remember(store, "a")
    reader = Store(f"sqlite:///{path}", read_only=True)
    with reader.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        with pytest.raises(sa.exc.OperationalError, match="readonly database"):
            connection.execute(sa.delete(former_sysctls))
    with pytest.raises(ReadOnly), reader.transaction():
        pass
    assert remembered(store) == {"a": "0"}


def test_a_read_only_store_without_a_database_is_empty_and_makes_none(path: Path) -> None:
    assert remembered(Store(f"sqlite:///{path}", read_only=True)) == {}
    assert not path.parent.exists()


def test_a_read_only_store_sees_a_database_made_later(store: Store, path: Path) -> None:
    reader = Store(f"sqlite:///{path}", read_only=True)
    assert remembered(reader) == {}
    remember(store, "a")
    assert remembered(reader) == {"a": "0"}


def test_an_older_schema_is_not_changed_by_a_read_only_store(store: Store, path: Path) -> None:
    remember(store, "a")
    relabel(path, "0000")
    with pytest.raises(Unavailable, match="has schema '0000'"):
        remembered(Store(f"sqlite:///{path}", read_only=True))


def test_a_newer_schema_is_refused(store: Store, path: Path) -> None:
    remember(store, "a")
    relabel(path, "9999")
    with pytest.raises(Unavailable, match=r"has schema '9999', this netconsole needs '0001'"):
        remember(store, "b")
    with pytest.raises(Unavailable, match="has schema '9999'"):
        remembered(store)


def relabel(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_a_database_of_another_program_is_left_alone(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE networks (id INTEGER)")
    for use in (remembered, lambda store: remember(store, "a")):
        with pytest.raises(Unavailable, match="belongs to another program"):
            use(store)


def test_the_migrations_make_the_tables_that_the_queries_expect(store: Store, path: Path) -> None:
    with store.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    direct = path.with_name("direct.sqlite")
    metadata.create_all(sa.create_engine(f"sqlite:///{direct}"))
    assert definitions(path) == definitions(direct)


def definitions(path: Path) -> set[frozenset[str]]:
    """The statements that made tables and indexes, each as its lines in any order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name != 'alembic_version'"
        )
        return {frozenset(line.strip(" \t,") for line in sql.splitlines()) for (sql,) in rows}


def test_the_newest_migration_is_the_one_that_is_asked_for() -> None:
    config = Config()
    config.set_main_option("script_location", "netconsole.backend.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_alembic_is_imported_only_to_change_the_schema(path: Path) -> None:
    program = f"""
import sys
from netconsole.backend.store import Store
store = Store("sqlite:///{path}")
with store.transaction(): pass
with store.reading(): pass
print("alembic" in sys.modules)
"""
    answers = [
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()
        for _ in range(2)
    ]
    assert answers == ["True", "False"]


def start_at_once(url: str, number: int, ready: Barrier) -> None:
    ready.wait(30)
    remember(Store(url), str(number))


def test_processes_that_start_at_once_make_one_database(path: Path) -> None:
    several = get_context("fork")
    ready = several.Barrier(8)
    url = f"sqlite:///{path}"
    workers = [several.Process(target=start_at_once, args=(url, n, ready)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert set(remembered(Store(url))) == {str(number) for number in range(8)}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_lock_held_too_long_is_said_so(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(store, "a")
    monkeypatch.setattr(files, "BUSY_SECONDS", 0.05)
    with (
        store.transaction(),
        pytest.raises(Unavailable, match="stayed locked by another program") as raised,
    ):
        remember(Store(f"sqlite:///{path}"), "b")
    assert "\n" not in str(raised.value)


def test_a_full_disk_is_said_so_and_nothing_is_written(store: Store) -> None:
    remember(store, "a")
    with pytest.raises(Unavailable, match="no space left on the device"):
        write_more_than_fits(store)
    assert remembered(store) == {"a": "0"}


def write_more_than_fits(store: Store) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        for number in range(1000):
            settings.remember_sysctl(connection, "host", str(number), "x" * 200)


def test_a_file_that_is_no_database_is_said_so(store: Store, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("This is a text about networks.\n" * 100)
    for use in (remembered, lambda store: remember(store, "a")):
        with pytest.raises(Unavailable, match=f"{path} is not an SQLite database"):
            use(store)
    with pytest.raises(Unavailable, match="is not an SQLite database"):
        remembered(Store(f"sqlite:///{path}", read_only=True))


def test_a_place_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot be made: File exists"):
        remember(Store(f"sqlite:///{tmp_path}/file/netconsole.sqlite"), "a")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://netconsole:secret@db/netconsole",
        "mysql+pymysql://nova:secret@controller/nova",
        "sqlite://",
        "sqlite:///:memory:",
        "secret",
    ],
)
def test_other_databases_are_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(InvalidValue, match="must be sqlite:///") as raised:
        Store(url)
    assert "secret" not in str(raised.value)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter but only its owner may write."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(use: Callable[[], object]) -> object:
    """Return what a call returns, or the text of its error, to a user without privileges."""

    def answer(end: Connection) -> None:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            end.send(use())
        except NetconsoleError as error:
            end.send(str(error))

    near, far = Pipe()
    child = get_context("fork").Process(target=answer, args=(far,))
    child.start()
    assert near.poll(30)
    child.join(30)
    return near.recv()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


@needs_root
def test_a_user_who_may_only_read_reads_a_database_nobody_has_open(open_directory: Path) -> None:
    path = open_directory / "netconsole.sqlite"
    remember(Store(f"sqlite:///{path}"), "a")
    path.chmod(0o644)
    reader = Store(f"sqlite:///{path}", read_only=True)
    assert as_nobody(lambda: remembered(reader)) == {"a": "0"}


@needs_root
def test_a_user_who_may_only_read_reads_a_database_that_is_being_written(
    open_directory: Path,
) -> None:
    path = open_directory / "netconsole.sqlite"
    store = Store(f"sqlite:///{path}")
    remember(store, "a")
    path.chmod(0o644)
    reader = Store(f"sqlite:///{path}", read_only=True)
    with store.transaction() as connection:
        settings.remember_sysctl(connection, "host", "b", "0")
        assert as_nobody(lambda: remembered(reader)) == {"a": "0"}


@needs_root
def test_a_user_who_may_not_read_is_told_so(open_directory: Path) -> None:
    path = open_directory / "netconsole.sqlite"
    remember(Store(f"sqlite:///{path}"), "a")
    reader = Store(f"sqlite:///{path}", read_only=True)
    answer = as_nobody(lambda: remembered(reader))
    assert answer == f"database {path} cannot be read: permission denied"


@needs_root
def test_a_user_who_may_not_write_is_told_so(open_directory: Path) -> None:
    path = open_directory / "netconsole.sqlite"
    assert "Permission denied" in str(as_nobody(lambda: remember(Store(f"sqlite:///{path}"), "a")))
    remember(Store(f"sqlite:///{path}"), "a")
    path.chmod(0o644)
    answer = as_nobody(lambda: remember(Store(f"sqlite:///{path}"), "b"))
    assert answer == f"database {path} may not be written"
