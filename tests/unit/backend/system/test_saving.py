"""Files that an admin asks for: new ones, whole, and for their owner only."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from netconsole.backend.model.errors import Conflict
from netconsole.backend.system import files
from netconsole.backend.system.saving import AlreadyThere, NotSaved, new_file


def test_a_file_is_there_when_it_is_complete_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with suppress(KeyboardInterrupt), new_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with new_file(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def _file(path: Path) -> None:
    path.write_text("precious")


@pytest.mark.parametrize(
    "make",
    [
        _file,
        lambda path: path.symlink_to("/nowhere/at/all"),
        lambda path: path.symlink_to(path.parent / "elsewhere"),
        lambda path: os.mkfifo(path),
        lambda path: path.mkdir(),
    ],
    ids=["file", "link to nowhere", "link to a new file", "fifo", "directory"],
)
def test_what_has_the_name_is_left_as_it_is(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "taken"
    make(path)
    before = path.lstat()
    with pytest.raises(AlreadyThere, match="taken: is there already"), new_file(path):
        raise AssertionError("nothing may be collected for a file that cannot be written")
    assert path.lstat() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_taken_meanwhile_stays_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "raced"
    with pytest.raises(AlreadyThere), new_file(path):
        _file(path)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nowhere/at/all", "No such file or directory"),
        ("/dev/null", "is there already"),
        ("/", "is there already"),
        ("/etc/hosts/x", "Not a directory"),
        ("/run/" + "x" * 300, "File name too long"),
        ("/run/zero\0byte", "null"),
    ],
)
def test_a_path_that_cannot_be_is_one_line(path: str, reason: str) -> None:
    with pytest.raises(NotSaved, match=reason) as error, new_file(Path(path)):
        pass
    assert "\n" not in str(error.value)


def test_a_link_in_the_place_of_a_file_of_ours_is_an_admins(tmp_path: Path) -> None:
    path = tmp_path / "90-netconsole.conf"
    path.symlink_to("/dev/null")
    with pytest.raises(Conflict, match="is a link or no plain file"):
        files.write(str(path), "x = 1\n", 0o644)
    assert path.readlink() == Path("/dev/null")
