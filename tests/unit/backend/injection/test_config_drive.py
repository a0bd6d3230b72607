"""Config drives, read back by other implementations than the one that writes them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from injection_samples import flat_options, view

from netconsole.backend.injection import config_drive
from netconsole.backend.injection.metadata import documents
from netconsole.backend.model.errors import Conflict, InvalidValue, StepFailed
from netconsole.backend.steps import WriteConfigDrive

FILES = documents(view(2), flat_options(), "# umlaut \N{LATIN SMALL LETTER A WITH DIAERESIS}\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web0.iso"


def write(path: Path, replaces: bool = False) -> WriteConfigDrive:
    step = WriteConfigDrive(str(path), FILES, replaces)
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
        str(file.relative_to(out)): file.read_text() for file in out.rglob("*.*") if file.is_file()
    }
    content = out / "openstack" / "content" / "0000"
    assert found | {"openstack/content/0000": content.read_text()} == dict(FILES)
    said("chmod", "-R", "u+w", str(out))


@pytest.mark.requires("blkid")
def test_it_has_the_label_that_cloud_init_looks_for(path: Path) -> None:
    write(path)
    found = said("blkid", "--probe", "--output", "export", str(path)).splitlines()
    assert {"LABEL=config-2", "TYPE=iso9660"} <= set(found)


def test_it_may_be_read_by_whoever_runs_the_guest(path: Path) -> None:
    write(path)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


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


def test_the_way_back_removes_it() -> None:
    step = WriteConfigDrive("/i/web0.iso", FILES)
    assert step.inverse is not None
    assert step.inverse.commands == ("rm /i/web0.iso",)
    assert step.inverse.inverse == step
    assert replace(step, replaces=True).inverse is None
