"""Holds a JSON answer to the OpenAPI document: the part of JSON Schema that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ordo.http.openapi import build
from ordo.http.routes import ROUTES

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def operation(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a call; None where it has no such path or method."""
    paths = build(ROUTES)["paths"]
    if path in paths:  # goes before one with named parts that fits too
        return paths[path].get(method.lower())
    for template, methods in paths.items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
            return methods.get(method.lower())
    return None


def problems(
    method: str, path: str, status: int, headers: Mapping[str, str], answer: Any
) -> list[str]:
    """All that is not as declared."""
    found = operation(method, path)
    if found is None:
        return [] if status in (404, 405) else [f"{status} of what is not declared"]
    if str(status) not in found["responses"]:
        return [f"{status} is not declared for {method} {path}"]
    response = found["responses"][str(status)]
    wrong = [
        f"{name} is not declared for {status}"
        for name in build(ROUTES)["components"]["headers"]
        if name in headers and name not in response["headers"]
    ]
    schema = response["content"]["application/json"]["schema"]
    return wrong + list(mismatches(answer, schema, "$"))


def mismatches(value: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Where *value* is not what *schema* says."""
    if "$ref" in schema:
        schema = resolve(schema["$ref"])
    for part in schema.get("allOf", ()):
        yield from mismatches(value, part, path)
    if "anyOf" in schema:
        each = [list(mismatches(value, part, path)) for part in schema["anyOf"]]
        if all(each):
            yield f"{path}: none of {len(each)} fits: {each[0][0]}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_a(value, kind) for kind in kinds):
        yield f"{path}: wanted {kinds}, found {value!r}"
    elif isinstance(value, dict):
        yield from of_object(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from mismatches(item, schema.get("items", {}), f"{path}[{index}]")


def of_object(
    value: dict[str, Any], schema: Mapping[str, Any], path: str
) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}: {name} is missing"
    known = schema.get("properties", {})
    for name, inner in value.items():
        if name in known:
            yield from mismatches(inner, known[name], f"{path}.{name}")
        elif known and "title" in schema:
            yield f"{path}: {name} is not declared"


def is_a(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        number = isinstance(value, int) or (
            kind == "number" and isinstance(value, float)
        )
        return number and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def resolve(ref: str) -> Any:
    """What a reference points at.

    Raises:
        KeyError: at nothing.
    """
    found = build(ROUTES)
    for part in ref.removeprefix("#/").split("/"):
        found = found[part]
    return found
