"""What a database can fail with, in plain words, and users who may not do everything."""

import os
from collections.abc import Callable, Iterator
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from store_samples import remember, remembered

from netconsole.backend.model.errors import InvalidValue, NetconsoleError, Unavailable
from netconsole.backend.store import Store, files, settings


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
