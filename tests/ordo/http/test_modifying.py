"""PATCH: the terms of an open order, changed, refused, repeated."""

import msgspec
import pytest
import trio

from actors.mailbox import Mailbox
from adapters import StoreFailed
from adapters.brokers.paper import Fault
from tests.ordo.http.caller import a_body, calling

RESTING = a_body(price=700)


async def patch(caller, order_id, body, **more):
    return await caller.call("PATCH", f"/api/v1/orders/{order_id}", body, **more)


async def resting(caller):
    return (await caller.place(RESTING)).legs[0]["order_id"]


async def test_an_open_order_is_changed(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        answer = await patch(caller, order_id, {"price": 701.5, "quantity": 7})
        shown = (await caller.get(f"/api/v1/orders/{order_id}")).data
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert (answer.data["price"], answer.data["quantity"]) == (701.5, 7)
    assert (shown["price"], shown["quantity"], shown["status"]) == (701.5, 7, "acked")
    assert shown["events"][-1]["cause"].startswith("modified: quantity 10 -> 7")


async def test_asked_again_nothing_is_sent(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        await patch(caller, order_id, {"price": 701})
        calls = len(caller.papers["one"].script.calls)
        again = await patch(caller, order_id, {"price": 701})
        assert len(caller.papers["one"].script.calls) == calls
    assert again.json["status"] == "success"


async def test_a_limit_becomes_a_stop(autojump_clock, tmp_path):
    body = {"type": "SL", "price": 830, "trigger_price": 825}
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        answer = await patch(caller, order_id, body)
    assert answer.json["status"] == "success"
    assert (answer.data["type"], answer.data["trigger_price"]) == ("SL", 825)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "SL"}, "invalid_price"),  # which wants a trigger
        ({"price": None}, "invalid_price"),
        ({"trigger_price": 600}, "invalid_price"),
    ],
)
async def test_terms_that_make_no_order_are_refused(
    body, code, autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        answer = await patch(caller, order_id, body)
        shown = (await caller.get(f"/api/v1/orders/{order_id}")).data
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert answer.legs[0]["error_code"] == code
    assert (shown["price"], shown["quantity"]) == (700, 10)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"deadline_ms": 100},
        {"side": "SELL"},
        {"quantity": 0},
        {"quantity": "7"},
        {"price": -1},
        {"type": "STOP"},
        {"quantity": None},
        {"quantity": 1.5},
    ],
)
async def test_malformed_changes_are_refused_whole(body, autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        answer = await patch(caller, order_id, body)
    assert (answer.status, answer.code) == (422, "validation_failed")


async def test_a_settled_order_is_a_conflict(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        await caller.call("DELETE", f"/api/v1/orders/{order_id}")
        answer = await patch(caller, order_id, {"price": 701})
    assert (answer.status, answer.code) == (409, "conflict")
    assert "cancelled already" in answer.json["message"]


async def test_an_order_that_is_not_there(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await patch(caller, "0" * 16, {"price": 701})
        nonsense = await patch(caller, "x", {"price": 701})
    assert (answer.code, nonsense.code) == ("not_found", "not_found")


async def test_a_lost_answer_is_pending_until_the_book_tells(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        caller.papers["one"].script.on("modify", Fault.lose_request())
        answer = await patch(caller, order_id, {"price": 701})
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert answer.legs[0]["error_code"] == "unknown"
    assert answer.data["price"] == 700


async def test_while_halted_nothing_is_changed(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        await caller.halt()
        answer = await patch(caller, order_id, {"price": 701})
    assert answer.json["status"] == "error"
    assert answer.legs[0]["error_code"] == "kill_switch_engaged"


async def test_it_wants_a_trading_token(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        answer = await patch(caller, order_id, {"price": 701}, scope="read")
    assert answer.status == 403


async def test_a_stop_takes_no_more_changes(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        caller.system.stopping = True
        answer = await patch(caller, order_id, {"price": 701})
    assert answer.code == "shutting_down"


async def test_a_broker_that_is_gone_is_said(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        store = caller.system.records._store
        record = msgspec.structs.replace(store.order(order_id), broker="former")
        store._orders[order_id] = record
        answer = await patch(caller, order_id, {"price": 701})
    assert answer.legs[0]["error_code"] == "broker_unavailable"


async def test_a_full_router_takes_no_change(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        caller.system.router = full = Mailbox("router", 1)
        full.tell("x")
        answer = await patch(caller, order_id, {"price": 701})
    assert (answer.status, answer.code) == (503, "overloaded")


async def test_where_nobody_answers_in_time_the_change_is_unknown(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        caller.system.router = Mailbox("router", 10)  # which nobody reads
        began = trio.current_time()
        answer = await patch(caller, order_id, {"price": 701, "deadline_ms": 750})
        took = trio.current_time() - began
    assert took == 0.75
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert answer.legs[0]["error_code"] == "unknown"
    assert answer.legs[0]["message"] == (
        "the change has no answer yet; it may have arrived"
    )
    assert answer.data["price"] == 700


async def test_a_store_that_fails_meanwhile_is_told(
    autojump_clock, tmp_path, monkeypatch
):
    async with calling(tmp_path) as caller:
        order_id = await resting(caller)
        store = caller.system.records._store
        read, reads = store.order, []

        def fails_after_the_first(wanted):
            reads.append(wanted)
            if len(reads) > 1:  # the first is the page's own, the next the router's
                raise StoreFailed("disk I/O error")
            return read(wanted)

        monkeypatch.setattr(store, "order", fails_after_the_first)
        answer = await patch(caller, order_id, {"price": 701})
        calls = caller.papers["one"].script.calls["modify"]
    assert (answer.status, answer.code) == (507, "storage_unavailable")
    assert (len(reads), calls) == (2, 0)
