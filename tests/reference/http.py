"""The HTTP API: every call of the OpenAPI document, and the shapes it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ordo.http.openapi import build
from ordo.http.route import Route
from ordo.http.routes import ROUTES
from tests.reference.words import code, prose, table

INTRODUCTION = """# HTTP API

Every call, from the table that the server and its OpenAPI document
(`GET /openapi.json`) are made of. `Authorization: Bearer TOKEN` goes with all but
those of scope `none`; `read` < `trade` < `admin`. Every JSON answer is an
[Envelope](#envelope); *answers* says what its `data` holds. Prices are JSON numbers
with at most four decimals, quantities are units, times are RFC 3339 in UTC. Codes
are under [errors](errors.md).
"""


def page() -> str:
    """The page."""
    document = build(ROUTES)
    rows = [
        (
            f"[`{route.method} {route.path}`](#{anchor(route)})",
            route.scope,
            route.summary,
        )
        for route in ROUTES
    ]
    parts = [INTRODUCTION, table(("call", "scope", "does"), rows)]
    parts += [_call(route, document) for route in ROUTES]
    parts.append("# Shapes")
    schemas = document["components"]["schemas"]
    parts += [_shape(name, schemas[name]) for name in sorted(schemas)]
    return "\n\n".join(parts)


def anchor(route: Route) -> str:
    """Of the call's section."""
    operation = build(ROUTES)["paths"][route.path][route.method.lower()]
    return str(operation["operationId"]).replace("_", "-")


def _call(route: Route, document: dict[str, Any]) -> str:
    operation = document["paths"][route.path][route.method.lower()]
    title = anchor(route).replace("-", " ")
    parts = [
        f"## {title}",
        code(f"{route.method} {route.path}") + f", scope {route.scope}",
    ]
    parts.append(prose(operation["description"]))
    if operation["parameters"]:
        rows = [
            (code(one["name"]), one["in"], "yes" if one["required"] else "")
            for one in operation["parameters"]
        ]
        parts.append(table(("parameter", "in", "needed"), rows))
    if route.body is not None:
        parts.append(f"Body: {_link(route.body.__name__)}")
    parts.append(f"Answers: {_answers(route, operation)}")
    return "\n\n".join(parts)


def _answers(route: Route, operation: dict[str, Any]) -> str:
    if route.page:
        what = "a page"
    elif route.events:
        what = f"a stream of {_link('StreamEvent')}"
    elif route.text:
        what = "plain text"
    elif isinstance(route.data, tuple):
        plural, kind = route.data
        rows = f"`{plural}`, each a {kind.__name__} with its `broker`"
        what = f"{rows}: " + ", ".join(map(code, kind.__struct_fields__))
    elif route.data is None:
        what = "the document"
    else:
        what = _link(route.data.__name__)
    errors = [
        f"{status} {words}"
        for status, one in operation["responses"].items()
        if (words := one["description"]) and status not in ("200",)
    ]
    return f"{what}. Else: {'; '.join(errors)}." if errors else f"{what}."


def _shape(name: str, schema: dict[str, Any]) -> str:
    parts = [f"## {name}", prose(schema.get("description"))]
    if "enum" in schema:
        parts.append("One of " + ", ".join(code(str(one)) for one in schema["enum"]))
    rows = list(_fields(schema))
    if rows:
        parts.append(table(("field", "type", "needed", "default"), rows))
    return "\n\n".join(part for part in parts if part)


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    needed = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        default = inner.get("default")
        shown = "" if default in (None, [], {}) else code(str(default))
        yield code(name), kind_of(inner), "yes" if name in needed else "", shown


def kind_of(schema: dict[str, Any]) -> str:
    """A schema in one line."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    for options in ("anyOf", "oneOf"):
        if options in schema:
            return " or ".join(dict.fromkeys(map(kind_of, schema[options])))
    if "enum" in schema:
        return " or ".join(code(str(one)) for one in schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    kind = schema.get("type", "anything")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", ">="),
            ("exclusiveMinimum", ">"),
            ("maximum", "<="),
            ("maxLength", "length <="),
            ("maxItems", "at most"),
        )
        if key in schema
    ]
    form = schema.get("format") or schema.get("pattern")
    if form:
        bounds.append(code(form))
    return f"{text} ({', '.join(bounds)})" if bounds else text


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
