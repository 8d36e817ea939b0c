"""The OpenAPI document is whole, and says what is there.

That real answers are as declared is checked at every call of `caller.Caller`.
"""

import json
import re
from collections import Counter

import pytest

from adapters import OrderStatus
from ordo.http.errors import STATUS_OF
from ordo.http.openapi import build
from ordo.http.routes import ROUTES
from tests.ordo.http.caller import calling
from tests.ordo.http.conforms import mismatches, resolve

OPEN_TO_ALL = ("/health", "/api/v1/sessions/{broker}/callback")
KINDS = {
    "/metrics": "text/plain",
    "/api/v1/sessions/{broker}/callback": "text/html",
    "/api/v1/events": "text/event-stream",
}
OPERATIONS = [
    (path, method, operation)
    for path, methods in build(ROUTES)["paths"].items()
    for method, operation in methods.items()
]


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_the_document_is_served_as_it_is_built(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/openapi.json", scope="read")
    assert answer.json == json.loads(json.dumps(build(ROUTES)))
    assert answer.json["openapi"] == "3.1.0"


def test_every_reference_points_at_something():
    found = set(references(build(ROUTES)))
    assert "#/components/schemas/LegResult" in found
    for reference in found:
        assert isinstance(resolve(reference), dict)


def test_operation_ids_are_unique_and_are_names():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z_]+", name) for name in ids)


def test_every_route_is_in_the_document_and_nothing_else():
    declared = {(path, method.upper()) for path, method, _ in OPERATIONS}
    assert declared == {(route.path, route.method) for route in ROUTES}


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_has_all_that_openapi_wants(path, method, operation):
    assert operation["summary"]
    assert operation["description"]
    in_path = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
    assert in_path == re.findall(r"{(\w+)}", path)
    names = [(p["in"], p["name"]) for p in operation["parameters"]]
    assert len(set(names)) == len(names)
    for parameter in operation["parameters"]:
        assert parameter["required"] is True or parameter["in"] != "path"
        assert parameter["schema"]["type"] in ("string", "integer")
    assert "200" in operation["responses"]
    for status, response in operation["responses"].items():
        assert re.fullmatch(r"[2-5]\d\d", status)
        assert response["description"]
        kind = KINDS.get(path, "application/json")
        if path in ("/api/v1/events", "/metrics") and status != "200":
            kind = "application/json"
        assert "schema" in response["content"][kind]
    assert (operation["security"] == []) is (path in OPEN_TO_ALL)


def test_every_global_error_has_the_status_of_the_contract():
    assert STATUS_OF == {
        "bad_request": 400,
        "unauthorized": 401,
        "forbidden": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "conflict": 409,
        "payload_too_large": 413,
        "validation_failed": 422,
        "idempotency_key_reused": 422,
        "idempotency_key_expired": 422,
        "idempotency_in_progress": 409,
        "rate_limited": 429,
        "kill_switch_engaged": 503,
        "overloaded": 503,
        "shutting_down": 503,
        "storage_unavailable": 507,
        "internal": 500,
    }


def test_the_declared_statuses_of_orders_are_those_of_the_model():
    declared = build(ROUTES)["components"]["schemas"]["OrderView"]["properties"][
        "status"
    ]
    assert set(declared["enum"]) == set(OrderStatus)


def test_money_is_declared_as_numbers():
    order = build(ROUTES)["components"]["schemas"]["OrderBody"]["properties"]
    assert order["quantity"] == {"type": "number"}
    assert order["price"]["anyOf"] == [{"type": "number"}, {"type": "null"}]


def test_the_check_of_answers_finds_what_is_wrong():
    schema = resolve("#/components/schemas/LegResult")
    good = {"order_index": 0, "broker": "one", "status": "acked"}
    assert list(mismatches(good, schema, "$")) == []
    assert list(mismatches({**good, "status": "sent"}, schema, "$")) != []
    assert list(mismatches({**good, "order_index": "0"}, schema, "$")) != []
    assert list(mismatches({**good, "extra": 1}, schema, "$")) == [
        "$: extra is not declared"
    ]
    assert list(mismatches({"broker": "one"}, schema, "$")) == [
        "$: order_index is missing",
        "$: status is missing",
    ]
