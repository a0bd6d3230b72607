"""What nft says of that part of the guards which all ports share, for one form in the kernel.

nft is slow to say it where there are many ports, and it is the same for as long as the kernel tells
the same of it. So what it said is kept beside the mark, with the form for which that is true.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from netconsole.backend.host import mark
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.guards import GuardKind, GuardObject, GuardTable
from netconsole.backend.system import files

_MOST_BYTES: Final = 2**20
_KINDS: Final[Mapping[str, GuardKind]] = {
    "table": "table",
    "counter": "counter",
    "set": "set",
    "chain": "chain",
}


def read(form: str) -> GuardTable | None:
    """Return the shared part of a table of that form; None where it is not known."""
    try:
        found: object = json.loads(files.read(mark.path_of("guards"), _MOST_BYTES))
    except (OSError, ValueError):
        return None  # nft says it once more
    match found:
        case {"form": known, "shared": list(shared)} if known == form:
            return frozenset(_objects(shared))
    return None


def write(form: str, shared: GuardTable) -> None:
    """Note what nft says of a form. Raises Unavailable."""
    mark.prepare()
    path = mark.path_of("guards")
    told = {"form": form, "shared": [[e.kind, e.name, *e.lines] for e in sorted(shared)]}
    try:
        files.write(path, as_line(told), 0o644)
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from error


def _objects(told: list[object]) -> Iterator[GuardObject]:
    for each in told:
        match each:
            case [str(kind), str(name), *lines] if kind in _KINDS:
                yield GuardObject(_KINDS[kind], name, tuple(map(str, lines)))
