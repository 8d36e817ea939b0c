"""Bad input: always a clear 4xx in the envelope, never a 5xx, and nothing is sent."""

import json

import pytest

from tests.ordo.http.caller import ORDER, a_body, calling

CONTROLS = {
    "NUL": "a\x00b",
    "newline": "a\nb",
    "DEL": "a\x7fb",
    "C1": "a\x85b",
    "U+2028": "a\u2028b",
    "U+2029": "a\u2029b",
}


async def refusal(tmp_path, body=None, **more):
    """The answer to an order that nothing may come of."""
    async with calling(tmp_path, "one", "two") as caller:
        answer = await caller.place(body, **more)
        assert caller.sent("one") + caller.sent("two") == []
    assert answer.json["status"] == "error"
    assert answer.legs == []
    return answer


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "wanted a JSON body, found none"),
        (b" \n", "wanted a JSON body, found none"),
        (b"{", "the body is not JSON: Input data was truncated"),
        (b'{"orders": [}', "the body is not JSON"),
        (json.dumps(a_body()).encode() + b" x", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        (b'{"portfolio_id": "\xff"}', "the body is not JSON"),
        (b'{"portfolio_id": "\\ud800"}', "the body is not JSON"),
        (b'{"portfolio_id": "a\x00"}', "the body is not JSON"),
        (b"\xef\xbb\xbf{}", "the body is not JSON"),
    ],
)
async def test_what_is_not_json_is_400(autojump_clock, tmp_path, raw, words):
    answer = await refusal(tmp_path, raw=raw)
    assert (answer.status, answer.code) == (400, "bad_request")
    assert answer.json["message"].startswith(words)


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"[" * 100_000, "$"),
        (b'{"orders":' + b"[" * 100_000, "$.orders[0]"),
        (b'{"portfolio_id":' + b'{"a":' * 100_000, "$.portfolio_id"),
        (b'{"x":' + b"[" * 100_000, "$.x"),
        (b"null", "$"),
        (b'"orders"', "$"),
        (b"17", "$"),
    ],
)
async def test_json_of_another_shape_is_422_however_deep(
    autojump_clock, tmp_path, raw, where
):
    answer = await refusal(tmp_path, raw=raw)
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == where


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"quantity": 0}, "quantity", "must be positive, was 0"),
        ({"quantity": -5}, "quantity", "must be positive, was -5"),
        ({"quantity": 1.5}, "quantity", "wanted whole units, found 1.5"),
        ({"quantity": "10"}, "quantity", "wanted a number, found text"),
        ({"quantity": True}, "quantity", "Expected `decimal`, got `bool`"),
        ({"quantity": None}, "quantity", "Expected `decimal`, got `null`"),
        ({"quantity": [1]}, "quantity", "Expected `decimal`, got `array`"),
        ({"price": -813}, "price", "must be positive, was -813"),
        ({"price": "813"}, "price", "wanted a number, found text"),
        ({"price": 813.12345}, "price", "wanted at most 4 decimals, found 813.12345"),
        ({"price": None}, "price", "LIMIT orders need it, found nothing"),
        ({"trigger_price": 800}, "trigger_price", "LIMIT orders have none, found 800"),
        ({"type": "MARKET"}, "price", "MARKET orders have none, found 813"),
        ({"type": "SL"}, "trigger_price", "SL orders need it, found nothing"),
        ({"side": "HOLD"}, "side", "Invalid enum value 'HOLD'"),
        ({"side": "buy"}, "side", "Invalid enum value 'buy'"),
        ({"side": 1}, "side", "Expected `str`, got `int`"),
        ({"type": "STOP"}, "type", "Invalid enum value 'STOP'"),
        ({"product": "MIS"}, "product", "Invalid enum value 'MIS'"),
        ({"validity": "GTC"}, "validity", "Invalid enum value 'GTC'"),
        ({"disclosed_quantity": 11}, "disclosed_quantity", "wanted at most quantity"),
        ({"disclosed_quantity": -1}, "disclosed_quantity", "must be positive, was -1"),
        ({"symbol": "SBIN"}, "symbol", "wanted EXCHANGE:NAME, such as NSE:SBIN"),
        ({"symbol": "nse:sbin"}, "symbol", "wanted EXCHANGE:NAME, such as NSE:SBIN"),
        ({"symbol": "NSE:" + "A" * 90}, "symbol", "Expected `str` of length <= 64"),
        ({"note": "x" * 257}, "note", "Expected `str` of length <= 256"),
        ({"brokers": []}, "brokers", "wanted at least one broker, found none"),
        ({"brokers": ["zero"]}, "brokers[0]", "wanted one of one, two, found 'zero'"),
        ({"brokers": ["one", "one"]}, "brokers[1]", "one is named twice"),
        ({"brokers": [""]}, "brokers[0]", "Expected `str` of length >= 1"),
        ({"brokers": "one"}, "brokers", "Expected `array | null`, got `str`"),
        ({"leverage": 5}, "leverage", "Object contains unknown field `leverage`"),
    ],
)
async def test_a_bad_value_of_an_order_is_422_at_its_path(
    autojump_clock, tmp_path, change, where, words
):
    body = {"brokers": ["one"], "orders": [ORDER, {**ORDER, **change}]}
    answer = await refusal(tmp_path, body)
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == f"$.orders[1].{where}"
    assert answer.json["message"].startswith(f"{answer.where}: {words}")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"orders": []}, "$.orders"),
        ({"orders": {}}, "$.orders"),
        ({"orders": [ORDER] * 51}, "$.orders"),
        ({"orders": None}, "$.orders"),
        ({"brokers": []}, "$.orders[0].brokers"),
        ({"brokers": ["zero"]}, "$.brokers[0]"),
        ({"brokers": ["one", "two", "one"]}, "$.brokers[2]"),
        ({"brokers": None}, "$.brokers"),
        ({"deadline_ms": 0}, "$.deadline_ms"),
        ({"deadline_ms": -1}, "$.deadline_ms"),
        ({"deadline_ms": 60_001}, "$.deadline_ms"),
        ({"deadline_ms": 1.5}, "$.deadline_ms"),
        ({"deadline_ms": "5000"}, "$.deadline_ms"),
        ({"deadline_ms": 10**30}, "$.deadline_ms"),
        ({"dry_run": "yes"}, "$.dry_run"),
        ({"dry_run": None}, "$.dry_run"),
        ({"portfolio_id": 1.5}, "$.portfolio_id"),
        ({"portfolio_id": []}, "$.portfolio_id"),
        ({"portfolio_id": "p" * 129}, "$.portfolio_id"),
        ({"portfolio_id": 2**63}, "$.portfolio_id"),
        ({"portfolio_id": -(10**400)}, "$.portfolio_id"),
        ({"idempotency_key": 7}, "$.idempotency_key"),
        ({"urgent": True}, "$.urgent"),
        ({"Brokers": ["one"]}, "$.Brokers"),
    ],
)
async def test_a_bad_value_of_a_request_is_422_at_its_path(
    autojump_clock, tmp_path, change, where
):
    answer = await refusal(tmp_path, {**a_body(), **change})
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == where


