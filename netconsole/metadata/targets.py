"""Targets: the path that a request names, as it was written by whichever client. Pure."""

from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from netconsole.backend.model.text import decoded, encoded

MOST_NAMES = 64
"""That a path may consist of; none that leads anywhere has more than six."""


_USUAL: Final = 128
"""Characters of a target that is kept with its path."""


def path_of(target: str) -> tuple[str, ...] | None:
    """Return the names in a request's target, none of them empty, `.` or `..`; None for no path.

    A target is a path or a whole URL, each with a query or without (RFC 9112, section 3.2). Slashes
    too many count as one, those at the end as none, and `..` leads up, never above the root
    (RFC 3986, section 5.2.4), once what is escaped was put into its place.
    """
    return _known(target) if len(target) <= _USUAL else _taken_apart(target)


def _taken_apart(target: str) -> tuple[str, ...] | None:
    if not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in ("http", "https"):
            return None
        slash = rest.find("/")
        target = "/" if slash < 0 else rest[slash:]
    path = target.partition("?")[0].partition("#")[0]
    names: list[str] = []
    for name in decoded(unquote_to_bytes(encoded(path))).split("/"):
        if name == "..":
            del names[-1:]
        elif name not in ("", "."):
            names.append(name)
    return tuple(names) if len(names) <= MOST_NAMES else None


_known = lru_cache(maxsize=512)(_taken_apart)
"""Guests ask for some forty paths, again and again."""
