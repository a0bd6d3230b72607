"""Evidence in a file: a snapshot as JSON, so that a ticket carries it and a test replays it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from netconsole import __version__
from netconsole.backend.model.codec import as_json
from netconsole.backend.model.errors import LONGEST_SHOWN, InvalidValue
from netconsole.backend.model.text import visible
from netconsole.backend.steps import Plan
from netconsole.backend.steps.codec import Undecodable, structure
from netconsole.backend.survey.survey import difference
from netconsole.diagnostics.collecting import COLLECTORS, PROBES
from netconsole.diagnostics.model.snapshot import Snapshot, Unread
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.backend import Backend

FORMAT = 4
"""Of the file; another one is refused."""

T = TypeVar("T")


def to_text(snapshot: Snapshot) -> str:
    """Return the file's text."""
    document = {
        "netconsole": __version__,
        "format": FORMAT,
        "taken": snapshot.taken,
        "target": snapshot.target,
        "parts": {
            kind.__name__: {"unread": part.because} if isinstance(part, Unread) else {"read": part}
            for kind, part in snapshot.parts.items()
        },
    }
    return f"{as_json(document, indent=1, inner=True)}\n"


def from_text(file: str, text: str) -> Snapshot:
    """Read the file's text; raises InvalidValue where it is not such a file."""
    with judging(file):
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise InvalidValue("evidence", file, f"is no evidence of format {FORMAT}")
        parts = {
            kind: _part(kind, document["parts"][kind.__name__])
            for kind in (*COLLECTORS, *PROBES)
            if kind.__name__ in document["parts"]
        }
        told = document["target"]
        target = None if told is None else structure(Target, told)
        return Snapshot(parts, target, datetime.fromisoformat(document["taken"]))


def planned(file: str, snapshot: Snapshot) -> Plan:
    """Make the plan again that led from the host as it was to what it should have been.

    Where a part of the host could not be read there was none. Raises InvalidValue for evidence
    that does not say what the two were.
    """
    host = snapshot.get(Backend)
    if host is None or host.comparison is None:
        raise InvalidValue("evidence", file, "does not say what the host held and should have held")
    with judging(file):
        observed = host.comparison.observed
        if observed.unreadable:
            return Plan()
        _, steps, _ = difference(observed, host.comparison.wanted)
        return steps


@contextmanager
def judging(file: str) -> Iterator[None]:
    """Judge evidence from a file, of which anyone may have written anything.

    Its parts have the right types, and any text in them: raises InvalidValue where that makes no
    sense to a check.
    """
    try:
        yield
    except Undecodable as error:
        raise _unreadable(file, str(error)) from error
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise _unreadable(file, f"{type(error).__name__}: {error}") from error
    except RecursionError as error:
        raise _unreadable(file, "is nested too deep") from error


def _unreadable(file: str, reason: str) -> InvalidValue:
    return InvalidValue("evidence", file, f"makes no sense: {visible(reason[:LONGEST_SHOWN])}")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each of whose keys stands once: of two, another reader may take the other."""
    told = dict(pairs)
    if len(told) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return told


def _part(kind: type[T], told: dict[str, Any]) -> T | Unread:
    if "unread" in told:
        return Unread(str(told["unread"]))
    return structure(kind, told["read"])
