"""The new stores of tests: as the migrations make them, each with an identity of its own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import new_stores
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from netconsole.backend.store import Store


def made(path: Path) -> tuple[str, list[str]]:
    """Make a store; return its identity, and all else that it holds."""
    with Store(f"sqlite:///{path}").transaction():
        pass
    with closing(sqlite3.connect(path)) as store:
        (identity,) = store.execute("SELECT uuid FROM stores").fetchone()
        return identity, [each.replace(identity, "") for each in store.iterdump()]


def test_they_differ_in_their_identity_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, held = made(tmp_path / "migrated")
    monkeypatch.setattr(command, "upgrade", command.upgrade)  # put back afterwards
    new_stores.share(tmp_path / "migrated")
    monkeypatch.setattr(ScriptDirectory, "from_config", None)  # nothing migrates
    found = [made(tmp_path / name) for name in ("one", "two")]
    assert [rest for _, rest in found] == [held, held]
    assert len({identity, *(each for each, _ in found)}) == 3
