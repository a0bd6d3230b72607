"""The audit log: every change asked for is one line, whatever became of it."""

import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.transaction.audit import Auditor


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_change_is_one_line_that_says_who_what_and_how_it_ended(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 51234 203.0.113.2 22")
    auditor = Auditor(str(path))
    with auditor.change("network create vmnet"):
        auditor.did("20260101T000000-abcd", ("ip link add", "iptables -t nat -N x"), "done")

    (line,) = _lines(path)
    at = datetime.fromisoformat(line.pop("at"))
    assert at.utcoffset() == timedelta(0)
    assert line == {
        "login": pwd.getpwuid(os.getuid()).pw_name,
        "uid": os.getuid(),
        "sudo_user": "alice",
        "ssh_peer": "192.0.2.7",
        "asked": "network create vmnet",
        "change_id": "20260101T000000-abcd",
        "commands": ["ip link add", "iptables -t nat -N x"],
        "outcome": "done",
        "end": "done",
    }


def test_at_the_console_there_is_neither_sudo_nor_ssh(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "")
    with Auditor(str(path)).change("apply"):
        pass

    (line,) = _lines(path)
    assert (line["sudo_user"], line["ssh_peer"]) == (None, None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Conflict("bridge br100 is taken"), "failed: bridge br100 is taken"),
        (ZeroDivisionError("secret"), "aborted: ZeroDivisionError"),
        (KeyboardInterrupt(), "aborted: KeyboardInterrupt"),
    ],
)
def test_what_failed_is_told_and_goes_on_failing(
    path: Path, error: BaseException, outcome: str
) -> None:
    with pytest.raises(type(error)), Auditor(str(path)).change("apply"):
        raise error

    (line,) = _lines(path)
    assert (line["outcome"], line["change_id"], line["commands"]) == (outcome, None, [])


def test_nothing_that_is_asked_for_makes_a_second_line(path: Path) -> None:
    auditor = Auditor(str(path))
    with pytest.raises(Conflict), auditor.change('network create a\n{"outcome": "done"}'):
        raise Conflict("no\nno")
    with auditor.change("apply"):
        pass

    assert [line["outcome"] for line in _lines(path)] == ["failed: no\nno", "done"]


def test_a_second_change_knows_nothing_of_the_first(path: Path) -> None:
    auditor = Auditor(str(path))
    with auditor.change("first"):
        auditor.did("1", ("true",), "done")
    with auditor.change("second"):
        pass

    assert [(line["change_id"], line["commands"]) for line in _lines(path)] == [
        ("1", ["true"]),
        (None, []),
    ]


def test_a_log_that_cannot_be_written_stops_the_change_before_it_begins(path: Path) -> None:
    path.parent.mkdir()
    path.mkdir()
    begun = []

    with pytest.raises(Unavailable, match=r"audit log .*: "), Auditor(str(path)).change("apply"):
        begun.append("change")
    assert begun == []


def test_others_cannot_read_the_log(path: Path) -> None:
    with Auditor(str(path)).change("apply"):
        pass

    assert path.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("target", ["/dev/full", "/dev/null", "fifo", "directory"])
def test_what_is_no_file_to_keep_lines_in_stops_the_change_at_once(path: Path, target: str) -> None:
    """A FIFO without a reader must not hold it up either."""
    path.parent.mkdir()
    os.mkfifo(path.parent / "fifo")
    (path.parent / "directory").mkdir()
    path.symlink_to(target)
    begun = []

    with (
        pytest.raises(Unavailable, match=r"audit log .*audit\.jsonl: "),
        Auditor(str(path)).change("apply"),
    ):
        begun.append("change")
    assert begun == []


def test_a_log_may_be_kept_elsewhere(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "audit.log")
    with Auditor(str(path)).change("apply"):
        pass

    assert [line["asked"] for line in _lines(tmp_path / "audit.log")] == ["apply"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def _filled(place: Path) -> None:
    with suppress(OSError), (place / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))


@pytest.mark.requires("root")
def test_a_full_disk_stops_the_change_before_it_begins(small_disk: Path) -> None:
    begun = []
    (small_disk / "audit.jsonl").touch()
    _filled(small_disk)

    with (
        pytest.raises(Unavailable, match="No space left"),
        Auditor(str(small_disk / "audit.jsonl")).change("apply"),
    ):
        begun.append("change")
    assert begun == []


@pytest.mark.requires("root")
def test_a_disk_that_is_full_meanwhile_has_kept_room_for_the_line(small_disk: Path) -> None:
    commands = ("iptables -t nat -N x",) * 500
    auditor = Auditor(str(small_disk / "audit.jsonl"))
    with auditor.change("apply"):
        auditor.reserve(commands)
        _filled(small_disk)
        auditor.did("1", commands, "done")

    (line,) = _lines(small_disk / "audit.jsonl")
    assert tuple(line["commands"]) == commands


@pytest.mark.requires("root")
def test_a_line_too_long_for_the_disk_is_refused_when_its_commands_are_known(
    small_disk: Path,
) -> None:
    auditor = Auditor(str(small_disk / "audit.jsonl"))
    with pytest.raises(Unavailable, match="No space left"), auditor.change("apply"):
        auditor.reserve(("iptables -t nat -N x",) * 10_000)
