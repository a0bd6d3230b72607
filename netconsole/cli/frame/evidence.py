"""Evidence in a file that an argument names."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from netconsole.backend.model.errors import InvalidValue

if TYPE_CHECKING:
    from netconsole.diagnostics.model.snapshot import Snapshot


def evidence(file: str, rights: AbstractContextManager[None]) -> "Snapshot":
    """Read what `doctor --save` wrote, with these rights. Raises InvalidValue."""
    from netconsole.backend.system import files
    from netconsole.diagnostics.saved import from_text

    try:
        with rights:
            text = files.read_text(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidValue("evidence", file, str(reason)) from error
    return from_text(file, text)
