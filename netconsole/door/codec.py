"""Codec: changes and plans as JSON, and strictly back again: whoever sends them may be hostile."""

import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin

from netconsole.backend import changes
from netconsole.backend.changes import Change
from netconsole.backend.model.codec import as_line, record
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.text import decoded
from netconsole.backend.steps import Plan
from netconsole.backend.steps.codec import Undecodable, structure
from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait
from netconsole.door.captured import AskedCapture
from netconsole.door.inquiry import Inquiry

RULE = "must be JSON as the agent's OpenAPI document has it"


@cache
def change_types() -> Mapping[str, type[Change[Any]]]:
    """Return every changing verb there is, by the name of its class; all their modules are
    imported."""
    for module in pkgutil.iter_modules(changes.__path__):
        importlib.import_module(f"{changes.__name__}.{module.name}")
    found: dict[str, type[Change[Any]]] = {}
    waiting: list[type[Change[Any]]] = list(Change.__subclasses__())
    while waiting:
        kind = waiting.pop()
        if vars(sys.modules[kind.__module__]).get(kind.__name__) is kind:
            found[kind.__name__] = kind  # another is what it was before it had slots
        waiting += kind.__subclasses__()
    return dict(sorted(found.items()))


def told_change(change: Change[Any]) -> dict[str, object]:
    """Return a change as it is sent: the name of its class, and its arguments."""
    return {"change": type(change).__name__, "arguments": record(change, inner=True)}


def change_of(name: object, arguments: object) -> Change[Any]:
    """Make a change of what was sent. Raises InvalidValue."""
    kind = change_types().get(name) if isinstance(name, str) else None
    if kind is None:
        raise InvalidValue("change", name, "is no change that is known here (GET /v1/openapi.json)")
    change: Change[Any] = _structured(kind, arguments, str(name))
    return change


def plan_of(told: object) -> Plan:
    """Make a plan of what was sent. Raises InvalidValue."""
    plan: Plan = _structured(Plan, told, "agreed")
    return plan


def inquiry_of(told: object) -> Inquiry:
    """Make of what was sent which evidence is asked for. Raises InvalidValue."""
    inquiry: Inquiry = _structured(Inquiry, told, "evidence")
    return inquiry


def capture_of(told: object) -> AskedCapture:
    """Make of what was sent what is to be captured. Raises InvalidValue."""
    asked: AskedCapture = _structured(AskedCapture, told, "capture")
    return asked


def trace_of(told: object) -> AskedTrace:
    """Make of what was sent what is to be traced. Raises InvalidValue."""
    asked: AskedTrace = _structured(AskedTrace, told, "trace")
    return asked


def wait_of(told: object) -> AskedWait:
    """Make of what was sent which packets are waited for. Raises InvalidValue."""
    asked: AskedWait = _structured(AskedWait, told, "wait")
    return asked


def _structured(kind: type[Any], told: object, what: str) -> Any:
    try:
        value = structure(kind, told)
    except Undecodable as error:
        raise InvalidValue(what, str(error), RULE) from None
    _refuse_converted(json.loads(as_line(value)), told, what)
    return value


def _refuse_converted(is_now: object, told: object, what: str) -> None:
    """A journal's reader takes a text for a number or a list of letters, where it is wanted."""
    if isinstance(told, dict) and isinstance(is_now, dict):
        for name, each in told.items():
            _refuse_converted(is_now.get(name), each, f"{what}: {name}")
    elif isinstance(told, list) and isinstance(is_now, list):
        for before, each in zip(is_now, told, strict=False):
            _refuse_converted(before, each, what)
    elif type(is_now) is not type(told) and not isinstance(is_now, float):
        raise InvalidValue(what, told, RULE)


def result_type(change: type[Change[Any]]) -> object:
    """Return the type of what a change answers."""
    for base in getattr(change, "__orig_bases__", ()):
        if get_origin(base) is Change:
            return get_args(base)[0]
    parents = (each for each in change.__mro__[1:] if issubclass(each, Change))
    return result_type(next(parents))


def document_of(body: bytes) -> dict[str, object]:
    """Read the JSON object of a request. Raises InvalidValue."""
    try:
        text = decoded(body)
        text.encode()
        told = json.loads(text, parse_constant=_no_number, parse_int=_whole)
        json.dumps(told, ensure_ascii=False).encode()  # no half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise InvalidValue("request", f"{error}"[:80], "must be a JSON object in UTF-8") from None
    if not isinstance(told, dict):
        raise InvalidValue("request", type(told).__name__, "must be a JSON object in UTF-8")
    return told


def _no_number(word: str) -> object:
    raise ValueError(f"{word} is no number of JSON")


def _whole(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else 1 << 63
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("a number is larger than any that means something here")
    return number
