"""Looking at orders, paging through them, cancelling them."""

import trio

from actors.mailbox import Mailbox
from adapters.brokers.paper import Fault
from tests.ordo.http.caller import NOW, ORDER, a_body, calling

RESTING = a_body(price=700)


async def test_an_order_is_shown_with_every_change_of_its_status(
    autojump_clock, tmp_path
):
    body = {**a_body(note="breakout"), "portfolio_id": 7}
    async with calling(tmp_path) as caller:
        placed = await caller.place(body)
        await trio.sleep(40)
        order_id = placed.legs[0]["order_id"]
        order = (await caller.get(f"/api/v1/orders/{order_id}")).data
    assert order == {
        "order_id": order_id,
        "batch_id": placed.data["batch_id"],
        "portfolio_id": 7,
        "order_index": 0,
        "broker": "one",
        "client_tag": order_id,
        "broker_order_id": placed.legs[0]["broker_order_id"],
        **ORDER,
        "trigger_price": None,
        "validity": "DAY",
        "disclosed_quantity": None,
        "note": "breakout",
        "status": "filled",
        "filled_quantity": 10,
        "average_price": order["average_price"],
        "cancel_requested": False,
        "error_code": None,
        "message": None,
        "broker_code": None,
        "broker_message": None,
        "http_status": order["http_status"],
        "attempts": 1,
        "latency_ms": 0.0,
        "sent_as": None,
        "parent_id": None,
        "slice": None,
        "created_at": NOW,
        "updated_at": order["updated_at"],
        "events": order["events"],
    }
    assert [event["status"] for event in order["events"]] == [
        "placed",
        "acked",
        "filled",
    ]
    assert order["events"][0] == {
        "at": NOW,
        "status": "placed",
        "cause": "accepted",
        "fill_price": None,
        "fill_quantity": None,
    }


