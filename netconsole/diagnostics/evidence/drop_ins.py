"""Reads the files that set kernel settings at boot (sysctl.d(5))."""

from pathlib import Path

from netconsole.backend.system import files
from netconsole.backend.system.processes import SYSTEMD_BOOTED
from netconsole.diagnostics.parts.drop_ins import DIRECTORIES, OURS, DropIns, in_order, parse


def read_drop_ins() -> DropIns:
    """Read every file that counts, in order. A file that cannot be read raises OSError."""
    names = {directory: _names(directory) for directory in DIRECTORIES}
    texts = {path: _text(path) for path in in_order(names, by_systemd=SYSTEMD_BOOTED.is_dir())}
    assignments = (each for path, text in texts.items() for each in parse(path, text or ""))
    return DropIns(tuple(assignments), texts.get(OURS))


def _names(directory: str) -> list[str]:
    try:
        return [entry.name for entry in Path(directory).iterdir()]
    except FileNotFoundError:
        return []


def _text(path: str) -> str | None:
    """Return the text; a dangling link and a file that is gone set nothing."""
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return None
