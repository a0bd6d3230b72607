"""Who does which step, and that a step of several parts happens whole or not at all."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from netconsole.backend.host.doers import do, perform
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.steps import STEPS, AddDhcpHosts, RemoveDhcpHosts, RetireDhcpHosts, Step
from netconsole.backend.system import files


@pytest.mark.parametrize("kind", STEPS.values(), ids=STEPS.keys())
def test_every_step_has_a_doer(kind: type[Step]) -> None:
    assert do.dispatch(kind) is not do.dispatch(Step)


def test_a_step_that_says_nothing_of_what_it_does_cannot_be_made() -> None:
    @dataclass(frozen=True, slots=True)
    class Idle(Step):
        pass

    with pytest.raises(TypeError):
        Idle()  # type: ignore[abstract]  # that is the point


def entries(directory: Path, count: int = 3) -> tuple[tuple[str, str], ...]:
    return tuple((str(directory / f"fa-16-3e-00-00-0{n}"), f"host {n}\n") for n in range(count))


def texts(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_hosts_of_which_one_cannot_be_written_are_not_written_at_all(tmp_path: Path) -> None:
    first, second, third = entries(tmp_path)
    Path(first[0]).write_text("as it was\n")
    Path(third[0]).mkdir()
    third_file = Path(third[0]) / "admin's"
    third_file.write_text("left alone\n")
    with pytest.raises(Exception, match=third[0]):
        perform(AddDhcpHosts("", (first, second, third)))
    third_file.unlink()
    Path(third[0]).rmdir()
    assert texts(tmp_path) == {Path(first[0]).name: "as it was\n"}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_file_that_cannot_take_its_place_leaves_the_others_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    written = entries(tmp_path)
    Path(written[0][0]).write_text("as it was\n")
    replace = Path.replace

    def refuse(self: Path, target: str | Path) -> Path:
        if str(target) == written[at][0] and self.read_text().startswith("host"):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(self), None, str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StepFailed) as caught:
        perform(RetireDhcpHosts("", written, written))
    assert str(caught.value) == f"{written[at][0]}: Operation not permitted"
    assert texts(tmp_path) == {Path(written[0][0]).name: "as it was\n"}


def test_hosts_of_which_one_cannot_be_removed_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = entries(tmp_path)
    files.write_all(written, 0o644)
    rename = Path.rename

    def refuse(self: Path, target: str | Path) -> Path:
        if str(self) == written[2][0]:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(self), None, str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StepFailed, match="fa-16-3e-00-00-02: Operation not permitted"):
        perform(RemoveDhcpHosts("", written))
    assert texts(tmp_path) == {Path(path).name: text for path, text in written}
