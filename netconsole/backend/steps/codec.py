"""JSON as our values: what the journal, marks, the store and evidence files hold. Pure.

The way there is `model/codec.py`.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from netconsole.backend.model.errors import LONGEST_SHOWN
from netconsole.backend.model.text import visible
from netconsole.backend.steps import STEPS
from netconsole.backend.steps.step import Step

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


class Undecodable(ValueError):
    """A value of JSON is not what was to be made of it; the message says where and why."""


class _NoneOfThem(ValueError):
    """A value is none of those that it may be."""


def structure(kind: type[T], value: object) -> T:
    """Make a value of ours of what JSON holds; raises Undecodable.

    Texts, numbers and truth values are what they are in JSON, and nothing is left over.
    """
    # Loading cattrs takes longer than most changes do, and most read nothing back.
    from cattrs import transform_error
    from cattrs.errors import BaseValidationError
    from cattrs.v import format_exception

    def worded(error: BaseException, of: type | None) -> str:
        return str(error) if isinstance(error, _NoneOfThem) else format_exception(error, of)

    try:
        return _converter().structure(value, kind)
    except RecursionError:
        raise Undecodable("is nested too deep") from None
    except BaseValidationError as error:
        reason = transform_error(error, format_exception=worded)[0]
        raise Undecodable(visible(reason[:LONGEST_SHOWN])) from error
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise Undecodable(visible(str(error)[:LONGEST_SHOWN])) from error


@cache
def _converter() -> "Converter":
    from cattrs.preconf.json import make_converter

    converter = make_converter(forbid_extra_keys=True)
    for kind, holds in _PRIMITIVES.items():
        converter.register_structure_hook(kind, partial(_as_it_is, kind, holds))

    def structure_step(told: object, _: type[Step]) -> Step:
        if not isinstance(told, dict) or told.get(Step.KIND_KEY) not in STEPS:
            raise ValueError("is no step that is known here")
        rest = {name: value for name, value in told.items() if name != Step.KIND_KEY}
        return converter.structure(rest, STEPS[told[Step.KIND_KEY]])

    converter.register_structure_hook_func(lambda kind: kind is Step, structure_step)
    converter.register_structure_hook_func(_is_literal, _one_of)
    return converter


def _as_it_is(kind: type, holds: Callable[[object], bool], value: object, _: type) -> object:
    if not holds(value):
        raise ValueError(f"is no {kind.__name__}")
    return kind(value)


def _is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def _one_of(value: object, kind: object) -> object:
    allowed = get_args(kind)
    if not any(type(each) is type(value) and each == value for each in allowed):
        raise _NoneOfThem(f"{value} is none of {', '.join(map(str, allowed))}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    """Whether it is a whole number, also as the name of an object's value, which is a text."""
    if isinstance(value, str):
        return value.removeprefix("-").isdecimal() and value.isascii()
    return isinstance(value, int) and not isinstance(value, bool)


_PRIMITIVES: Mapping[type, Callable[[object], bool]] = {
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    int: _is_whole,
    float: _is_number,
}
