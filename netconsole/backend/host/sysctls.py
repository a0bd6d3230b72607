"""Kernel settings, read and written under /proc/sys (proc(5), sysctl(8))."""

from collections.abc import Iterable
from pathlib import Path

from netconsole.backend.errors import StepFailed, Unavailable
from netconsole.backend.steps import SetSysctl

PROC_SYS = Path("/proc/sys")


def path(key: str) -> Path:
    """Where a setting is: dots part the names, unless a slash does (sysctl(8))."""
    first = next((mark for mark in key if mark in "./"), ".")
    parts = key.split("/") if first == "/" else [part.replace("/", ".") for part in key.split(".")]
    return PROC_SYS.joinpath(*parts)


def read(key: str) -> str | None:
    """A setting's value, or None where this kernel does not have it."""
    try:
        return path(key).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


def observe(keys: Iterable[str]) -> dict[str, str]:
    """The values of those settings that this kernel has."""
    values = {key: read(key) for key in keys}
    return {key: value for key, value in values.items() if value is not None}


def change(step: SetSysctl) -> None:
    """Write a setting, if it still is as it was when the step was planned."""
    now = read(step.key)
    if now is None:
        raise Unavailable(f"sysctl {step.key}: this kernel does not have it")
    if now not in (step.former, step.value):
        raise StepFailed(f"sysctl {step.key} is {now}, no longer {step.former} as it was planned")
    path(step.key).write_text(f"{step.value}\n", encoding="ascii")
