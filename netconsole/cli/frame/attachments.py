"""Files that a command sends along: read where it runs, whoever carries the change out."""

import sys
from typing import TYPE_CHECKING

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.text import decoded, visible

if TYPE_CHECKING:
    from netconsole.backend.changes.attachment import Attachment
    from netconsole.cli.frame.context import Context

STDIN = "-"
LARGEST = 1 << 20
"""Bytes; nothing that is sent along may have as many."""


def attachment(context: "Context", what: str, path: str) -> "Attachment":
    """Read a file, or standard input for `-`, to be sent along. Raises InvalidValue."""
    from netconsole.backend.changes.attachment import attached

    return attached(visible(path), contents(context, what, path))


def contents(context: "Context", what: str, path: str) -> bytes:
    """Read a file, or standard input for `-`. Raises InvalidValue."""
    from netconsole.backend.system import files

    try:
        if path == STDIN:
            context.take_stdin(what)
            return _bounded(what)
        with context.rights():
            return files.read(path, LARGEST)
    except OSError as error:
        raise InvalidValue(what, path, f"cannot be read: {error.strerror}") from error


def _bounded(what: str) -> bytes:
    found = sys.stdin.buffer.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise InvalidValue(what, STDIN, f"has more than {LARGEST} bytes")
    return found


def first_line(content: bytes) -> str:
    """The first line of what a file holds, without its end: where a password stands."""
    lines = decoded(content).splitlines()
    return lines[0] if lines else ""
