"""The journal: what a killed change left behind can be read and taken back."""

import json
import os
from pathlib import Path

import pytest
from step_samples import SAMPLES

from netconsole.backend.model.errors import Conflict, NotFound, Unavailable
from netconsole.backend.steps import AnnounceAddress, Plan, SetSysctl, Step
from netconsole.backend.transaction import journal as journal_module
from netconsole.backend.transaction.journal import Journal, OpenEntry

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


def test_a_change_that_is_taken_back_ends_with_the_one_that_does_so(journal: Journal) -> None:
    cure = journal.begin("playbook rp_filter", PLAN, undoable=True)
    cure.end("done")
    back = journal.begin(f"undo {cure.id}", PLAN.inverse, undoable=True, undoes=cure.id)
    assert journal.entry(cure.id).end == "done"
    back.end("done")
    assert journal.entry(cure.id).end == "undone"

    again = journal.begin(f"undo {back.id}", PLAN, undoable=True, undoes=back.id)
    again.end("done")
    assert [entry.end for entry in journal.entries()] == ["done", "undone", "done"]


def test_what_failed_to_take_a_change_back_leaves_it_done(journal: Journal) -> None:
    cure = journal.begin("playbook rp_filter", PLAN, undoable=True)
    cure.end("done")
    journal.begin(f"undo {cure.id}", PLAN.inverse, undoable=True, undoes=cure.id).end("undone")
    assert journal.entry(cure.id).end == "done"


def test_a_change_without_an_end_was_cut_off(journal: Journal) -> None:
    journal.begin("done", PLAN, undoable=False).end("done")
    first = journal.begin("first", PLAN, undoable=False)
    first.began(0)
    second = journal.begin("second", PLAN, undoable=False)
    assert journal.cut_off() == ()
    first.let_go()
    second.let_go()

    assert [(entry.title, entry.begun) for entry in journal.cut_off()] == [
        ("second", 0),
        ("first", 1),
    ]
    with journal.taken_over(second.id) as held:
        assert held is not None
        held.end("recovered")
    assert [entry.title for entry in journal.cut_off()] == ["first"]


def test_to_find_what_was_cut_off_nothing_else_is_read(journal: Journal, directory: Path) -> None:
    (directory / "20260101T000000000000-0000.done").mkdir(parents=True)
    cut_off = journal.begin("apply", PLAN, undoable=False)
    cut_off.let_go()

    assert [entry.id for entry in journal.cut_off()] == [cut_off.id]


@pytest.mark.parametrize("kept", [1, 5, 9])
def test_a_line_that_was_cut_off_did_not_happen(
    journal: Journal, directory: Path, kept: int
) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)
    begun.began(0)
    path = directory / f"{begun.id}.open"
    begun.let_go()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"began": 1}\n'[:kept])

    (found,) = journal.cut_off()
    assert (found.begun, found.plan) == (1, PLAN)


@pytest.mark.parametrize("text", [b"", b'{"id": "x", "st', b"\0\0\0\0"])
def test_a_change_whose_first_line_was_cut_off_did_nothing(
    journal: Journal, directory: Path, text: bytes
) -> None:
    whole = journal.begin("apply", PLAN, undoable=False)
    whole.let_go()
    (directory / "20260101T000000000000-0000.open").write_bytes(text)

    assert [entry.id for entry in journal.entries()] == [whole.id]
    assert [entry.id for entry in journal.cut_off()] == [whole.id]


def _line(**changed: object) -> bytes:
    head = {
        **{"id": "x", "at": "2026-01-01T00:00:00+00:00", "title": "apply", "undoable": False},
        **{"version": "9.9.9", "steps": [{"step": "SetSysctl", "key": "a", "value": "1"}]},
    }
    return f"{json.dumps({**head, **changed})}\n".encode()


