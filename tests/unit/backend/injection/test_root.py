"""Writing into a guest's file system, whose owner would rather have us write elsewhere."""

import os
import shutil
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from netconsole.backend.injection import root
from netconsole.backend.model.errors import Conflict, InvalidValue, NetconsoleError, Unavailable
from netconsole.backend.steps import RemoveGuestFile, WriteGuestFile

PATH = "etc/network/interfaces"
TEXT = "auto lo\n"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    made = tmp_path / "image"
    (made / "etc" / "network").mkdir(parents=True)
    return made


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """What must stay as it is."""
    made = tmp_path / "ours" / "network"
    made.mkdir(parents=True)
    (made / "interfaces").write_text("ours\n")
    return made.parent


def inject(image: Path, text: str = TEXT) -> WriteGuestFile:
    found = root.look(str(image), PATH)
    step = WriteGuestFile(str(image), PATH, text, found.former, found.missing)
    root.write(step)
    return step


def take_back(step: WriteGuestFile) -> None:
    match step.inverse:
        case WriteGuestFile() as back:
            root.write(back)
        case RemoveGuestFile() as back:
            root.remove(back)


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_file_is_written_for_everyone_to_read(image: Path) -> None:
    old = os.umask(0o077)
    try:
        inject(image)
    finally:
        os.umask(old)
    assert (image / PATH).read_text() == TEXT
    assert (image / PATH).stat().st_mode & 0o777 == 0o644
    assert names(image) == ["etc", "etc/network", PATH]


def test_what_is_replaced_comes_back(image: Path) -> None:
    former = b"# umlaut \xe4, no UTF-8\n"
    (image / PATH).write_bytes(former)
    step = inject(image)
    assert step.former == "# umlaut \udce4, no UTF-8\n"
    take_back(step)
    assert (image / PATH).read_bytes() == former


