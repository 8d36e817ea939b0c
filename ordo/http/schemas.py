"""From the code's own types to JSON schemas (2020-12, as OpenAPI 3.1 has them)."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

SCALARS: dict[Any, dict[str, str]] = {
    Decimal: {"type": "number"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    type(None): {"type": "null"},
}


def components(kinds: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    """The schemas of *kinds* and of all they hold, by name."""
    unique = list(dict.fromkeys(kinds))
    _, schemas = msgspec.json.schema_components(
        unique, ref_template="#/components/schemas/{name}"
    )
    return {name: _as_numbers(schema) for name, schema in schemas.items()}


def reference(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A reference to the schema of *kind*."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def row_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A row of the model as clients see it: with its broker."""
    return _object(kind, {"broker": {"type": "string"}})


def _object(kind: type[msgspec.Struct], first: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties = first | {name: _value(hint) for name, hint in hints.items()}
    return {
        "type": "object",
        "title": kind.__name__,
        "description": (kind.__doc__ or "").strip(),
        "properties": properties,
        "required": list(properties),
    }


def _value(hint: Any) -> dict[str, Any]:
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _object(typing.get_args(hint)[0], {})}
    if isinstance(hint, types.UnionType):
        options = [_value(one) for one in typing.get_args(hint)]
        return {
            "anyOf": [one for i, one in enumerate(options) if one not in options[:i]]
        }
    return SCALARS.get(hint, {"type": "string"})


def _as_numbers(schema: Any) -> Any:
    """msgspec describes a decimal as text; this API speaks in numbers."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {"type": "number"}
        plain = {key: _as_numbers(value) for key, value in schema.items()}
        if {"type": "number"} in plain.get("anyOf", ()) and "default" in plain:
            plain["default"] = _number(plain["default"])
        return plain
    if isinstance(schema, list):
        return [_as_numbers(value) for value in schema]
    return schema


def _number(default: Any) -> Any:
    return float(default) if isinstance(default, str) else default
