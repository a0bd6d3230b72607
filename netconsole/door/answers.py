"""Answers: values of ours, made of the JSON in which another process of ours told them.

Who answers is root, or the other end of an admin's own SSH session. So what is told is not judged
as a request is (`codec.py`): it is put in its place by the types alone, without loading cattrs,
which takes longer than most commands.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from netconsole.backend.model.errors import Unavailable

if TYPE_CHECKING:
    from netconsole.backend.steps.step import Step

_MANY: Mapping[object, type[Any]] = {
    tuple: tuple,
    frozenset: frozenset,
    list: list,
    Iterable: tuple,
    Iterator: tuple,
}


class Unintelligible(Unavailable):
    """An agent says what this version cannot make anything of."""


def value_of(kind: object, told: object) -> Any:
    """Make a value of a type of what was told. Raises Unintelligible."""
    try:
        return _value(kind, told)
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise Unintelligible(f"the agent answers what is not understood here: {reason}") from error


def _value(kind: Any, told: Any) -> Any:
    if kind in _PLAIN or isinstance(kind, TypeVar):
        return told
    origin = get_origin(kind)
    if origin in (UnionType, Union):
        return None if told is None else _value(_only(kind), told)
    if origin in _MANY:
        return _several(origin, get_args(kind), told)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        of, item = get_args(kind)
        return {_key(of, name): _value(item, each) for name, each in told.items()}
    if isinstance(kind, type):
        return _made(kind, told)
    return told


_PLAIN = frozenset({str, int, bool, float, object, Any, NoneType, None})


def _only(kind: object) -> object:
    """The one type of a union that is more than None; texts and numbers are what they are."""
    of = [each for each in get_args(kind) if each is not NoneType]
    return of[0] if len(of) == 1 else object


def _several(origin: object, of: tuple[Any, ...], told: list[Any]) -> Any:
    if origin is tuple and Ellipsis not in of:
        return tuple(_value(each, item) for each, item in zip(of, told, strict=True))
    item = of[0] if of else object
    if item in _PLAIN or get_origin(item) is Literal:
        return _MANY[origin](told)
    return _MANY[origin](_value(item, each) for each in told)


def _key(kind: object, name: str) -> object:
    return int(name) if kind is int else name


def _made(kind: type[Any], told: Any) -> Any:
    if issubclass(kind, Enum):
        return kind(told)
    if issubclass(kind, datetime):
        return datetime.fromisoformat(told)
    if "KIND_KEY" in vars(kind):
        return _step(kind.KIND_KEY, told)  # one of several kinds, which says which
    if issubclass(kind, tuple):
        return kind(*(_value(of, item) for of, item in zip(_named(kind), told, strict=True)))
    if not is_dataclass(kind):
        return told
    known = _fields(kind)
    # What a newer agent tells besides is for newer readers.
    return kind(**{name: _value(known[name], each) for name, each in told.items() if name in known})


def _step(key: str, told: dict[str, Any]) -> "Step":
    from netconsole.backend.steps import STEPS

    step: Step = _made(STEPS[told[key]], told)
    return step


@cache
def _named(kind: type[Any]) -> tuple[object, ...]:
    return tuple(get_type_hints(kind).values())


@cache
def _fields(kind: type[Any]) -> Mapping[str, object]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.init}