async def test_orders_left_out_are_422(autojump_clock, tmp_path):
    answer = await refusal(tmp_path, {"brokers": ["one"]})
    assert (answer.status, answer.where) == (422, "$")
    assert answer.json["message"] == "$: Object missing required field `orders`"


@pytest.mark.parametrize("name", ["quantity", "price"])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (b"NaN", "wanted a finite number, found nan"),
        (b"Infinity", "wanted a finite number, found inf"),
        (b"-Infinity", "wanted a finite number, found -inf"),
        (b"1e400", "wanted less than 1000000000000, found 1E+400"),
        (b"1e999999999", "wanted less than 1000000000000, found 1E+999999999"),
        (b"1e99999999999999999999", "Invalid decimal string"),
        (b"1" * 5000, "wanted less than 1000000000000, found 1111111111"),
        (b"1e-999999999", "wanted at most 4 decimals, found 1E-999999999"),
        (b"1." + b"0" * 30 + b"1", "wanted at most 4 decimals, found 1.00000"),
        (b"1." + b"0" * 23 + b"1", "wanted at most 4 decimals, found 1.00000"),
        (b"123456789012." + b"0" * 23 + b"1", "wanted at most 4 decimals, found 12345"),
        (b"1." + b"0" * 500_000, "wanted at most 4 decimals, found 1.00000"),
        (b"0e999999999", "must be positive, was 0E+999999999"),
        (b"-1e-400", "must be positive, was -1E-400"),
        (b"1000000000000", "wanted less than 1000000000000, found 1000000000000"),
        (b'"NaN"', "wanted a number, found text"),
        (b'"sNaN"', "wanted a number, found text"),
        (b'""', "Invalid decimal string"),
    ],
)
async def test_odd_numbers_are_422_at_their_path(
    autojump_clock, tmp_path, name, number, words
):
    raw = json.dumps(a_body(**{name: 17171})).encode().replace(b"17171", number)
    answer = await refusal(tmp_path, raw=raw)
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == f"$.orders[0].{name}"
    assert answer.json["message"].startswith(f"{answer.where}: {words}")
    assert len(answer.json["message"]) < 600


