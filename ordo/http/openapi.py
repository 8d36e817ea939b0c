"""The OpenAPI 3.1 document, made from the route table and the types."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import msgspec

from ordo.http import events
from ordo.http.bodies import CloseBody, PlaceBody, SwitchBody
from ordo.http.call import Call
from ordo.http.envelope import BrokerResult, Envelope, Reply
from ordo.http.errors import STATUS_OF
from ordo.http.schemas import components, reference, row_schema
from ordo.http.squareoff import CancelView
from ordo.http.views import BatchData, LegResult, OrderView
from ordo.version import __version__

if TYPE_CHECKING:
    from ordo.http.routes import Route

EXAMPLE = {
    "brokers": ["fyers", "hdfc"],
    "portfolio_id": "swing-1",
    "orders": [
        {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 10,
            "type": "LIMIT",
            "price": 812.35,
            "product": "INTRADAY",
        }
    ],
    "deadline_ms": 5000,
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
SOMETIMES = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    409: ("Retry-After", "Location"),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
EVERYWHERE = ("bad_request", "payload_too_large", "validation_failed", "internal")
MAY_CONFLICT = re.compile("/sessions/|/simulate_fill$")
OF_A_TOKEN = ("unauthorized", "forbidden", "rate_limited")
OF_ACTORS = ("overloaded", "storage_unavailable")


async def document(call: Call) -> Reply:
    """The document itself, outside of the envelope."""
    return Reply(data=_encoded())


@functools.cache
def _encoded() -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(build()))


@functools.cache
def build() -> dict[str, Any]:
    """The whole document, as plain values."""
    from ordo.http.routes import ROUTES  # it names `document`, so it comes later

    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    described = [route.body for route in ROUTES if route.body]
    described += [route.data for route in ROUTES if isinstance(route.data, type)]
    described.append(events.StreamEvent)
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
            "schemas": components([Envelope, BrokerResult, LegResult, *described]),
            "headers": {
                name: {"description": words, "schema": {"type": "string"}}
                for name, words in HEADERS.items()
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    parts = re.findall(r"{(\w+)}", route.path)
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": (route.handler.__doc__ or route.summary).strip(),
        "security": [] if route.scope == "none" else [{"bearer": [route.scope]}],
        "parameters": [_parameter(name, "path") for name in parts]
        + [_parameter(name, "query", route.needs) for name in route.query],
        "responses": _responses(route),
    }
    if _places(route):
        operation["parameters"].append(_parameter("Idempotency-Key", "header"))
    if route.events:
        operation["parameters"].append(_parameter("Last-Event-ID", "header"))
    if route.body is not None:
        content: dict[str, Any] = {"schema": reference(route.body)}
        if route.body is PlaceBody:
            content["examples"] = {"two brokers": {"value": EXAMPLE}}
        operation["requestBody"] = {
            "required": _needs_body(route),
            "content": {"application/json": content},
        }
    return operation


def _operation_id(route: Route) -> str:
    """Such as `get_orders_order_id`."""
    words = route.path.removeprefix("/api/v1")
    return route.method.lower() + re.sub(r"[^a-z]+", "_", words).rstrip("_")


def _needs_body(route: Route) -> bool:
    """A change of nothing is none; elsewhere a body may be empty if all in it may."""
    fields = msgspec.structs.fields(route.body) if route.body else ()
    return route.method == "PATCH" or any(field.required for field in fields)


def _places(route: Route) -> bool:
    return route.data is BatchData


def _responses(route: Route) -> dict[str, Any]:
    """Success, and every global error that the call can meet."""
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
    more = ("Idempotent-Replayed",) if _places(route) else ()
    responses = {"200": _response("Done", answer, more)}
    if _places(route) or route.method == "DELETE" or route.may_pend:
        responses["202"] = _response("An outcome is open", answer, more)
    return responses | _errors(route)


def _errors(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    by_status: dict[int, list[str]] = {}
    for code in _codes(route):
        by_status.setdefault(STATUS_OF[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _response(
            ", ".join(codes), reference(Envelope), SOMETIMES.get(status, ())
        )
    return responses


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


def _codes(route: Route) -> list[str]:
    codes = [*EVERYWHERE, *OF_ACTORS]
    if route.scope != "none":
        codes += OF_A_TOKEN
    if "{" in route.path:
        codes.append("not_found")
    if _places(route):
        codes += [code for code in STATUS_OF if code.startswith("idempotency_")]
        codes += ["kill_switch_engaged", "shutting_down"]
    elif _may_conflict(route):
        codes.append("conflict")
    if route.method == "PATCH":
        codes.append("shutting_down")
    return codes


def _may_conflict(route: Route) -> bool:
    changes = route.method in ("DELETE", "PATCH") or route.body is SwitchBody
    return changes or MAY_CONFLICT.search(route.path) is not None


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
    legs = _places(route) or (
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