def _step(**changed: object) -> bytes:
    step = {"step": "SetSysctl", "key": "a", "value": "1", "former": "0"}
    return _line(steps=[{**step, **changed}])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[]\n", "no JSON object"),
        (b"7\n", "no JSON object"),
        (b"\xff\n", "no JSON object"),
        (b"[" * 100_000 + b"\n", "no JSON object"),
        (b"{}\n", "says no steps"),
        (_line(), "its step SetSysctl makes no sense here: required field missing @ $.former; "),
        (_line(steps=[7]), "no JSON object"),
        (_line(steps={}), "says no steps"),
        (_line(title=7), "says no title"),
        (_line(at="yesterday"), "says no time but 'yesterday'"),
        (_line(steps=[{"step": "Warp"}]), "has a step 'Warp', which is not known here; netconsole"),
        (_step(factor="9"), "extra fields found (factor) @ $; netconsole 9.9.9 wrote it"),
        (_step(value=["1"]), "invalid value for type, expected str @ $.value"),
        (_step(step="SetLink", name="a", attribute="colour"), "colour is none of "),
    ],
)
def test_a_change_that_makes_no_sense_is_told_by_file_reason_and_what_to_do(
    journal: Journal, directory: Path, text: bytes, reason: str
) -> None:
    """The others are read all the same, and one that is over is in nobody's way."""
    whole = journal.begin("apply", PLAN, undoable=False)
    whole.end("done")
    path = directory / "20260101T000000000000-0000.open"
    path.write_bytes(text)

    assert [entry.id for entry in journal.entries()] == [whole.id, path.stem]
    (found,) = journal.cut_off()
    assert found.unread.startswith(f"journal {path}: ")
    assert reason in found.unread
    assert "take it back with the netconsole that wrote it" in found.unread
    assert "\n" not in found.unread
    path.rename(path.with_suffix(".done"))
    assert journal.cut_off() == ()
    assert "it is over" in list(journal.entries())[1].unread


@pytest.mark.parametrize("kind", ["directory", "link", "fifo", "huge"])
def test_what_is_no_file_of_ours_holds_nobody_up(
    journal: Journal, directory: Path, kind: str
) -> None:
    directory.mkdir(parents=True)
    path = directory / "20260101T000000000000-0000.open"
    match kind:
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to("/etc/passwd")
        case "fifo":
            os.mkfifo(path)
        case _:
            path.touch()
            os.truncate(path, 1 << 40)

    (found,) = journal.cut_off()
    assert found.unread.startswith(f"journal {path}: it ")


def test_an_entry_of_an_older_version_is_read(journal: Journal, directory: Path) -> None:
    directory.mkdir(parents=True)
    lines = (
        '{"id": "20260101T000000000000-0000", "at": "2026-01-01T00:00:00+00:00", "title": "apply", '
        '"undoable": false, "steps": [{"step": "SetSysctl", "key": "net.ipv4.ip_forward", '
        '"value": "1", "former": "0"}]}',
        '{"began": 0}',
        '{"done": 0}',
    )
    (directory / "20260101T000000000000-0000.open").write_text("\n".join((*lines, "")))

    (found,) = journal.cut_off()
    assert (found.title, found.begun, found.taken, found.boot) == ("apply", 1, 1, "")
    assert found.plan == Plan(PLAN.steps[:1])


def test_who_is_at_a_change_is_waited_for(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has become of the host's lock."""
    monkeypatch.setattr(journal_module, "WAIT_SECONDS", 0.05)
    begun = journal.begin("apply", PLAN, undoable=False)

    with (
        pytest.raises(Conflict, match=f"process {os.getpid()}, apply, has been changing"),
        journal.taken_over(begun.id),
    ):
        pass
    begun.end("done")
    with journal.taken_over(begun.id) as taken:
        assert taken is None


def test_a_file_that_is_removed_meanwhile_is_missed(journal: Journal, directory: Path) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)
    (directory / f"{begun.id}.open").unlink()

    with pytest.raises(Unavailable, match="removed while the change was under way"):
        begun.began(0)


def test_why_a_change_failed_is_told(journal: Journal) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)
    begun.began(0)
    begun.end("failed", "no such interface")

    (found,) = journal.entries()
    assert (found.end, found.because) == ("failed", "no such interface")


def test_the_newest_comes_first_however_fast_they_come(journal: Journal) -> None:
    ids = [journal.begin("apply", Plan(), undoable=False).id for _ in range(200)]

    assert len(set(ids)) == 200
    assert [entry.id for entry in journal.entries()] == ids[::-1]


def test_old_changes_are_forgotten_but_none_that_was_cut_off(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "KEPT", 3)
    cut_off = journal.begin("cut off", PLAN, undoable=False)
    cut_off.let_go()
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
    full = os.open("/dev/full", os.O_WRONLY)
    entry = OpenEntry("x", Path("/dev/full"), full)
    with pytest.raises(Unavailable, match="No space left on device"):
        entry.began(0)
    entry.let_go()


def test_others_cannot_read_what_was_done(journal: Journal, directory: Path) -> None:
    begun = journal.begin("apply", PLAN, undoable=False)

    assert (directory / f"{begun.id}.open").stat().st_mode & 0o007 == 0


def test_a_title_stays_on_its_line(journal: Journal, directory: Path) -> None:
    begun = journal.begin('network create "\n{"end": "done"}\n', PLAN, undoable=False)

    assert journal.entry(begun.id).end is None
    lines = (directory / f"{begun.id}.open").read_text().splitlines()
    assert [set(json.loads(line)) >= {"title"} for line in lines] == [True]
