"""Our values as JSON: in the journal, the audit log, evidence files and `--json`. Pure.

A dataclass is an object of its fields, a tuple (a named one as well) a list, a set a sorted list,
a moment ISO 8601. The way back is `steps/codec.py`, which knows what kinds of steps there are.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import partial

from netconsole.backend.model.secret import Secret


def record(value: object, *, inner: bool = False) -> dict[str, object]:
    """Return a dataclass's fields by their names, in their order; inner ones only if asked for.

    Secret ones are never among them. A class with a KIND_KEY is one of several: it says its name
    under that key, before its fields.
    """
    if not is_dataclass(value):
        raise TypeError(f"a {type(value).__name__} has no fields")
    key: str | None = getattr(value, "KIND_KEY", None)
    told = {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if "secret" not in field.metadata and (inner or "inner" not in field.metadata)
    }
    return told if key is None else {key: type(value).__name__, **told}


def as_json(
    value: object, indent: int | None = None, *, in_ascii: bool = False, inner: bool = False
) -> str:
    r"""Return a JSON document in which what is not printable is written \u009b.

    With `inner` also what is between parts of ours, and promised to nobody.
    """
    default = partial(_plain, inner=inner)
    document = json.dumps(value, indent=indent, ensure_ascii=in_ascii, default=default)
    return "\n".join(map(_printable, document.split("\n")))


def as_line(value: object) -> str:
    """Return a value as one line of JSON, in ASCII, with its end."""
    return f"{json.dumps(value, default=partial(_plain, inner=True))}\n"


def _plain(value: object, *, inner: bool) -> object:
    """What json itself has no word for, one level deep."""
    match value:
        case Enum():
            return value.value
        case Secret():
            return str(value)
        case datetime():
            return value.isoformat()
        case _ if is_dataclass(value):  # most are; abstract classes take long to say they are not
            return record(value, inner=inner)
        case Mapping():
            return {str(key): item for key, item in value.items()}
        case frozenset() | set():
            return sorted(value)
        case Iterable():
            return list(value)
        case _:
            return record(value, inner=inner)


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)
