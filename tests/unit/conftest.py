"""A store of a test's own, and no time limit for examples."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import statements
from sqlalchemy import Connection
from unhurried import unhurried

from netconsole.backend.store import Store

unhurried()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The database's; neither it nor the directories above it are there yet."""
    return tmp_path / "lib" / "netconsole" / "netconsole.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{path}")) as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
def shared_statements() -> None:
    statements.share()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which nothing is but the tables: to make them takes longer than most tests."""
    path = tmp_path_factory.mktemp("made") / "netconsole.sqlite"
    with closing(Store(f"sqlite:///{path}")) as store, store.transaction():
        pass
    return path


@pytest.fixture
def connection(store: Store, path: Path, made: Path) -> Iterator[Connection]:
    path.parent.mkdir(parents=True)
    shutil.copy(made, path)
    with store.transaction() as opened:
        yield opened
