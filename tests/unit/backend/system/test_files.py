"""Files on a host: written whole, read while others write them, removed with what was left."""

import os
import threading
from pathlib import Path

import pytest

from netconsole.backend.host import dnsmasq
from netconsole.backend.host.dnsmasq import observe_leases
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import File, Lease
from netconsole.backend.system import files

LINE = "1767225600 fa:16:3e:00:00:01 10.0.0.3 web1 *\n"
LEASE = Lease(1767225600, "fa:16:3e:00:00:01", "10.0.0.3", "web1")


@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_file_is_written_whole_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "below" / "file"
    before = os.umask(0o077)
    try:
        files.write(str(path), "text\n", mode)
    finally:
        os.umask(before)

    assert files.observe(str(path.parent)).files == {str(path): File("text\n", mode)}
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_reader_keeps_the_old_text_until_the_new_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as reader:
        files.write(str(path), "new", 0o644)
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "occupied").write_text("")

    with pytest.raises(Conflict, match="no plain file"):
        files.write(str(tmp_path / "place"), "text", 0o644)
    assert [each.name for each in tmp_path.iterdir()] == ["place"]


def test_what_a_killed_writer_left_goes_with_its_directory(tmp_path: Path) -> None:
    directory = tmp_path / "hosts"
    files.write(str(directory / "one"), "1", 0o644)
    (directory / f"{files.TEMPORARY}abc").write_text("half")
    files.remove(str(directory / "one"))

    files.remove_directory(str(directory))
    assert not directory.exists()
    files.remove_directory(str(directory))


@pytest.mark.parametrize("what", ["file", "fifo", "link"])
def test_what_has_the_name_of_a_directory_is_named_and_left_as_it_is(
    tmp_path: Path, what: str
) -> None:
    place, elsewhere = tmp_path / "hosts", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if what == "file":
        place.touch()
    elif what == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(elsewhere)
    with pytest.raises(Conflict, match=r"hosts: is a link or no directory, .*; remove it first"):
        files.make_directory(str(place))
    assert elsewhere.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", ""),
        ("new/deeper", ""),
        ("leading", ""),
        ("file", "is a file, not a directory"),
        ("file/deeper", "cannot be made: {}/file is a file, not a directory"),
        ("nowhere", "is a link that leads nowhere"),
        ("loop", "is a link that leads nowhere"),
        ("loop/deeper/yet", "cannot be made: {}/loop is a link that leads nowhere"),
        ("x" * 300, "cannot be looked at: File name too long"),
        ("x" * 300 + "/deeper", "cannot be looked at: File name too long"),
    ],
)
def test_a_directory_is_fit_if_it_can_be_used_or_made(
    tmp_path: Path, path: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "leading").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "later")
    (tmp_path / "loop").symlink_to("loop")
    assert files.unfit_directory(tmp_path / path) == reason.format(tmp_path)


def test_a_directory_with_files_of_others_stays(tmp_path: Path) -> None:
    directory = tmp_path / "hosts"
    files.make_directory(str(directory))
    (directory / ".theirs").write_text("")

    with pytest.raises(OSError, match="not empty"):
        files.remove_directory(str(directory))
    assert (directory / ".theirs").exists()


def test_hidden_files_links_and_what_vanishes_are_not_observed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "directory").mkdir()

    assert list(files.observe(str(tmp_path)).files) == [f"{tmp_path}/file"]
    assert files.directories(str(tmp_path)) == {f"{tmp_path}/directory"}
    assert files.observe(f"{tmp_path}/nowhere") == ({}, {})


def test_files_of_others_are_passed_over_by_name_and_not_opened(tmp_path: Path) -> None:
    for directory in ("here", "there"):
        (tmp_path / directory).mkdir()
        for name in ("own", "other"):
            (tmp_path / directory / name).write_text("text\n")
    os.mkfifo(tmp_path / "here" / "strange")
    here, there = f"{tmp_path}/here", f"{tmp_path}/there"
    beside = {here: frozenset({"other", "strange"})}
    seen = files.observe_all((here, there, f"{tmp_path}/nowhere"), others=beside)
    assert set(seen.files) == {f"{here}/own", f"{there}/own", f"{there}/other"}
    assert not seen.unread
    assert files.directories(f"{tmp_path}/nowhere") == frozenset()


def test_files_that_come_and_go_are_no_error(tmp_path: Path) -> None:
    """dnsmasq removes its pid file while the console looks at the directory once a second."""
    ended = threading.Event()
    path = tmp_path / "nova-br100.pid"

    def come_and_go() -> None:
        while not ended.is_set():
            path.write_text("4711\n")
            path.unlink()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(500):
            assert set(files.observe(str(tmp_path)).files) <= {str(path)}
    finally:
        ended.set()
        other.join()


def test_the_leases_of_each_bridge_are_read(tmp_path: Path) -> None:
    (tmp_path / "nova-br100.leases").write_text(LINE)
    (tmp_path / "nova-br.1.leases").write_text("")
    (tmp_path / "other.leases").write_text(LINE)

    assert observe_leases(str(tmp_path)) == ({"br100": (LEASE,), "br.1": ()}, {})


def test_a_lease_file_that_is_being_rewritten_loses_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dnsmasq empties the file, then writes it; a busy machine may let that take a while."""
    monkeypatch.setattr(dnsmasq, "SETTLE_SECONDS", 1.0)
    path = tmp_path / "nova-br100.leases"
    path.write_text("")
    writer = threading.Timer(0.005, path.write_text, [LINE])
    writer.start()
    try:
        assert observe_leases(str(tmp_path)) == ({"br100": (LEASE,)}, {})
    finally:
        writer.join()


def test_a_lease_file_that_never_rests_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "nova-br100.leases"
    path.write_text(LINE)
    os.utime(path, (2**32, 2**32))

    assert observe_leases(str(tmp_path)) == ({"br100": (LEASE,)}, {})


def test_what_is_no_file_is_not_waited_for_and_what_is_huge_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "huge").write_bytes(b"")
    os.truncate(tmp_path / "huge", 2**40)
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, words in (("fifo", "FIFO"), ("huge", "more than"), ("zero", "device")):
        with pytest.raises(OSError, match=words):
            files.read(tmp_path / name)
    with pytest.raises(OSError, match="is a directory"):
        files.read(tmp_path)
    assert files.read("/proc/self/comm") != b""
    seen = files.observe(str(tmp_path), may_be_directory=lambda path: path.endswith("hosts"))
    assert seen == (
        {},
        {
            f"{tmp_path}/fifo": "is a FIFO, not a file",
            f"{tmp_path}/huge": f"has more than {files.LARGEST:,} bytes",
        },
    )


def test_a_setting_of_the_kernel_is_read_to_its_last_digit() -> None:
    setting = Path("/proc/sys/kernel/pid_max")
    assert files.read_text(setting) == setting.read_text()
    assert len(files.read_text(setting)) > 2