@pytest.mark.parametrize("name", [rb"quant\u0069ty", rb"pr\u0069ce"])
async def test_a_number_as_text_is_found_under_a_name_in_escapes_too(
    autojump_clock, tmp_path, name
):
    plain = name.replace(rb"\u0069", b"i")
    raw = json.dumps(a_body(**{plain.decode(): "17171"})).encode().replace(plain, name)
    answer = await refusal(tmp_path, raw=raw)
    assert (answer.status, answer.where) == (422, f"$.orders[0].{plain.decode()}")


async def test_escapes_in_a_note_do_no_harm_even_beside_numbers_floats_cannot_hold(
    autojump_clock, tmp_path
):
    body = json.dumps(a_body(note="caf\u00e9", quantity=17171)).encode()
    async with calling(tmp_path) as caller:
        good = await caller.place(raw=body.replace(b"17171", b"10"))
        huge = await caller.place(raw=body.replace(b"17171", b"1e400"))
    assert rb"\u00e9" in body
    assert good.status == 200
    assert (huge.status, huge.where) == (422, "$.orders[0].quantity")


@pytest.mark.parametrize("text", CONTROLS.values(), ids=CONTROLS)
async def test_control_characters_are_422_in_every_text(autojump_clock, tmp_path, text):
    async with calling(tmp_path) as caller:
        note = await caller.place(a_body(note=text))
        symbol = await caller.place(a_body(symbol=f"NSE:{text}"))
        side = await caller.place(a_body(side=text))
        portfolio = await caller.place({**a_body(), "portfolio_id": text})
        broker = await caller.place(a_body(text))
        name = await caller.place({**a_body(), text: 1})
        key = await caller.place({**a_body(), "idempotency_key": text})
        switch = {"engaged": True, "reason": text}
        reason = await caller.call("PUT", "/api/v1/kill-switch", switch)
        state = {"state": text}
        breaker = await caller.call("PUT", "/api/v1/brokers/one/breaker", state)
        assert caller.sent() == []
        assert not caller.system.trading.engaged
    assert (note.status, note.where) == (422, "$.orders[0].note")
    assert (symbol.status, symbol.where) == (422, "$.orders[0].symbol")
    assert (side.status, side.where) == (422, "$.orders[0].side")
    assert (portfolio.status, portfolio.where) == (422, "$.portfolio_id")
    assert (broker.status, broker.where) == (422, "$.brokers[0]")
    assert (name.status, name.where) == (422, "$.a?b")
    assert (key.status, key.code) == (400, "bad_request")
    assert (reason.status, reason.where) == (422, "$.reason")
    assert (breaker.status, breaker.where) == (422, "$.state")
    for answer in (note, symbol, side, portfolio, broker, name, key, reason, breaker):
        assert text not in answer.json["message"]


