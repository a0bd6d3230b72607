"""The database: made once, one writer at a time, readers that change nothing."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from core_samples import network
from store_samples import remember, remembered

from netconsole.backend.model.errors import ReadOnly, Unavailable
from netconsole.backend.model.group_rules import lets_everything_in
from netconsole.backend.model.records import Instance
from netconsole.backend.store import Store, instances, networks, schema, settings
from netconsole.backend.store.tables import former_sysctls, metadata
from netconsole.backend.store.views import security_group_views


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


def test_a_read_takes_one_connection(store: Store) -> None:
    with store.transaction():
        pass
    opened: list[object] = []

    def note(connection: object) -> None:
        opened.append(connection)

    sa.event.listen(sa.engine.Engine, "engine_connect", note)
    with store.reading() as connection:
        networks.every(connection)
    sa.event.remove(sa.engine.Engine, "engine_connect", note)
    assert len(opened) == 1


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
    with reader.reading() as connection:  # of a copy, as nobody has the file open
        connection.exec_driver_sql("PRAGMA query_only = OFF")
        connection.execute(sa.delete(former_sysctls))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with store.transaction(), reader.reading() as connection:
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
    with pytest.raises(
        Unavailable, match=f"has schema '9999', this netconsole needs '{schema.HEAD}'"
    ):
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


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # `definitions` has them
def test_the_migrations_make_the_tables_that_the_queries_expect(store: Store, path: Path) -> None:
    with store.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    direct = path.with_name("direct.sqlite")
    metadata.create_all(sa.create_engine(f"sqlite:///{direct}"))
    assert definitions(path) == definitions(direct)


def test_instances_of_before_are_called_as_they_were(store: Store, path: Path) -> None:
    """Their host names were their names, and with these they are found in the DNS."""
    make(path, "0003")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(
            "INSERT INTO instances (uuid, name, project_id, host, created_at)"
            " VALUES ('1', 'WEB1', 'demo', 'node1', '2026-01-01 00:00:00')"
        )
    with store.transaction() as connection:
        assert instances.every(connection) == (Instance("1", "WEB1", "demo", "node1", "WEB1", 1),)


def test_projects_of_before_go_on_to_let_everything_in(store: Store, path: Path) -> None:
    make(path, "0011")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.executemany(
            "INSERT INTO instances (uuid, name, project_id, host, hostname, id, created_at)"
            " VALUES (?, ?, ?, 'node1', ?, ?, '2026-01-01 00:00:00')",
            [(f"u{n}", f"web{n}", project, f"web{n}", n) for n, project in ((1, "b"), (2, "a"))],
        )
    with store.transaction() as connection:
        views = security_group_views(connection)
    assert [(view.group.project_id, view.group.name) for view in views] == [
        ("a", "default"),
        ("b", "default"),
    ]
    for view, member in zip(views, ("web2", "web1"), strict=True):
        assert [instance.name for instance in view.members] == [member]
        assert all(lets_everything_in(each.rule) for each in view.rules)
        assert [each.rule.cidr for each in view.rules] == ["0.0.0.0/0", "::/0"]


def make(path: Path, revision: str) -> None:
    """Make a database as an earlier version did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "netconsole.backend.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def definitions(path: Path) -> set[frozenset[str]]:
    """The statements that made tables and indexes, each as its parts in any order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name != 'alembic_version'"
        )
        return {frozenset(map(str.strip, re.split(r"[\n,]", sql))) - {""} for (sql,) in rows}


def test_networks_of_before_get_the_manager_that_can_be_told(store: Store, path: Path) -> None:
    present = path.with_name("present.sqlite")
    with Store(f"sqlite:///{present}").transaction() as connection:
        for label, fields in (
            ("vlan", {"vlan": 7, "bridge": "br7"}),
            ("shared", {"bridge": "br0"}),
            ("too", {"bridge": "br0"}),
            ("injected", {"bridge": "br1", "injected": True}),
            ("either", {"bridge": "br2"}),
        ):
            networks.insert(connection, replace(network(), id=0, uuid=label, label=label, **fields))
    make(path, "0004")
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        columns = ", ".join(name for _, name, *_ in raw.execute("PRAGMA table_info(networks)"))
        raw.execute("ATTACH ? AS present", (str(present),))
        raw.execute(f"INSERT INTO networks ({columns}) SELECT {columns} FROM present.networks")  # noqa: S608
    with store.transaction() as connection:
        found = {each.label: each.manager for each in networks.every(connection)}
    expected = {"vlan": "vlan", "shared": "flat", "too": "flat", "injected": "flat", "either": None}
    assert found == expected


def test_an_older_store_is_closed_to_others_before_secrets_are_in_it(
    store: Store, path: Path
) -> None:
    make(path, "0012")
    path.chmod(0o664)
    with store.transaction():
        pass
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o644)
    with store.transaction():
        pass
    assert path.stat().st_mode & 0o777 == 0o644, "what its admin says afterwards counts"


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
