"""Generated requests in short; `make fuzz` runs the long form."""

from __future__ import annotations

import json
import random

import pytest

from ordo.http.openapi import build
from ordo.http.routes import ROUTES
from tests.fuzz.checks import Checks
from tests.fuzz.requests import Request, Requests
from tests.fuzz.run import Run
from tests.fuzz.wire import Answer

TOKENS = {"admin": "a-token", "trade": "t-token", "read": "r-token"}
PATH = b"/api/v1/brokers/one/breaker"
GOOD = {
    "content-type": "application/json",
    "x-request-id": "id-1",
    "server-timing": "ordo;dur=1.0, broker;dur=0.0",
}


@pytest.mark.parametrize(("tls", "count"), [("off", 140), ("auto", 70)])
def test_whatever_is_asked_the_answer_is_as_declared(gateways, tls, count):
    at = gateways[tls]
    said: list[str] = []
    end = Run(at, random.Random("short")).go(count, said.append)
    assert end.problems == []
    assert sum(end.statuses.values()) == count
    assert at.well() + at.verified() == []


def test_every_operation_is_asked_and_a_seed_asks_the_same_again():
    one, two = (Requests(random.Random(7), build(ROUTES), TOKENS) for _ in range(2))
    count = len(one.operations)
    asked = [one.next() for _ in range(4 * count)]
    assert asked == [two.next() for _ in range(4 * count)]
    assert {request.method for request in asked} >= {b"GET", b"POST", b"PUT", b"DELETE"}
    ways = {way for request in asked for way in request.wrong}
    assert ways == {"body", "query", "path", "token", "header", "method"}


def found(status=200, *, path=PATH, method=b"PUT", body=None, **headers):
    """What the checks say of an answer; `x_y=None` leaves the header `x-y` out."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {**GOOD, **given}
    answer = Answer(
        status,
        [(name, value) for name, value in named.items() if value is not None],
        body if isinstance(body, bytes) else json.dumps(body or envelope()).encode(),
    )
    request = Request(method, path, [], b"", ())
    return list(Checks(build(ROUTES), ["planted"]).problems(request, answer))


def envelope(**changes):
    data = {"broker": "one", "state": "OPEN", "forced": True}
    whole = {
        "status": "success",
        "request_id": "id-1",
        "error_code": None,
        "message": None,
        "data": data,
        "results": [],
    }
    return whole | changes


def refusal(code, **changes):
    return envelope(status="error", error_code=code, message="no", data={}) | changes


def test_the_checks_find_nothing_in_good_answers():
    assert found() == []
    assert found(401, body=refusal("unauthorized")) == []
    assert found(503, body=refusal("overloaded"), retry_after="1") == []
    assert found(404, path=b"/nope", body=refusal("not_found")) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 500, "body": refusal("internal")}, "a 500"),
        ({"status": 503, "body": refusal("overloaded")}, "503 with Retry-After ''"),
        ({"status": 418, "body": refusal("internal")}, "418 is not declared"),
        ({"x_request_id": None}, "x-request-id: wanted one"),
        ({"server_timing": None}, "server-timing: wanted one"),
        ({"x_request_id": "id-2"}, "request_id differs"),
        ({"content_length": "7"}, "content-length 7"),
        ({"content_type": "text/html"}, "content-type text/html"),
        ({"server": "hypercorn"}, "server: "),
        ({"body": b"{"}, "no JSON"),
        ({"body": b'{"price": NaN}'}, "no JSON: NaN"),
        ({"body": envelope(data={})}, "$.data: 'broker' is a required property"),
        ({"body": envelope(error_code="internal")}, "200 with error_code internal"),
        ({"body": envelope(request_id="a planted one")}, "a secret"),
        (
            {"status": 422, "body": refusal("bad_request")},
            "422 with error_code bad_request",
        ),
        (
            {"status": 400, "body": refusal("bad_request", message="in /a/b.py, 3")},
            "insides: '.py'",
        ),
    ],
)
def test_the_checks_find_what_is_wrong(answer, words):
    assert [one for one in found(**answer) if one.startswith(words)] != []


def test_a_path_spoilt_into_a_pages_is_no_call_of_the_api():
    page = {"content_type": "text/html; charset=utf-8"}
    assert found(path=b"/", method=b"GET", body=b"<html>", **page) == []
    assert found(path=b"/", method=b"POST", body=b"<html>", **page) != []
    assert found(path=b"/else", method=b"GET", body=b"<html>", **page) != []