async def test_words_of_a_client_are_quoted_in_short(autojump_clock, tmp_path):
    answer = await refusal(tmp_path, a_body(side="x" * 900_000))
    assert answer.status == 422
    assert len(answer.json["message"]) < 600


@pytest.mark.parametrize("size", [1_000_001, 2_000_000])
async def test_a_body_over_a_million_bytes_is_413(autojump_clock, tmp_path, size):
    answer = await refusal(tmp_path, raw=b" " * size)
    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert answer.json["message"] == "wanted at most 1000000 bytes"


async def test_a_body_of_a_million_bytes_is_read(autojump_clock, tmp_path):
    raw = json.dumps(a_body()).encode()
    async with calling(tmp_path) as caller:
        answer = await caller.place(raw=raw.ljust(1_000_000))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/health", None),
        ("POST", "/health", "GET"),
        ("HEAD", "/health", "GET"),
        ("OPTIONS", "/api/v1/orders", "GET, POST"),
        ("HEAD", "/api/v1/orders", "GET, POST"),
        ("PUT", "/api/v1/orders", "GET, POST"),
        ("TRACE", "/api/v1/orders", "GET, POST"),
        ("POST", "/api/v1/orders/0123456789ABCDEF", "DELETE, GET, PATCH"),
        ("DELETE", "/api/v1/orders/cancel", "POST"),
        ("DELETE", "/api/v1/kill-switch", "GET, PUT"),
        ("GET", "/api/v1/brokers/one/breaker", "PUT"),
        ("BREW", "/openapi.json", "GET"),
    ],
)
async def test_another_method_is_405_and_allow_names_the_right_ones(
    autojump_clock, tmp_path, method, path, allowed
):
    async with calling(tmp_path) as caller:
        answer = await caller.call(method, path)
    if allowed is None:
        assert answer.status == 200
    else:
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/api",
        "/api/v1",
        "/api/v2/orders",
        "/api/v1/orders/",
        "//api/v1/orders",
        "/api/v1//orders",
        "/API/v1/orders",
        "/api/v1/orders/%00",
        "/api/v1/orders/%E2%80%A8",
        "/api/v1/orders/%FF",
        "/api/v1/orders/..%2f..%2fetc",
        "/api/v1/orders/0123456789ABCDEF",
        "/api/v1/orders/0123456789abcdef",
        "/api/v1/orders/" + "A" * 10_000,
        "/api/v1/batches/%00",
        "/api/v1/batches/0123456789ABCDEF",
        "/" + "A" * 10_000,
        "/%00",
        "/%E2%80%A8",
        "/docs/%0a",
    ],
)
async def test_what_is_not_there_is_404(autojump_clock, tmp_path, path):
    async with calling(tmp_path) as caller:
        answer = await caller.get(path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert len(answer.json["message"]) < 300
    assert "\x00" not in answer.json["message"]
    assert "\u2028" not in answer.json["message"]


@pytest.mark.parametrize("part", ["%00", "zero", "%E2%80%A8", "A" * 5000])
async def test_a_breaker_of_no_broker_is_404(autojump_clock, tmp_path, part):
    async with calling(tmp_path) as caller:
        answer = await caller.call(
            "PUT", f"/api/v1/brokers/{part}/breaker", {"state": "OPEN"}
        )
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("status=open", "status"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=0000001009999", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=%D9%A1", "limit"),
        ("cursor=1", "cursor"),
        ("cursor=%00", "cursor"),
        ("since=yesterday", "since"),
        ("since=2026-11-21", "since"),
        ("since=2026-11-21T09:15:00", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("since=9999-12-31T23:59:59-14:00", "since"),
        ("symbol=%00", "symbol"),
        ("symbol=a%E2%80%A8", "symbol"),
        ("broker=one&broker=two", "broker"),
        ("limit=5&limit=5", "limit"),
        ("sort=price", "sort"),
        ("Status=acked", "Status"),
        ("%00=1", "?"),
        ("broker=%FF", ""),
        ("&".join(f"p{n}=1" for n in range(60)), ""),
    ],
)
async def test_a_bad_query_is_422_and_names_the_parameter(
    autojump_clock, tmp_path, query, where
):
    async with calling(tmp_path) as caller:
        answer = await caller.get(f"/api/v1/orders?{query}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == where


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/orders?dry_run=true"),
        ("DELETE", "/api/v1/orders/0123456789ABCDEF?x=1"),
        ("GET", "/api/v1/kill-switch?x=1"),
        ("PUT", "/api/v1/kill-switch?x=1"),
        ("PUT", "/api/v1/brokers/one/breaker?x=1"),
        ("GET", "/api/v1/positions?broker=one"),
        ("GET", "/api/v1/status?x=1"),
        ("GET", "/api/v1/audit?x=1"),
        ("GET", "/health?x=1"),
        ("GET", "/openapi.json?x=1"),
    ],
)
async def test_a_parameter_that_a_call_does_not_have_is_422(
    autojump_clock, tmp_path, method, path
):
    async with calling(tmp_path) as caller:
        answer = await caller.call(method, path, a_body())
        assert caller.sent() == []
    assert (answer.status, answer.code) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/api/v1/positions?brokers=zero", "brokers"),
        ("/api/v1/positions?brokers=", "brokers"),
        ("/api/v1/positions?brokers=one,,", "brokers"),
        ("/api/v1/quotes", "symbols"),
        ("/api/v1/quotes?symbols=", "symbols"),
        ("/api/v1/quotes?symbols=SBIN", "symbols"),
        (
            "/api/v1/quotes?symbols=" + ",".join(f"NSE:S{n}" for n in range(201)),
            "symbols",
        ),
        ("/api/v1/audit?cursor=-1", "cursor"),
        ("/api/v1/audit?cursor=" + "9" * 30, "cursor"),
    ],
)
async def test_bad_parameters_of_reads_are_422(autojump_clock, tmp_path, path, where):
    async with calling(tmp_path) as caller:
        answer = await caller.get(path)
    assert (answer.status, answer.where) == (422, where)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"engaged": "yes"}, "$.engaged"),
        ({"engaged": None}, "$.engaged"),
        ({"engaged": True, "reason": "x" * 257}, "$.reason"),
        ({"engaged": True, "until": "noon"}, "$.until"),
        ({"engaged": False, "close_positions": True}, "$.close_positions"),
        ({"engaged": False, "cancel_open": True}, "$.cancel_open"),
    ],
)
async def test_a_bad_switch_is_422_and_nothing_turns(
    autojump_clock, tmp_path, body, where
):
    async with calling(tmp_path) as caller:
        answer = await caller.call("PUT", "/api/v1/kill-switch", body)
        assert not caller.system.trading.engaged
    assert (answer.status, answer.where) == (422, where)


async def test_a_fault_of_ours_is_500_without_a_trace_of_it(
    autojump_clock, tmp_path, caplog
):
    async with calling(tmp_path) as caller:
        caller.system.started_at = "planted"
        answer = await caller.get("/api/v1/status", X_Request_ID="mine")
    assert (answer.status, answer.code) == (500, "internal")
    assert answer.json["message"] == (
        "a fault in Ordo; it is logged under request id mine"
    )
    assert "unsupported operand" in caplog.text


async def test_a_body_that_does_not_come_is_400_after_thirty_seconds(autojump_clock):
    import trio

    from ordo.http.asgi import body_of
    from ordo.http.errors import ApiError

    with pytest.raises(ApiError, match="did not arrive within 30 s") as refused:
        await body_of(trio.sleep_forever)
    assert refused.value.status == 400
    assert trio.current_time() == 30
