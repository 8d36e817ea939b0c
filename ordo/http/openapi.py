"""The OpenAPI 3.1 document, made from the route table and the types."""

from __future__ import annotations

import functools
import re
from typing import Any

import msgspec

from ordo.http.call import Call
from ordo.http.envelope import STATUS_OF, BrokerResult, Envelope, Reply
from ordo.http.views import BatchView, LegResult, OrderView
from ordo.version import __version__


async def document(call: Call) -> Reply:
    """The document itself, outside of the envelope."""
    return Reply(data=msgspec.Raw(msgspec.json.encode(build())))


@functools.cache
def build() -> dict[str, Any]:
    """The whole document, as plain values."""
    from ordo.http.routes import ROUTES  # it names `document`, so it comes later

    bodies = {route.body for route in ROUTES if route.body is not None}
    kinds = [*sorted(bodies, key=lambda kind: kind.__name__)]
    shown = [Envelope, BrokerResult, LegResult, OrderView, BatchView]
    _, schemas = msgspec.json.schema_components(
        [*kinds, *shown], ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ordo",
            "version": __version__,
            "description": "One order API for many brokers.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {name: _decimals(schema) for name, schema in schemas.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z]+', '_', route.path)}",
        "summary": route.summary,
        "description": (route.handler.__doc__ or route.summary).strip(),
        "security": [] if route.scope == "none" else [{"bearer": [route.scope]}],
        "parameters": [
            _parameter(name, "path") for name in re.findall(r"{(\w+)}", route.path)
        ]
        + [_parameter(name, "query") for name in route.query],
        "responses": _responses(route),
    }
    if route.path == "/api/v1/orders" and route.method == "POST":
        operation["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            }
        )
    if route.body is not None:
        ref = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": ref}},
        }
    return operation


def _responses(route: Any) -> dict[str, Any]:
    """Success, and every global error with its codes."""
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}
    if route.path == "/openapi.json":
        answer = {"application/json": {"schema": {"type": "object"}}}
    responses: dict[str, Any] = {"200": {"description": "Done", "content": answer}}
    if route.scope == "trade":
        responses["202"] = {"description": "An outcome is open", "content": answer}
    for status in sorted(set(STATUS_OF.values())):
        codes = ", ".join(code for code, value in STATUS_OF.items() if value == status)
        error = {"schema": {"$ref": "#/components/schemas/Envelope"}}
        responses[str(status)] = {
            "description": codes,
            "content": {"application/json": error},
        }
    return responses


def _parameter(name: str, where: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "limit":
        schema = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    elif name == "since":
        schema = {"type": "string", "format": "date-time"}
    required = where == "path" or name == "symbols"
    return {"name": name, "in": where, "required": required, "schema": schema}


def _decimals(schema: Any) -> Any:
    """msgspec describes a decimal as text; this API speaks in numbers."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {"type": "number"}
        return {key: _decimals(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_decimals(value) for value in schema]
    return schema
