"""A fault to practise on: what it breaks, what a user notices, how it comes and how it goes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.lab.sandbox.commands import LabFailed, run
from netconsole.lab.sandbox.ground import HOME
from netconsole.lab.sandbox.members import pid_of

_BEFORE: Final = HOME / "before"
"""What faults have changed, as it was: one file a fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what it breaks, what a user notices, and how it comes and goes."""

    id: str
    breaks: str
    symptom: str
    is_broken: Callable[[Service], bool]
    break_it: Callable[[Service], None]
    """Raises Conflict where there is nothing to break. Called only where it is not broken."""
    mend_it: Callable[[Service], None]
    """Leaves everything as it was before; does nothing where nothing is broken."""

    def is_there(self, service: Service) -> bool:
        """Whether it is broken; where there is nothing that could be, it is not."""
        try:
            return self.is_broken(service)
        except Conflict:
            return False

    def break_once(self, service: Service) -> None:
        """Break it, unless it is broken; raises Conflict where there is nothing to break."""
        if not self.is_there(service):
            self.break_it(service)


def setting_fault(fault_id: str, breaks: str, symptom: str, settings: Mapping[str, str]) -> Fault:
    """Return a fault of kernel settings, by their paths under /proc/sys; mending puts them back."""

    def is_broken(service: Service) -> bool:
        return all(_setting(path) == value for path, value in settings.items())

    def break_it(service: Service) -> None:
        remember(fault_id, {path: _setting(path) for path in settings})
        for path, value in settings.items():
            _set(path, value)

    def mend_it(service: Service) -> None:
        for path, value in recall(fault_id).items():
            _set(path, value)

    return Fault(fault_id, breaks, symptom, is_broken, break_it, mend_it)


def command_fault(
    fault_id: str,
    breaks: str,
    symptom: str,
    is_broken: Callable[[Service], bool],
    broken_by: tuple[tuple[str, ...], ...],
    mended_by: tuple[tuple[str, ...], ...],
) -> Fault:
    """Return a fault that commands on the host break and mend."""

    def break_it(service: Service) -> None:
        for command in broken_by:
            run(*command)

    def mend_it(service: Service) -> None:
        if is_broken(service):
            for command in mended_by:
                run(*command)

    return Fault(fault_id, breaks, symptom, is_broken, break_it, mend_it)


def run_inside(member: str, *command: str) -> str:
    """Run a program in the network namespace of a member; raises LabFailed with its words."""
    return run("nsenter", "--target", str(pid_of(member)), "--net", *command)


def ends_well(*command: str) -> bool:
    """Return whether a command on the host does."""
    try:
        run(*command)
    except LabFailed:
        return False
    return True


def remember(fault_id: str, before: Mapping[str, str]) -> None:
    """Write down what a fault is about to change, unless that was done already."""
    file = _BEFORE / f"{fault_id}.json"
    if not file.exists():
        _BEFORE.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(dict(before)), encoding="utf-8")


def recall(fault_id: str) -> dict[str, str]:
    """Return what a fault has changed, as it was, and forget it; empty where it changed nothing."""
    file = _BEFORE / f"{fault_id}.json"
    if not file.exists():
        return {}
    before = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return {str(name): str(value) for name, value in before.items()}


def _setting(path: str) -> str:
    try:
        return Path("/proc/sys", path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Conflict(f"this kernel has no setting {path}") from error


def _set(path: str, value: str) -> None:
    Path("/proc/sys", path).write_text(value, encoding="utf-8")