def test_directories_that_are_missing_are_made_and_go_again(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    old = os.umask(0o077)
    try:
        step = inject(empty)
    finally:
        os.umask(old)
    assert step.missing == ("etc", "etc/network")
    assert [path.stat().st_mode & 0o777 for path in sorted(empty.rglob("*"))] == [
        0o755,
        0o755,
        0o644,
    ]
    take_back(step)
    assert names(empty) == []


def test_directories_in_use_by_then_stay(tmp_path: Path) -> None:
    step = inject(tmp_path)
    (tmp_path / "etc" / "passwd").write_text("root\n")
    take_back(step)
    assert names(tmp_path) == ["etc", "etc/passwd"]


def test_a_file_of_another_image_is_not_taken_back(image: Path) -> None:
    for former in (None, "former\n"):
        if former:
            (image / PATH).write_text(former)
        step = inject(image)
        (image / PATH).write_text("another image\n")
        with pytest.raises(Conflict, match="left as it is"):
            take_back(step)
        assert (image / PATH).read_text() == "another image\n"
        (image / PATH).unlink()


def link_etc(image: Path, ours: Path) -> None:
    (image / "etc").rename(image / "real")
    (image / "etc").symlink_to(ours)


def link_etc_within(image: Path, ours: Path) -> None:
    (image / "etc").rename(image / "real")
    (image / "etc").symlink_to("real")


def link_etc_upwards(image: Path, ours: Path) -> None:
    (image / "etc").rename(image / "real")
    (image / "etc").symlink_to("../ours")


def link_network(image: Path, ours: Path) -> None:
    (image / "etc" / "network").rmdir()
    (image / "etc" / "network").symlink_to(ours / "network")


def link_file(image: Path, ours: Path) -> None:
    (image / PATH).symlink_to(ours / "network" / "interfaces")


def link_file_to_nothing(image: Path, ours: Path) -> None:
    (image / PATH).symlink_to(ours / "new")


def file_for_directory(image: Path, ours: Path) -> None:
    (image / "etc" / "network").rmdir()
    (image / "etc" / "network").write_text("")


def directory_for_file(image: Path, ours: Path) -> None:
    (image / PATH).mkdir()


def pipe_for_file(image: Path, ours: Path) -> None:
    os.mkfifo(image / PATH)


def socket_for_file(image: Path, ours: Path) -> None:
    here = os.open(image / "etc" / "network", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{here}/interfaces")
    os.close(here)


def too_long(image: Path, ours: Path) -> None:
    (image / PATH).write_bytes(b"#" * (root.LONGEST + 1))


HOSTILE = (
    link_etc,
    link_etc_within,
    link_etc_upwards,
    link_network,
    link_file,
    link_file_to_nothing,
    file_for_directory,
    directory_for_file,
    pipe_for_file,
    socket_for_file,
    too_long,
)


@pytest.mark.parametrize("spoil", HOSTILE, ids=lambda spoil: spoil.__name__)
def test_a_hostile_image_is_refused(
    image: Path, ours: Path, spoil: Callable[[Path, Path], None]
) -> None:
    spoil(image, ours)
    before = names(image)
    with pytest.raises(Conflict) as refused:
        inject(image)
    assert str(image) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert names(image) == before
    assert names(ours) == ["network", "network/interfaces"]
    assert (ours / "network" / "interfaces").read_text() == "ours\n"


@pytest.mark.parametrize(
    "spoil",
    [spoil for spoil in HOSTILE if spoil is not too_long],
    ids=lambda spoil: spoil.__name__,
)
def test_an_image_that_turns_hostile_after_the_look_is_refused(
    image: Path, ours: Path, spoil: Callable[[Path, Path], None]
) -> None:
    found = root.look(str(image), PATH)
    spoil(image, ours)
    before = names(image)
    with pytest.raises(Conflict):
        root.write(WriteGuestFile(str(image), PATH, TEXT, found.former, found.missing))
    assert names(image) == before
    assert names(ours) == ["network", "network/interfaces"]


def test_missing_directories_are_not_made_behind_a_link(tmp_path: Path, ours: Path) -> None:
    image = tmp_path / "image"
    image.mkdir()
    found = root.look(str(image), "etc/new/interfaces")
    (image / "etc").symlink_to(ours)
    with pytest.raises(Conflict):
        root.write(WriteGuestFile(str(image), "etc/new/interfaces", TEXT, None, found.missing))
    assert names(ours) == ["network", "network/interfaces"]


def test_a_link_swapped_in_again_and_again_never_leads_out(image: Path, ours: Path) -> None:
    """A race, run as one: another thread swaps the directory for a link all the time."""
    over = threading.Event()
    network, aside = image / "etc" / "network", image / "etc" / "aside"

    def swap() -> None:
        while not over.is_set():
            shutil.rmtree(aside, ignore_errors=True)
            with suppress(OSError):  # where a directory was made anew meanwhile
                network.rename(aside)
                network.symlink_to(ours / "network")
                network.unlink()
                aside.rename(network)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for number in range(300):
            with suppress(NetconsoleError):
                inject(image, f"# {number}\n")
    finally:
        over.set()
        swapping.join()
    assert (ours / "network" / "interfaces").read_text() == "ours\n"
    assert names(ours) == ["network", "network/interfaces"]


def test_the_machine_s_own_file_system_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to("/")
    for own in ("/", "//", str(tmp_path / "root")):
        with pytest.raises(InvalidValue, match="our own"):
            root.look(own, PATH)


def test_a_root_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for none in ("gone", "file"):
        with pytest.raises(InvalidValue, match="cannot be entered"):
            root.look(str(tmp_path / none), PATH)


def test_a_mount_point_may_be_a_link(tmp_path: Path, image: Path) -> None:
    (tmp_path / "link").symlink_to(image)
    inject(tmp_path / "link")
    assert (image / PATH).read_text() == TEXT


@pytest.mark.requires("root")
def test_what_the_kernel_refuses_is_one_line() -> None:
    with pytest.raises(Unavailable, match=r"^/proc/self/etc/network/interfaces: "):
        inject(Path("/proc/self"))