async def test_orders_are_listed_newest_first_in_pages(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        ids = []
        for number in range(5):
            answer = await caller.place({**RESTING, "portfolio_id": f"p{number}"})
            ids.append(answer.legs[0]["order_id"])
            await trio.sleep(0.01)
        first = await caller.get("/api/v1/orders?limit=2")
        second = await caller.get(
            f"/api/v1/orders?limit=2&cursor={first.data['next_cursor']}"
        )
        third = await caller.get(
            f"/api/v1/orders?limit=2&cursor={second.data['next_cursor']}"
        )
        whole = await caller.get("/api/v1/orders")
    pages = [first, second, third]
    assert [[row["order_id"] for row in page.data["orders"]] for page in pages] == [
        [ids[4], ids[3]],
        [ids[2], ids[1]],
        [ids[0]],
    ]
    assert third.data["next_cursor"] is None
    assert whole.data["next_cursor"] is None
    assert [row["portfolio_id"] for row in first.data["orders"]] == ["p4", "p3"]


async def test_a_page_that_ends_with_the_last_order_has_no_next(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place(RESTING)
        await caller.place(RESTING)
        answer = await caller.get("/api/v1/orders?limit=2")
    assert len(answer.data["orders"]) == 2
    assert answer.data["next_cursor"] is None


async def test_orders_are_found_by_broker_status_symbol_batch_and_time(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        first = await caller.place(a_body("one", price=700))
        await trio.sleep(10)
        await caller.place(a_body("two", symbol="MARS:X", brokers=["one", "two"]))
        await caller.place(
            {
                "brokers": ["two"],
                "orders": [{**ORDER, "price": 700}, {**ORDER, "symbol": "MARS:X"}],
            }
        )

        async def count(query):
            answer = await caller.get(f"/api/v1/orders?{query}")
            return len(answer.data["orders"])

        assert await count("broker=one") == 1
        assert await count("broker=two") == 2
        assert await count("broker=zero") == 0
        assert await count("status=denied") == 1
        assert await count("symbol=NSE:SBIN") == 2
        assert await count(f"batch_id={first.data['batch_id']}") == 1
        assert await count("since=2026-11-23T03:45:07Z") == 2
        assert await count("since=2026-11-23T09:15:07.000%2B05:30") == 2
        assert await count("since=2026-11-23T09:15:07.000+05:30") == 2
        assert await count("since=2026-11-23T03:44:00Z&broker=one") == 1


async def test_a_batch_is_shown_with_its_legs(autojump_clock, tmp_path):
    async with calling(tmp_path, "one", "two") as caller:
        placed = await caller.place(
            {**a_body("one", "two"), "portfolio_id": "p"}, key="key-1"
        )
        batch = (await caller.get(f"/api/v1/batches/{placed.data['batch_id']}")).data
    assert batch["batch_id"] == placed.data["batch_id"]
    assert batch["idempotency_key"] == "key-1"
    assert batch["portfolio_id"] == "p"
    assert batch["created_at"] == NOW
    assert [row["broker"] for row in batch["orders"]] == ["one", "two"]
    assert [row["portfolio_id"] for row in batch["orders"]] == ["p", "p"]


async def test_an_open_order_is_cancelled_and_a_second_time_is_a_conflict(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        placed = await caller.place(RESTING)
        path = f"/api/v1/orders/{placed.legs[0]['order_id']}"
        answer = await caller.call("DELETE", path, scope="trade")
        again = await caller.call("DELETE", path, scope="trade")
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert answer.data["status"] == "cancelled"
    assert [leg["status"] for leg in answer.legs] == ["cancelled"]
    assert (again.status, again.code) == (409, "conflict")


async def test_a_cancel_that_the_broker_refuses_says_so_in_its_result(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        placed = await caller.place(RESTING)
        caller.papers["one"].script.on("cancel", Fault.refuse("OMS", "too late"))
        path = f"/api/v1/orders/{placed.legs[0]['order_id']}"
        answer = await caller.call("DELETE", path)
    assert (answer.status, answer.json["status"], answer.code) == (200, "error", None)
    assert answer.legs[0]["status"] == "acked"
    assert answer.legs[0]["error_code"] == "rejected"


async def test_a_cancel_of_an_unknown_order_is_pending(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        fault = Fault.lose_answer(hidden_for=60)
        caller.papers["one"].script.on("place", fault)
        placed = await caller.place(RESTING)
        path = f"/api/v1/orders/{placed.legs[0]['order_id']}"
        answer = await caller.call("DELETE", path)
        await trio.sleep(120)
        after = await caller.get(path)
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert answer.data["status"] == "unknown"
    assert after.data["status"] == "cancelled"


async def test_a_cancel_without_an_answer_in_time_is_pending_and_not_an_error(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        placed = await caller.place(RESTING)
        caller.system.router = Mailbox("nobody listens", 10)
        path = f"/api/v1/orders/{placed.legs[0]['order_id']}"
        began = trio.current_time()
        answer = await caller.call("DELETE", path)
        took = trio.current_time() - began
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert answer.legs[0]["error_code"] == "unknown"
    assert took == 15


async def test_a_cancel_of_nothing_is_404(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await caller.call("DELETE", "/api/v1/orders/0123456789ABCDEF")
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_full_router_is_503_overloaded(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        caller.system.router = full = Mailbox("router", 1, urgent_capacity=1)
        full.tell("x")
        full.tell("x", urgent=True)
        order = await caller.place()
        cancel = await caller.call("DELETE", "/api/v1/orders/0123456789ABCDEF")
    for answer in (order, cancel):
        assert (answer.status, answer.code) == (503, "overloaded")
        assert answer.headers["Retry-After"] == "1"


async def test_an_order_without_an_answer_is_409_and_tells_the_key_to_ask_with(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.system.router = Mailbox("nobody listens", 10)
        answer = await caller.place()
        assert trio.current_time() == 7
    assert (answer.status, answer.code) == (409, "idempotency_in_progress")
    assert answer.headers["Retry-After"] == "1"
    assert len(answer.data["idempotency_key"]) == 16
