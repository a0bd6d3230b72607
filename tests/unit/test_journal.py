"""The journal: what a killed change left behind can be read and taken back."""

import json
from pathlib import Path

import pytest
from step_samples import SAMPLES

from netconsole.backend import journal as journal_module
from netconsole.backend.errors import NotFound, Unavailable
from netconsole.backend.journal import Journal, OpenEntry
from netconsole.backend.steps import AnnounceAddress, Plan, SetSysctl, Step

PLAN = Plan((SetSysctl("net.ipv4.ip_forward", "1", "0"), AnnounceAddress("eth0", "192.0.2.1")))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal"


@pytest.fixture
def journal(directory: Path) -> Journal:
    return Journal(str(directory))


@pytest.mark.parametrize("step", [step for step, _ in SAMPLES], ids=repr)
def test_every_step_is_read_as_it_was_written(journal: Journal, step: Step) -> None:
    begun = journal.begin("apply", Plan((step, step)), undoable=False)

    found = journal.entry(begun.id)
    assert found.plan == Plan((step, step))
    assert [repr(each) for each in found.plan.steps] == [repr(step)] * 2


def test_a_change_is_told_with_all_that_happened_to_it(journal: Journal) -> None:
    begun = journal.begin("playbook rp_filter", PLAN, undoable=True)
    begun.began(0)
    begun.done(0)
    begun.began(1)
    begun.done(1)
    begun.end("done")

    (found,) = journal.entries()
    assert (found.id, found.title, found.plan) == (begun.id, "playbook rp_filter", PLAN)
    assert (found.begun, found.end, found.undoable) == (2, "done", True)
    assert found.at.utcoffset() is not None
    assert journal.cut_off() == ()


def test_a_later_end_counts(journal: Journal) -> None:
    begun = journal.begin("playbook rp_filter", PLAN, undoable=True)
    begun.end("done")
    journal.close(begun.id, "undone")

    assert journal.entry(begun.id).end == "undone"


def test_a_change_without_an_end_was_cut_off(journal: Journal) -> None:
    journal.begin("done", PLAN, undoable=False).end("done")
    first = journal.begin("first", PLAN, undoable=False)
    first.began(0)
    second = journal.begin("second", PLAN, undoable=False)

    assert [(entry.title, entry.begun) for entry in journal.cut_off()] == [
        ("second", 0),
        ("first", 1),
    ]
    journal.close(second.id, "recovered")
    assert [entry.title for entry in journal.cut_off()] == ["first"]


def test_to_find_what_was_cut_off_nothing_else_is_read(journal: Journal, directory: Path) -> None:
    (directory / "20260101T000000000000-0000.done").mkdir(parents=True)
    cut_off = journal.begin("apply", PLAN, undoable=False)

    assert [entry.id for entry in journal.cut_off()] == [cut_off.id]


@pytest.mark.parametrize("kept", [1, 5, 9])
def test_a_line_that_was_cut_off_did_not_happen(
    journal: Journal, directory: Path, kept: int
) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)
    begun.began(0)
    path = directory / f"{begun.id}.open"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"began": 1}\n'[:kept])

    (found,) = journal.cut_off()
    assert (found.begun, found.plan) == (1, PLAN)


@pytest.mark.parametrize("text", [b"", b'{"id": "x", "st', b"\0\0\0\0", b"[]\n", b"7\n", b"\xff\n"])
def test_a_change_whose_first_line_was_cut_off_did_nothing(
    journal: Journal, directory: Path, text: bytes
) -> None:
    whole = journal.begin("apply", PLAN, undoable=False)
    (directory / "20260101T000000000000-0000.open").write_bytes(text)

    assert [entry.id for entry in journal.entries()] == [whole.id]
    assert [entry.id for entry in journal.cut_off()] == [whole.id]


def test_the_newest_comes_first_however_fast_they_come(journal: Journal) -> None:
    ids = [journal.begin("apply", Plan(), undoable=False).id for _ in range(200)]

    assert len(set(ids)) == 200
    assert [entry.id for entry in journal.entries()] == ids[::-1]


def test_old_changes_are_forgotten_but_none_that_was_cut_off(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "KEPT", 3)
    cut_off = journal.begin("cut off", PLAN, undoable=False)
    for number in range(5):
        journal.begin(f"{number}", PLAN, undoable=False).end("done")

    titles = [entry.title for entry in journal.entries()]
    assert titles == ["4", "3", "2", "cut off"]
    assert [entry.id for entry in journal.cut_off()] == [cut_off.id]


@pytest.mark.parametrize("change_id", ["", "x", "../secret", "*", "/etc/passwd", "a\nb"])
def test_an_unknown_change_is_named_in_one_line(
    journal: Journal, directory: Path, change_id: str
) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)
    whole = (directory / f"{begun.id}.open").read_text()
    (directory.parent / "secret.open").write_text(whole)

    with pytest.raises(NotFound, match="not in the journal") as refused:
        journal.entry(change_id)
    assert "\n" not in str(refused.value)


def test_without_a_directory_there_is_no_change(journal: Journal) -> None:
    assert list(journal.entries()) == []
    assert journal.cut_off() == ()


def test_a_journal_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("")

    with pytest.raises(Unavailable, match=r"journal .*/journal"):
        Journal(str(tmp_path / "journal")).begin("apply", PLAN, undoable=False)


def test_a_full_disk_is_named() -> None:
    with pytest.raises(Unavailable, match="No space left on device"):
        OpenEntry("x", Path("/dev/full")).began(0)


def test_a_change_that_cannot_be_read_is_named(journal: Journal, directory: Path) -> None:
    (directory / "20260101T000000000000-0000.open").mkdir(parents=True)

    with pytest.raises(Unavailable, match=r"journal .*-0000\.open: "):
        list(journal.entries())


def test_others_cannot_read_what_was_done(journal: Journal, directory: Path) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)

    assert (directory / f"{begun.id}.open").stat().st_mode & 0o007 == 0


def test_a_title_stays_on_its_line(journal: Journal, directory: Path) -> None:
    begun = journal.begin('network create "\n{"end": "done"}\n', PLAN, undoable=False)

    assert journal.entry(begun.id).end is None
    lines = (directory / f"{begun.id}.open").read_text().splitlines()
    assert [set(json.loads(line)) >= {"title"} for line in lines] == [True]
