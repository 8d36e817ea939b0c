"""Orders by HTTP: what is sent, what is answered."""

import pytest
import trio

from actors import router
from actors.placing import Placing
from adapters.brokers.paper import Fault
from tests.ordo.http.caller import NOW, ORDER, a_body, calling


async def test_an_accepted_order_is_answered_with_its_batch_and_its_legs(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        body = {**a_body("one", "two"), "portfolio_id": "swing-1"}
        answer = await caller.place(body, key="key-1")
        sent = {name: caller.sent(name) for name in ("one", "two")}
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert answer.json["error_code"] is None
    assert answer.json["message"] is None
    batch_id = answer.data["batch_id"]
    assert answer.data == {
        "batch_id": batch_id,
        "portfolio_id": "swing-1",
        "idempotency_key": "key-1",
        "replayed": False,
        "created_at": NOW,
    }
    assert len(batch_id) == 16
    assert "Idempotent-Replayed" not in answer.headers
    for name, leg in zip(("one", "two"), answer.legs, strict=True):
        assert leg == {
            "order_index": 0,
            "broker": name,
            "order_id": sent[name][0],
            "client_tag": sent[name][0],
            "status": "acked",
            "broker_order_id": leg["broker_order_id"],
            "error_code": None,
            "message": None,
            "broker_code": None,
            "broker_message": None,
            "http_status": leg["http_status"],
            "attempts": 1,
            "latency_ms": 0.0,
            "sent_as": None,
            "parent_id": None,
            "slice": None,
            "checks_skipped": [
                {
                    "check": "instrument",
                    "reason": f"{name} is simulated and knows its own",
                },
                {
                    "check": "funds",
                    "reason": f"{name} is simulated and checks that itself",
                },
            ],
            "data": None,
        }


async def test_where_one_broker_refuses_the_answer_is_partial_and_says_why(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        caller.papers["two"].script.on("place", Fault.refuse("RMS", "no margin"))
        answer = await caller.place(a_body("one", "two"))
    assert (answer.status, answer.json["status"], answer.code) == (200, "partial", None)
    assert [leg["status"] for leg in answer.legs] == ["acked", "rejected"]
    assert answer.legs[1]["error_code"] == "rejected"
    assert answer.legs[1]["broker_code"] == "RMS"
    assert answer.legs[1]["broker_message"] == "no margin"


async def test_where_every_broker_refuses_the_reasons_stand_in_the_results(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.refuse("RMS", "no margin"))
        answer = await caller.place()
    assert (answer.status, answer.json["status"], answer.code) == (200, "error", None)


async def test_an_unknown_outcome_is_202_and_200_once_the_book_has_told(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.lose_answer(after=1))
        first = await caller.place(key="key-1")
        again = await caller.place(key="key-1")
        await trio.sleep(2)
        last = await caller.place(key="key-1")
        sent = caller.sent()
    assert (first.status, first.json["status"]) == (202, "pending")
    assert first.legs[0]["status"] == first.legs[0]["error_code"] == "unknown"
    assert (again.status, again.data["replayed"]) == (202, True)
    assert (last.status, last.json["status"]) == (200, "success")
    assert last.legs[0]["status"] == "filled"
    assert sent == [first.legs[0]["order_id"]]


async def test_an_orders_own_brokers_replace_those_of_the_request(
    autojump_clock, tmp_path
):
    body = a_body("one", "two")
    body["orders"].append({**ORDER, "brokers": ["three"]})
    async with calling(tmp_path, "one", "two", "three") as caller:
        answer = await caller.place(body)
    legs = [(leg["order_index"], leg["broker"]) for leg in answer.legs]
    assert legs == [(0, "one"), (0, "two"), (1, "three")]


async def test_a_dry_run_answers_the_routing_and_sends_and_stores_nothing(
    autojump_clock, tmp_path
):
    body = {**a_body("one", "two"), "dry_run": True}
    async with calling(tmp_path, "one", "two") as caller:
        answer = await caller.place(body, key="key-1")
        sent = caller.sent("one") + caller.sent("two")
        listed = await caller.get("/api/v1/orders")
        real = await caller.place(a_body("one", "two"), key="key-1")
        after = await caller.place(body, key="key-1")
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert [leg["status"] for leg in answer.legs] == ["success", "success"]
    assert answer.data["batch_id"] is None
    assert answer.data["dry_run"] is True
    assert sent == []
    assert listed.data == {"orders": [], "next_cursor": None}
    assert real.data["replayed"] is False
    assert (after.status, after.data["dry_run"]) == (200, True)


async def test_a_dry_run_says_which_leg_would_be_denied_and_why(
    autojump_clock, tmp_path
):
    body = {**a_body("one"), "dry_run": True}
    body["orders"].append({**ORDER, "symbol": "MARS:X"})
    async with calling(tmp_path) as caller:
        answer = await caller.place(body)
    assert (answer.status, answer.json["status"]) == (200, "partial")
    assert [leg["status"] for leg in answer.legs] == ["success", "denied"]
    assert answer.legs[1]["error_code"] == "unsupported"


async def test_where_every_leg_is_denied_there_is_no_batch_and_the_key_stays_free(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        answer = await caller.place(a_body(symbol="MARS:X"), key="key-1")
        after = await caller.place(key="key-1")
    assert (answer.status, answer.json["status"], answer.code) == (200, "error", None)
    assert answer.legs[0]["status"] == "denied"
    assert answer.legs[0]["order_id"] is None
    assert answer.data["batch_id"] is None
    assert (after.status, after.data["replayed"]) == (200, False)


async def test_fifty_legs_are_taken_and_fifty_one_are_refused(autojump_clock, tmp_path):
    fifty = {"brokers": ["one", "two"], "orders": [ORDER] * 25}
    one_more = {**fifty, "orders": [*fifty["orders"], {**ORDER, "brokers": ["one"]}]}
    async with calling(tmp_path, "one", "two") as caller:
        answer = await caller.place(fifty)
        refused = await caller.place(one_more)
    assert len(answer.legs) == 50
    assert (refused.status, refused.where) == (422, "$.orders")
    assert refused.json["message"] == "$.orders: wanted at most 50 legs, found 51"


async def test_the_answer_leaves_by_the_deadline_and_the_order_settles_later(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.delay(3))
        began = trio.current_time()
        answer = await caller.place({**a_body(), "deadline_ms": 500}, key="key-1")
        took = trio.current_time() - began
        await trio.sleep(5)
        order_id = answer.legs[0]["order_id"]
        order = await caller.get(f"/api/v1/orders/{order_id}")
    assert (answer.status, answer.legs[0]["status"]) == (202, "unknown")
    assert took == pytest.approx(0.45)
    assert answer.headers["Server-Timing"] == "ordo;dur=0.000, broker;dur=450.000"
    assert order.data["status"] in ("acked", "filled")


async def test_the_time_at_the_slowest_broker_is_told_apart(autojump_clock, tmp_path):
    async with calling(tmp_path, "one", "two") as caller:
        caller.papers["one"].script.on("place", Fault.delay(0.2))
        caller.papers["two"].script.on("place", Fault.delay(0.7))
        answer = await caller.place(a_body("one", "two"))
    assert answer.headers["Server-Timing"] == "ordo;dur=0.000, broker;dur=700.000"


@pytest.mark.parametrize("deadline_ms", [1, 60_000])
async def test_deadlines_from_1_to_60000_ms_are_taken(
    autojump_clock, tmp_path, deadline_ms
):
    async with calling(tmp_path) as caller:
        answer = await caller.place({**a_body(), "deadline_ms": deadline_ms})
    assert answer.status == 200


async def test_without_a_deadline_the_answer_leaves_after_five_seconds(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.delay(8))
        answer = await caller.place()
        assert trio.current_time() == pytest.approx(6.9)
    assert answer.status == 202


async def test_fractions_of_a_unit_are_for_exchanges_that_trade_them(
    autojump_clock, tmp_path
):
    body = {**a_body(symbol="US:AAPL", quantity=0.5, price=180.25), "dry_run": True}
    async with calling(tmp_path) as caller:
        taken = await caller.place(body)
        refused = await caller.place(a_body(quantity=0.5))
    assert taken.status == 200
    assert (refused.status, refused.where) == (422, "$.orders[0].quantity")


async def test_while_halted_new_orders_are_503_and_a_known_key_is_replayed(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        first = await caller.place(key="key-1")
        await caller.halt()
        refused = await caller.place(key="key-2")
        again = await caller.place(key="key-1")
        sent = caller.sent()
    assert (refused.status, refused.code) == (503, "kill_switch_engaged")
    assert refused.headers["Retry-After"] == "1"
    assert refused.legs == []
    assert again.status == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.data == {**first.data, "replayed": True}
    assert len(sent) == 1


async def test_while_stopping_an_order_is_refused_with_shutting_down(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.system.stopping = True
        answer = await caller.place()
    assert (answer.status, answer.code) == (503, "shutting_down")
    assert answer.headers["Retry-After"] == "1"


async def test_a_store_that_fails_is_507_and_nothing_is_sent(autojump_clock, tmp_path):
    from tests.support.memory_store import MemoryStore

    store = MemoryStore()
    async with calling(tmp_path, store=store) as caller:
        store.failing = "disk full"
        answer = await caller.place()
        sent = caller.sent()
        store.failing = None
    assert (answer.status, answer.code) == (507, "storage_unavailable")
    assert sent == []


async def test_of_more_requests_than_are_worked_on_at_once_the_rest_come_again(
    autojump_clock, tmp_path, monkeypatch
):
    monkeypatch.setattr(router, "MOST_AT_ONCE", 0)
    async with calling(tmp_path) as caller:
        placed = await caller.place()
        closed = await caller.call(
            "POST", "/api/v1/positions/close", {"brokers": ["one"]}
        )
        sent = caller.sent()
    assert (placed.status, placed.code) == (503, "overloaded")
    assert (closed.status, closed.code) == (503, "overloaded")
    assert "Retry-After" in placed.headers
    assert sent == []


async def test_a_disclosed_quantity_up_to_the_whole_is_taken(autojump_clock, tmp_path):
    body = a_body("one", disclosed_quantity=ORDER["quantity"])
    async with calling(tmp_path) as caller:
        answer = await caller.place({**body, "dry_run": True})
    assert answer.status == 200


async def test_while_accepts_are_late_new_orders_are_told_to_come_again(
    autojump_clock, tmp_path, monkeypatch
):
    monkeypatch.setattr(Placing, "congested", True)
    async with calling(tmp_path) as caller:
        answer = await caller.place()
        sent = caller.sent()
    assert (answer.status, answer.code) == (503, "overloaded")
    assert "Retry-After" in answer.headers
    assert sent == []
