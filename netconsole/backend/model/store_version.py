"""StoreVersion: a mark by which what was read of the store is known to be as it was. Pure."""

from typing import NamedTuple


class StoreVersion(NamedTuple):
    """Two that are equal saw the same data; nothing else is to be read from it."""

    opened: int
    """How often the database had to be opened anew."""
    data: int
    """SQLite's `PRAGMA data_version` of that connection."""
