"""Names that were meant, where another was written. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is spelled most like this one; None where none is like it.

    Capitals, hyphens and underscores make no difference.
    """
    by_folded = {_folded(each): each for each in known}
    found = get_close_matches(_folded(name), by_folded, n=1)
    return by_folded[found[0]] if found else None


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
