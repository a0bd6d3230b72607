"""Config drives, read back by other implementations than the one that writes them."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from guest_samples import OCCASION, PASSWORD, told
from injection_samples import flat_options

from netconsole.backend.injection import config_drive
from netconsole.backend.injection.drive import documents
from netconsole.backend.model.codec import as_json, as_line
from netconsole.backend.model.errors import Conflict, InvalidValue, StepFailed
from netconsole.backend.steps import Plan, WriteConfigDrive
from netconsole.backend.steps.codec import structure
from netconsole.backend.transaction import journal_entry
from netconsole.backend.transaction.journal_entry import JournalEntry

FILES = dict(documents(told(2), flat_options(), OCCASION))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web0.iso"


def write(path: Path, replaces: bool = False) -> WriteConfigDrive:
    step = WriteConfigDrive(str(path), tuple(FILES), tuple(FILES.values()), replaces)
    config_drive.write(step)
    return step


def said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.requires("bsdtar")
@pytest.mark.parametrize("names", ["rockridge", "joliet"])
def test_every_file_is_in_it_under_its_own_name(path: Path, tmp_path: Path, names: str) -> None:
    """Linux reads the Rock Ridge names, Windows the Joliet ones."""
    write(path)
    out = tmp_path / "out"
    out.mkdir()
    other = {"rockridge": "joliet", "joliet": "rockridge"}[names]
    said("bsdtar", "-x", "--options", f"iso9660:!{other}", "-f", str(path), "-C", str(out))
    found = {
        str(file.relative_to(out)): file.read_bytes() for file in out.rglob("*") if file.is_file()
    }
    assert found == FILES
    said("chmod", "-R", "u+w", str(out))


@pytest.mark.requires("blkid")
def test_it_has_the_label_that_cloud_init_looks_for(path: Path) -> None:
    write(path)
    found = said("blkid", "--probe", "--output", "export", str(path)).splitlines()
    assert {"LABEL=config-2", "TYPE=iso9660"} <= set(found)


def test_it_is_its_maker_s_alone_as_it_holds_secrets(path: Path) -> None:
    write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_another_one_stays_its_hypervisor_s_and_nobody_else_s(path: Path) -> None:
    write(path)
    path.chmod(0o664)
    if os.geteuid() == 0:
        os.chown(path, 1234, 1235)
    owner = (path.stat().st_uid, path.stat().st_gid)
    write(path, replaces=True)
    found = path.stat()
    assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o660, *owner)


def test_a_config_drive_may_be_replaced_and_nothing_else(path: Path) -> None:
    assert not config_drive.replaces(str(path))
    write(path)
    assert config_drive.replaces(str(path))
    assert write(path, replaces=True).inverse is None


def spoilt(path: Path) -> list[Path]:
    """Things that no config drive may be written over."""
    disk, short, other = path.with_name("disk"), path.with_name("short"), path.with_name("other")
    disk.write_bytes(bytes(65536))
    short.write_text("short")
    write(path)
    other.write_bytes(path.read_bytes().replace(b"config-2", b"config-3"))
    link = path.with_name("link")
    link.symlink_to(path)
    return [disk, short, other, link, path.parent]


def test_whatever_else_is_there_stays(path: Path) -> None:
    for other in spoilt(path):
        with pytest.raises(Conflict, match="left as it is"):
            config_drive.replaces(str(other))


def test_a_directory_that_is_not_there_is_named(path: Path) -> None:
    gone = path.parent / "gone" / "web0.iso"
    with pytest.raises(InvalidValue, match="directory"):
        config_drive.replaces(str(gone))
    with pytest.raises(StepFailed, match=r"gone/web0\.iso: No such file"):
        write(gone)


def test_a_drive_that_cannot_be_finished_leaves_nothing(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StepFailed):
        write(path)
    assert list(path.parent.iterdir()) == [path]


def test_the_way_back_removes_it_and_nothing_brings_it_back() -> None:
    step = WriteConfigDrive("/i/web0.iso", ("a",), (b"x",))
    assert step.inverse is not None
    assert step.inverse.commands == ("rm /i/web0.iso",)
    assert step.inverse.inverse is None
    assert replace(step, replaces=True).inverse is None


def test_what_it_holds_is_neither_shown_nor_written_down() -> None:
    step = WriteConfigDrive("/i/web0.iso", tuple(FILES), tuple(FILES.values()))
    moment = datetime(2026, 11, 30, tzinfo=UTC)
    head = journal_entry.head(JournalEntry("1", moment, "instance inject web0", Plan((step,))))
    for said in ("\n".join(step.commands), repr(step), as_json(step, inner=True), head):
        assert "2012-08-10/user_data" in said
        for secret in ("Extra user data", "AAAAB3", PASSWORD, "hello"):
            assert secret not in said
    assert structure(Plan, {"steps": [json.loads(as_line(step))]}).steps == (step,)
