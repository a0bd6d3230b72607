"""A record is never larger than it may be, and all that was whole of it can be read."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from core_samples import WHOLE, status

from netconsole.backend.configuration.loading import load
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import InvalidValue, NotFound
from netconsole.watch.frames import Json, RecordedMoment, frame
from netconsole.watch.record_files import ENDING, directory, opened, record_files
from netconsole.watch.recorded import export, heading, standing

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
SIZE = 64 << 10


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return replace(load(), state_path=str(tmp_path), record_size=SIZE, record_days=7)


def noise(size: int) -> dict[str, Json]:
    """A frame that takes about so many bytes."""
    text = os.urandom(size).hex()
    return {"taken": NOON.isoformat(), "whole": True, "sections": {}, "text": text}


def moments(*minutes: int) -> Iterator[tuple[RecordedMoment, dict[str, Json]]]:
    """How a host stood at some minutes after noon, each otherwise than before."""
    former: RecordedMoment | None = None
    for minute in minutes:
        changed = replace(status(WHOLE), host=replace(status(WHOLE).host, name=f"at{minute}"))
        now = RecordedMoment(NOON + timedelta(minutes=minute), changed, None)
        told = frame(former, now)
        assert told is not None
        former = now
        yield now, told


def recorded(options: Options, *minutes: int) -> None:
    with opened(options) as file:
        for _, told in moments(*minutes):
            assert file.write(told)


def exported(options: Options, path: Path) -> tuple[str, ...]:
    told = BytesIO()
    found = export(record_files(options), "here", (), told)
    path.write_bytes(told.getvalue())
    return found.left_out


def on_disk(options: Options) -> int:
    found = (path.stat() for path in directory(options).iterdir())
    return sum(max(each.st_size, 512 * each.st_blocks) for each in found)


def test_it_is_never_larger_than_it_may_be(options: Options) -> None:
    for number in range(40):
        with opened(options) as file:
            while file.write(noise(100 + 50 * number)):
                assert on_disk(options) <= SIZE
        assert on_disk(options) <= SIZE
    with opened(options) as file:  # the first frame of a file may need all of it
        assert file.write(noise(SIZE // 2 - 5000))
        assert on_disk(options) <= SIZE
    assert len(record_files(options)) < 9


def test_what_is_larger_than_all_of_it_leaves_all_of_it(options: Options) -> None:
    recorded(options, 1)
    before = record_files(options)
    with opened(options) as file:
        assert not file.write(noise(SIZE))
    assert record_files(options) == before


def test_a_clock_set_back_makes_no_file_older(options: Options, tmp_path: Path) -> None:
    directory(options).mkdir()
    ahead = directory(options) / f"20991231T235959.999999{ENDING}"
    ahead.write_bytes(gzip.compress(b"{}\n"))
    recorded(options, 1)
    assert record_files(options)[0] == ahead
    assert len(record_files(options)) == 2


def test_within_a_file_a_clock_may_be_set_back(options: Options, tmp_path: Path) -> None:
    recorded(options, 10, 20, 5, 7)
    path = tmp_path / "record.gz"
    exported(options, path)
    for minute, name in ((6, "at5"), (15, "at7"), (30, "at7")):
        found = standing(path, NOON + timedelta(minutes=minute))
        assert found.status.host.name == name
    with pytest.raises(NotFound):
        standing(path, NOON)


def test_a_part_of_a_time_begins_with_everything(options: Options, tmp_path: Path) -> None:
    recorded(options, 10, 20, 5, 25)
    told = BytesIO()
    since, until = NOON + timedelta(minutes=15), NOON + timedelta(minutes=30)
    assert export(record_files(options), "here", (), told, since, until).frames == 2
    path = tmp_path / "record.gz"
    path.write_bytes(told.getvalue())
    assert standing(path, NOON + timedelta(minutes=21)).status.host.name == "at20"
    assert standing(path).status.host.name == "at25"


@pytest.mark.parametrize("left", [0, 5, 40])
def test_a_file_that_was_cut_off_at_once_holds_up_no_other(
    options: Options, tmp_path: Path, left: int
) -> None:
    recorded(options, 1)
    (whole,) = record_files(options)
    content = whole.read_bytes()
    (directory(options) / f"20200101T000000.000000{ENDING}").write_bytes(content[:left])
    (complaint,) = exported(options, tmp_path / "record.gz")
    assert "20200101T000000" in complaint
    assert standing(tmp_path / "record.gz").status.host.name == "at1"


def test_each_whole_frame_of_a_file_cut_off_anywhere_is_read(
    options: Options, tmp_path: Path
) -> None:
    recorded(options, 1, 2, 3)
    (whole,) = record_files(options)
    content, names = whole.read_bytes(), set()
    for length in range(len(content)):
        whole.write_bytes(content[:length])
        try:
            names.add(standing(whole).status.host.name)
        except (InvalidValue, NotFound):
            names.add("")
    assert names == {"", "at1", "at2", "at3"}


def test_one_of_a_newer_version_is_named_as_that(options: Options, tmp_path: Path) -> None:
    path = tmp_path / "newer.gz"
    path.write_bytes(gzip.compress(b'{"netconsole":"9","format":2,"host":"here"}\n'))
    with pytest.raises(InvalidValue, match="is of format 2, and this version reads 1"):
        heading(path)
    with pytest.raises(InvalidValue, match="no such file"):
        heading(tmp_path / "none")


def test_a_file_removed_meanwhile_is_known(options: Options) -> None:
    with opened(options) as file:
        assert file.is_there
        for path in record_files(options):
            path.unlink()
        assert not file.is_there
