"""Reads kernel settings, those of the reader's own network namespace (proc_sys(5), sysctl(8))."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from netconsole.backend.model import kernel_settings
from netconsole.backend.model.text import decoded
from netconsole.backend.system import files

PROC_SYS: Final = Path("/proc/sys")
_LONGEST: Final = 4096


def path(key: str) -> Path:
    """Return where a setting is: dots part the names, unless a slash does (sysctl(8))."""
    return PROC_SYS / kernel_settings.path_of(key)


def read(key: str) -> str | None:
    """Return a setting's value, its numbers one space apart, or None where this kernel does not
    have it."""
    try:
        return _told(files.read_text(path(key)))
    except FileNotFoundError:
        return None


def observe(keys: Iterable[str]) -> dict[str, str]:
    """Return the values of those settings that this kernel has, by name.

    A key with a `*` is a pattern, as of `matching`.
    """
    found: dict[str, str] = {}
    for key in keys:
        if "*" in key:
            found.update((kernel_settings.name_of(each), value) for each, value in matching(key))
        elif (value := read(key)) is not None:
            found[key] = value
    return found


def matching(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the settings of a pattern: paths under /proc/sys, and values.

    `*` and `?` stand in one part of it. Read bare, as there may be thousands; one that may not be
    read, or is of an interface that has just gone, is left out.
    """
    for place in _places("", pattern.split("/")):
        with suppress(OSError):
            yield place, _bare(PROC_SYS / place)


def _places(above: str, parts: list[str]) -> Iterator[str]:
    """Yield what a pattern may mean; no name that cannot be printed, as no store or journal may
    hold one."""
    at = next((number for number, part in enumerate(parts) if "*" in part or "?" in part), None)
    if at is None:
        yield "/".join((above, *parts) if above else parts)
        return
    directory = "/".join((above, *parts[:at]) if above else parts[:at])
    try:
        names = sorted(os.listdir(PROC_SYS / directory))  # noqa: PTH208  half the time of Path's
    except OSError:
        return
    for name in names:
        if name.isprintable() and fnmatchcase(name, parts[at]):
            here = f"{directory}/{name}"
            yield from _places(here, parts[at + 1 :]) if parts[at + 1 :] else (here,)


def _bare(file: Path) -> str:
    handle = os.open(file, os.O_RDONLY)
    try:
        return _told(decoded(os.read(handle, _LONGEST)))
    finally:
        os.close(handle)


def _told(text: str) -> str:
    """The kernel parts numbers by tabs; sysctl(8) and the files of admins, by spaces."""
    return text.strip().replace("\t", " ")
