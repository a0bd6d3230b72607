"""Kernel settings, read and written under /proc/sys (proc(5), sysctl(8))."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from netconsole.backend.model import kernel_settings
from netconsole.backend.model.errors import StepFailed, Unavailable
from netconsole.backend.model.text import decoded
from netconsole.backend.steps import SetSysctl
from netconsole.backend.system import files

PROC_SYS = Path("/proc/sys")

_IPV6_ROUTES = Path("/proc/net/ipv6_route")
_ADVERTISED = 0x0004_0000
"""RTF_ADDRCONF of linux/ipv6_route.h: the kernel learnt the route from an advertisement."""
_LONGEST = 4096


def path(key: str) -> Path:
    """Where a setting is: dots part the names, unless a slash does (sysctl(8))."""
    return PROC_SYS / kernel_settings.path_of(key)


def read(key: str) -> str | None:
    """A setting's value, or None where this kernel does not have it."""
    try:
        return files.read_text(path(key)).strip()
    except FileNotFoundError:
        return None


def observe(keys: Iterable[str]) -> dict[str, str]:
    """The values of those settings that this kernel has; a `*` stands for any one part."""
    found: dict[str, str] = {}
    for key in keys:
        if "*" in key:
            found.update(_matching(key))
        elif (value := read(key)) is not None:
            found[key] = value
    return found


def _matching(pattern: str) -> Iterator[tuple[str, str]]:
    """The settings of each interface: read bare, as there may be thousands."""
    directory, _, name = pattern.partition("/*/")
    with suppress(FileNotFoundError):
        for each in sorted(PROC_SYS.joinpath(directory).iterdir()):
            if not each.name.isprintable():
                continue  # no store or journal holds such a name
            with suppress(FileNotFoundError):  # it is gone meanwhile
                value = _bare(f"{each}/{name}")
                yield kernel_settings.name_of(f"{directory}/{each.name}/{name}"), value


def _bare(file: str) -> str:
    handle = os.open(file, os.O_RDONLY)
    try:
        return decoded(os.read(handle, _LONGEST)).strip()
    finally:
        os.close(handle)


def learners() -> tuple[str, ...]:
    """The interfaces on which the kernel has learnt routes from router advertisements."""
    try:
        lines = files.read_text(_IPV6_ROUTES).rstrip("\n").split("\n")
    except FileNotFoundError:
        return ()
    routes = (line.split(" ", maxsplit=9) for line in lines if line)
    return tuple(sorted({each[9].strip(" ") for each in routes if int(each[8], 16) & _ADVERTISED}))


def accepting(interfaces: Iterable[str]) -> dict[str, str]:
    """accept_ra of those of some interfaces that are there, by interface."""
    values = ((name, read(kernel_settings.accept_ra(name))) for name in interfaces)
    return {name: value for name, value in values if value is not None}


def change(step: SetSysctl) -> None:
    """Write a setting, if it still is as it was when the step was planned, and what goes along.

    An interface that is gone has taken its settings with it.
    """
    now = read(step.key)
    if now is None:
        raise Unavailable(f"sysctl {step.key}: this kernel does not have it")
    if now not in (step.former, step.value):
        raise StepFailed(f"sysctl {step.key} is {now}, no longer {step.former} as it was planned")
    write(step.key, step.value)
    try:
        _write_all(step.along)
    except OSError:
        with suppress(OSError):
            write(step.key, step.former)
            _write_all(step.former_along)
        raise


def _write_all(settings: Iterable[tuple[str, str]]) -> None:
    for key, value in settings:
        with suppress(FileNotFoundError):
            write(key, value)


def write(key: str, value: str) -> None:
    """Write a setting. Raises OSError."""
    path(key).write_text(f"{value}\n", encoding="ascii")
