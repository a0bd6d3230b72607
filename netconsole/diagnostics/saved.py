"""Evidence in a file: a snapshot as JSON, so that a ticket carries it and a test replays it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

from netconsole import __version__
from netconsole.backend.model.errors import LONGEST_SHOWN, InvalidValue
from netconsole.backend.model.text import as_json, visible
from netconsole.backend.steps import STEPS, Step
from netconsole.diagnostics.collecting import COLLECTORS, PROBES
from netconsole.diagnostics.model.snapshot import Snapshot, Unread
from netconsole.diagnostics.model.target import Target

FORMAT = 2
"""Of the file; another one is refused."""

T = TypeVar("T")


def to_text(snapshot: Snapshot) -> str:
    """Return the file's text."""
    converter = _converter()
    document = {
        "netconsole": __version__,
        "format": FORMAT,
        "taken": snapshot.taken.isoformat(),
        "target": converter.unstructure(snapshot.target, Target | None),
        "parts": {
            kind.__name__: {"unread": part.because}
            if isinstance(part, Unread)
            else {"read": converter.unstructure(part)}
            for kind, part in snapshot.parts.items()
        },
    }
    return f"{as_json(document, indent=1)}\n"


def from_text(file: str, text: str) -> Snapshot:
    """Read the file's text; raises InvalidValue where it is not such a file."""
    with judging(file):
        document = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise InvalidValue("evidence", file, f"is no evidence of format {FORMAT}")
        converter = _converter()
        parts = {
            kind: _part(converter, kind, document["parts"][kind.__name__])
            for kind in (*COLLECTORS, *PROBES)
            if kind.__name__ in document["parts"]
        }
        target = converter.structure(document["target"], Target | None)  # type: ignore[arg-type]  # a union is a form, not a type
        return Snapshot(parts, target, datetime.fromisoformat(document["taken"]))


@contextmanager
def judging(file: str) -> Iterator[None]:
    """Judge evidence from a file, of which anyone may have written anything.

    Its parts have the right types, and any text in them: raises InvalidValue where that makes no
    sense to a check.
    """
    try:
        yield
    except BaseValidationError as error:
        raise _unreadable(file, transform_error(error)[0]) from error
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


def _part(converter: Converter, kind: type[T], told: dict[str, Any]) -> T | Unread:
    if "unread" in told:
        return Unread(str(told["unread"]))
    return converter.structure(told["read"], kind)


@cache
def _converter() -> Converter:
    """A converter that knows steps, which are told apart by their names."""
    converter = make_converter()

    def unstructure_step(step: Step) -> dict[str, Any]:
        return {"step": type(step).__name__, **converter.unstructure(step, type(step))}

    def structure_step(told: dict[str, Any], _: type[Step]) -> Step:
        fields = {name: value for name, value in told.items() if name != "step"}
        return converter.structure(fields, STEPS[told["step"]])

    converter.register_unstructure_hook_func(lambda kind: kind is Step, unstructure_step)
    converter.register_structure_hook_func(lambda kind: kind is Step, structure_step)
    return converter
