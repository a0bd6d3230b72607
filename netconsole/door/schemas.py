"""Schemas: our types as JSON Schema has them (draft 2020-12), by their annotations."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from netconsole.backend.steps import STEPS
from netconsole.backend.steps.step import Step

Schema = dict[str, Any]

_PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    NoneType: {"type": "null"},
    None: {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    object: {},
    Any: {},
}
_MANY = (tuple, frozenset, list, Iterable, Iterator)


class Schemas:
    """Makes schemas; classes are written once, under their names."""

    def __init__(self, *, strict: bool) -> None:
        """`strict`: of what is sent to an agent, which refuses what it does not know."""
        self.named: dict[str, Schema] = {}
        self._strict = strict
        self._suffix = "Request" if strict else ""

    def of(self, kind: Any) -> Schema:
        """Return the schema of a type."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        origin = get_origin(kind)
        if origin is Literal:
            return {"enum": list(get_args(kind))}
        if origin in (UnionType, Union):
            return {"anyOf": [self.of(each) for each in get_args(kind)]}
        if origin in _MANY:
            return self._several(origin, get_args(kind))
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(get_args(kind)[1])}
        if isinstance(kind, type):
            return self._of_class(kind)
        return {}

    def _several(self, origin: object, of: tuple[Any, ...]) -> Schema:
        if origin is tuple and Ellipsis not in of:
            items = [self.of(each) for each in of]
            size = {"minItems": len(items), "maxItems": len(items)}
            return {"type": "array", "prefixItems": items, **size}
        return {"type": "array", "items": self.of(of[0] if of else object)}

    def _of_class(self, kind: type[Any]) -> Schema:
        if issubclass(kind, Enum):
            return {"enum": [each.value for each in kind]}
        if issubclass(kind, tuple):
            return self._several(tuple, tuple(get_type_hints(kind).values()))
        if not is_dataclass(kind):
            return {}
        name = f"{kind.__name__}{self._suffix}"
        if name not in self.named:
            self.named[name] = {}
            self.named[name] = self._steps() if kind is Step else self._of_fields(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _steps(self) -> Schema:
        return {"oneOf": [self._of_class(kind) for kind in STEPS.values()]}

    def _of_fields(self, kind: type[Any]) -> Schema:
        hints = get_type_hints(kind)
        properties = {
            field.name: self.of(hints[field.name])
            for field in fields(kind)
            if field.init and "secret" not in field.metadata
        }
        needed = [field.name for field in fields(kind) if self._is_needed(field)]
        if issubclass(kind, Step):
            properties = {Step.KIND_KEY: {"const": kind.__name__}, **properties}
            needed.insert(0, Step.KIND_KEY)
        schema: Schema = {"type": "object", "properties": properties, "required": needed}
        if self._strict:
            schema["additionalProperties"] = False
        return schema

    def _is_needed(self, field: "Field[Any]") -> bool:
        """Whether it is always there; what is sent may lack what has a default."""
        if not field.init or not field.metadata.keys().isdisjoint(("inner", "secret")):
            return False
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        return not (self._strict and has_default)
