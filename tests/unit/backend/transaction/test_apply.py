"""Applying a plan: all of it, or nothing of it, and what a killed process left is taken back.

The steps are those on files, which everyone may take.
"""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netconsole.backend.model.errors import NotVerified, PartlyDone, StepFailed, Unavailable
from netconsole.backend.steps import MakeDirectory, Plan, RemoveFile, SetSysctl, Step, WriteFile
from netconsole.backend.transaction import apply as apply_module
from netconsole.backend.transaction import journal as journal_module
from netconsole.backend.transaction.apply import apply, recover, undo, verify
from netconsole.backend.transaction.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(str(tmp_path / "journal"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    place.mkdir()
    (place / "old").write_text("before")
    return place


def _steps(place: Path) -> tuple[Step, ...]:
    return (
        MakeDirectory(f"{place}/hosts"),
        WriteFile(f"{place}/hosts/one", "1"),
        WriteFile(f"{place}/old", "after", former="before"),
    )


def _impossible(place: Path) -> Step:
    return WriteFile(f"{place}/old/below/a/file", "")


def _found(place: Path) -> dict[str, str]:
    return {
        str(path.relative_to(place)): path.read_text() if path.is_file() else "/"
        for path in sorted(place.rglob("*"))
    }


BEFORE = {"old": "before"}
AFTER = {"hosts": "/", "hosts/one": "1", "old": "after"}


def test_every_step_is_taken_and_written_down(journal: Journal, place: Path) -> None:
    applied = apply(Plan(_steps(place)), journal, "apply")
    assert journal.entry(applied.entry.id).end is None
    applied.keep()

    assert _found(place) == AFTER
    entry = journal.entry(applied.entry.id)
    assert (entry.title, entry.begun, entry.end) == ("apply", 3, "done")


def test_what_was_applied_can_be_taken_back(journal: Journal, place: Path) -> None:
    applied = apply(Plan(_steps(place)), journal, "apply")

    assert applied.take_back(StepFailed("not confirmed")) is None
    assert _found(place) == BEFORE
    assert journal.entry(applied.entry.id).end == "undone"


def test_a_step_that_fails_undoes_the_earlier_ones(journal: Journal, place: Path) -> None:
    plan = Plan((*_steps(place), _impossible(place), WriteFile(f"{place}/never", "")))

    with pytest.raises(StepFailed, match="below/a/file") as failed:
        apply(plan, journal, "apply")

    assert "not undone" not in str(failed.value)
    assert _found(place) == BEFORE
    (entry,) = journal.entries()
    assert (entry.begun, entry.end) == (4, "undone")


def fill_disk(monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    """Let the disk be full once so many lines of an entry were written."""
    written = 0
    append = journal_module._append

    def limited(handle: int, line: str) -> None:
        nonlocal written
        written += 1
        if written > lines:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(handle, line)

    monkeypatch.setattr(journal_module, "_append", limited)


@pytest.mark.parametrize("lines", range(7))
def test_a_journal_that_fills_its_disk_leaves_nothing_half_done(
    journal: Journal, place: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    fill_disk(monkeypatch, lines)

    with pytest.raises((StepFailed, Unavailable), match="No space left"):
        apply(Plan(_steps(place)), journal, "apply")

    assert _found(place) == BEFORE


KILLED = """
import os, signal, sys
from netconsole.backend.transaction import apply as module
from netconsole.backend.transaction.journal import Journal
from netconsole.backend.steps import MakeDirectory, Plan, WriteFile

place, journal, after, begun = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "begun"
take, taken = module.take, 0

def until_killed(run, maker):
    global taken
    if taken == after and begun:
        os.kill(os.getpid(), signal.SIGKILL)
    take(run, maker)
    taken += 1
    if taken > after:
        os.kill(os.getpid(), signal.SIGKILL)

module.take = until_killed
steps = (
    MakeDirectory(f"{place}/hosts"),
    WriteFile(f"{place}/hosts/one", "1"),
    WriteFile(f"{place}/old", "after", former="before"),
)
module.apply(Plan(steps), Journal(journal), "apply")
"""


@pytest.mark.parametrize("moment", ["begun", "taken"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_what_a_killed_process_left_is_taken_back(
    journal: Journal, tmp_path: Path, place: Path, after: int, moment: str
) -> None:
    argv = [sys.executable, "-c", KILLED, str(place), f"{tmp_path}/journal", str(after), moment]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    assert len(journal.cut_off()) == 1

    noted = []
    sentences = recover(journal, lambda entry, left: noted.append((entry.title, left)))
    assert sentences == ("apply: was left half done, taken back first",)
    assert noted == [("apply", ())]
    assert _found(place) == BEFORE
    assert journal.cut_off() == ()
    assert [entry.end for entry in journal.entries()] == ["recovered"]
    assert recover(journal, lambda entry, left: None) == ()


def test_what_cannot_be_undone_is_told_and_the_rest_undone(journal: Journal, place: Path) -> None:
    (place / "one").write_text("1")
    (place / "kept").mkdir()
    (place / "kept" / "file").write_text("of others")
    steps = (
        WriteFile(f"{place}/one", "1"),
        MakeDirectory(f"{place}/kept"),
        RemoveFile(f"{place}/two", "2"),
    )

    (complaint,) = undo(steps, journal.begin("apply", Plan(steps), undoable=False).handle)

    assert complaint.startswith(f"rmdir {place}/kept: ")
    assert _found(place) == {
        "kept": "/",
        "kept/file": "of others",
        "old": "before",
        "two": "2",
    }


def test_what_stays_after_an_interruption_is_told(
    journal: Journal, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (MakeDirectory(f"{place}/hosts"), RemoveFile(f"{place}/old", "before"))
    take = vars(apply_module)["take"]

    def interrupted(run: tuple[Step, ...], maker: int) -> None:
        if steps[1] in run:
            (place / "hosts" / "file").write_text("of others")
            raise KeyboardInterrupt
        take(run, maker)

    monkeypatch.setattr(apply_module, "take", interrupted)
    with pytest.raises(PartlyDone, match=f"not undone: rmdir {place}/hosts"):
        apply(Plan(steps), journal, "apply")
    (entry,) = journal.entries()
    assert entry.end == "failed"


def test_a_step_that_was_not_taken_is_not_undone(journal: Journal, place: Path) -> None:
    """Its way back would write what it believes was there."""
    untaken = WriteFile(f"{place}/new", "1", former="never was")

    for steps in (
        (_impossible(place), untaken),
        (MakeDirectory(f"{place}/hosts"), _impossible(place), untaken),
    ):
        with pytest.raises(StepFailed) as failed:
            apply(Plan(steps), journal, "apply")
        assert "not undone" not in str(failed.value)
        assert _found(place) == BEFORE


def test_a_setting_that_changed_meanwhile_is_left_alone(journal: Journal) -> None:
    now = Path("/proc/sys/kernel/ostype").read_text().strip()
    step = SetSysctl("kernel.ostype", "Plan 9", f"{now}!")

    with pytest.raises(StepFailed, match=f"is {now}, no longer {now}!"):
        apply(Plan((step,)), journal, "apply")


def test_verify_waits_until_nothing_is_left() -> None:
    left = [Plan((MakeDirectory("/x"),)), Plan((MakeDirectory("/x"),)), Plan()]

    verify(lambda: left.pop(0))
    assert left == []


def test_verify_names_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_module, "VERIFY_SECONDS", 0.0)

    with pytest.raises(NotVerified, match="still to do: mkdir -p -m 0755 /x"):
        verify(lambda: Plan((MakeDirectory("/x"),)))
