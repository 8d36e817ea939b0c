"""The OpenAPI 3.1 document, made from the route table and the types."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any

import msgspec

from ordo.http import events
from ordo.http.bodies import CloseBody
from ordo.http.envelope import BrokerResult, Envelope
from ordo.http.errors import STATUS_OF
from ordo.http.examples import Example, examples
from ordo.http.groups import GROUPS, group_of
from ordo.http.refusals import SOMETIMES, codes_of, places
from ordo.http.route import Route
from ordo.http.schemas import components, reference, row_schema
from ordo.http.squareoff import CancelView
from ordo.http.views import LegResult, OrderView
from ordo.version import __version__

ABOUT = (
    "One order API for many brokers. Every JSON answer is an envelope: `data` holds"
    " what was asked for, `results` what each broker said. A global error has an"
    " `error_code` and means that nothing was attempted."
)
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": (
        "A token of `ordo token new --scope SCOPE`. The scopes are read, trade and"
        " admin; each may do what the ones before it may."
    ),
}
HEADERS = {
    "X-Request-ID": "The caller's, if it sent a sane one; logs and audit name it.",
    "Server-Timing": "Milliseconds inside Ordo, and waiting for brokers.",
    "Retry-After": "Seconds.",
    "Idempotent-Replayed": "true where an earlier answer is given again.",
    "WWW-Authenticate": "How to authenticate.",
    "Location": "The running batch.",
}
ALWAYS = ("X-Request-ID", "Server-Timing")


@functools.cache
def build(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The whole document of these calls, as plain values."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    described = [route.body for route in routes if route.body]
    described += [route.data for route in routes if isinstance(route.data, type)]
    described.append(events.StreamEvent)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ordo",
            "version": __version__,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [
            {"name": name, "description": words} for name, words in GROUPS.items()
        ],
        "paths": paths,
        "components": {
            "schemas": components([Envelope, BrokerResult, LegResult, *described]),
            "headers": {
                name: {"description": words, "schema": {"type": "string"}}
                for name, words in HEADERS.items()
            },
            "examples": {
                code: {"summary": code, "value": envelope}
                for code, envelope in examples().errors.items()
            },
            "securitySchemes": {"bearer": BEARER},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parts = re.findall(r"{(\w+)}", route.path)
    shown = _example(route)
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [group_of(route.path)],
        "summary": route.summary,
        "description": inspect.cleandoc(route.handler.__doc__ or route.summary),
        "security": [] if route.scope == "none" else [{"bearer": [route.scope]}],
        "parameters": [_parameter(name, "path") for name in parts]
        + [_parameter(name, "query", route.needs) for name in route.query],
        "responses": _responses(route),
    }
    if places(route):
        operation["parameters"].append(_parameter("Idempotency-Key", "header"))
    if route.events:
        operation["parameters"].append(_parameter("Last-Event-ID", "header"))
    for parameter in operation["parameters"]:
        _show(parameter, shown)
    if route.body is not None:
        content: dict[str, Any] = {"schema": reference(route.body)}
        if shown is not None and shown.body is not None:
            content["example"] = shown.body
        operation["requestBody"] = {
            "required": _needs_body(route),
            "content": {"application/json": content},
        }
    return operation


def _example(route: Route) -> Example | None:
    return examples().calls.get(f"{route.method} {route.path}")


def _show(parameter: dict[str, Any], example: Example | None) -> None:
    text = None if example is None else example.parameters.get(parameter["name"])
    if text is not None:
        whole = parameter["schema"]["type"] == "integer"
        parameter["example"] = int(text) if whole else text


def _operation_id(route: Route) -> str:
    """Such as `get_orders_order_id`."""
    words = route.path.removeprefix("/api/v1")
    return route.method.lower() + re.sub(r"[^a-z]+", "_", words).rstrip("_")


def _needs_body(route: Route) -> bool:
    """A change of nothing is none; elsewhere a body may be empty if all in it may."""
    fields = msgspec.structs.fields(route.body) if route.body else ()
    return route.method == "PATCH" or any(field.required for field in fields)


def _responses(route: Route) -> dict[str, Any]:
    """Success, and every global error that the call can meet."""
    responses = _declared(route)
    if (shown := _example(route)) is not None:
        for media in responses[str(shown.status)]["content"].values():
            media["example"] = shown.answer
    return responses


def _declared(route: Route) -> dict[str, Any]:
    if route.page:
        return _page()
    if route.events:
        kind = reference(events.StreamEvent)
        answer = _response("Events", kind, (), "text/event-stream")
        return {"200": answer} | _errors(route)
    if route.text:
        text = _response("Text", {"type": "string"}, (), "text/plain")
        return {"200": text} | _errors(route)
    answer = {"type": "object"} if route.data is None else _answer(route)
    more = ("Idempotent-Replayed",) if places(route) else ()
    responses = {"200": _response("Done", answer, more)}
    if places(route) or route.method == "DELETE" or route.may_pend:
        responses["202"] = _response("An outcome is open", answer, more)
    return responses | _errors(route)


def _errors(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    by_status: dict[int, list[str]] = {}
    for code in codes_of(route):
        by_status.setdefault(STATUS_OF[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _refused(status, codes)
    return responses


def _refused(status: int, codes: list[str]) -> dict[str, Any]:
    """An envelope with one of the codes, and how each looks."""
    only = {"type": "object", "properties": {"error_code": {"enum": codes}}}
    schema = {"allOf": [reference(Envelope), only]}
    response = _response(", ".join(codes), schema, SOMETIMES.get(status, ()))
    response["content"]["application/json"]["examples"] = {
        code: {"$ref": f"#/components/examples/{code}"}
        for code in codes
        if code in examples().errors
    }
    return response


def _page() -> dict[str, Any]:
    """Done or not, it is told to a person."""
    content = {"text/html": {"schema": {"type": "string"}}}
    names = (*ALWAYS,)
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {
        status: {"description": words, "headers": headers, "content": content}
        for status, words in (
            ("200", "Done"),
            ("400", "Not done, and why"),
            ("409", "Nothing waits for it"),
            ("429", "Too many came here; wait a minute"),
            ("503", "Not done, and why"),
        )
    }


def _response(
    words: str,
    schema: dict[str, Any],
    headers: tuple[str, ...],
    kind: str = "application/json",
) -> dict[str, Any]:
    names = (*ALWAYS, *headers)
    return {
        "description": words,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {kind: {"schema": schema}},
    }


def _answer(route: Route) -> dict[str, Any]:
    """The envelope, with what `data` and `results` hold here."""
    data: dict[str, Any]
    if isinstance(route.data, tuple):
        plural, kind = route.data
        rows = {"type": "array", "items": row_schema(kind)}
        cursor = {"type": ["string", "null"]}
        data = {"type": "object", "properties": {plural: rows, "next_cursor": cursor}}
        data["required"] = [plural, "next_cursor"]
    else:
        data = reference(route.data) if route.data else {"type": "object"}
    legs = places(route) or (
        route.method != "GET" and route.data in (OrderView, CancelView)
    )
    entry = reference(LegResult if legs else BrokerResult)
    if route.body is CloseBody:  # a broker's positions may not be read
        entry = {"anyOf": [entry, reference(BrokerResult)]}
    properties = {"data": data, "results": {"type": "array", "items": entry}}
    return {
        "allOf": [reference(Envelope), {"type": "object", "properties": properties}]
    }


def _parameter(name: str, where: str, needed: tuple[str, ...] = ()) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name == "limit":
        schema = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    elif name == "since":
        schema = {"type": "string", "format": "date-time"}
    elif name in ("after", "Last-Event-ID"):
        schema = {"type": "string", "pattern": "^[0-9]{1,18}$"}
    elif name == "Idempotency-Key":
        schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}
    required = where == "path" or name in needed
    return {"name": name, "in": where, "required": required, "schema": schema}
