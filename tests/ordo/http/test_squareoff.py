"""What clears a desk: cancel all that is open, close all that is held, by HTTP."""

import msgspec
import pytest
import trio

from actors.mailbox import MailboxFull, NoReply
from adapters import StoreFailed
from adapters.brokers.paper import Fault
from tests.ordo.http.caller import a_body, calling
from tests.support.closing import positions
from tests.support.memory_store import MemoryStore

PRICES = {"prices": {"NSE:SBIN": 812, "NSE:INFY": 1500}}
SHORT = a_body(symbol="NSE:INFY", side="SELL", price=1490, quantity=7)


async def cancel(caller, body=None, **more):
    return await caller.call("POST", "/api/v1/orders/cancel", body, **more)


async def close(caller, body=None, key=None, **more):
    if key is not None:
        more["Idempotency_Key"] = key
    body = {"brokers": ["one"]} if body is None else body
    return await caller.call("POST", "/api/v1/positions/close", body, **more)


def short(answer):
    """Of each leg: broker, status, code."""
    return [(leg["broker"], leg["status"], leg["error_code"]) for leg in answer.legs]


# Cancel -------------------------------------------------------------------------------


async def test_every_open_order_is_cancelled_and_told_one_by_one(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        await caller.place(a_body("one", "two", price=700))
        await caller.place(a_body("one", price=701))
        await caller.place()  # fills
        await trio.sleep(2)
        answer = await cancel(caller, {})
        again = await cancel(caller, {})
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert answer.data == {"wanted": 3, "done": 3, "failed": 0}
    assert sorted(short(answer)) == [
        ("one", "cancelled", None),
        ("one", "cancelled", None),
        ("two", "cancelled", None),
    ]
    assert (again.json["status"], again.data["wanted"], again.legs) == (
        "success",
        0,
        [],
    )


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"brokers": ["two"]}, {"one": 2, "two": 0}),
        ({"symbol": "NSE:INFY"}, {"one": 1, "two": 1}),
        ({"brokers": ["one"], "symbol": "NSE:SBIN"}, {"one": 1, "two": 2}),
        ({"symbol": "NSE:TCS"}, {"one": 2, "two": 2}),
    ],
)
async def test_only_what_matches_is_cancelled(autojump_clock, tmp_path, body, left):
    async with calling(tmp_path, "one", "two", paper=PRICES) as caller:
        await caller.place(a_body("one", "two", price=700))
        await caller.place(a_body("one", "two", symbol="NSE:INFY", price=1200))
        await cancel(caller, body)
        await trio.sleep(2)
        open_ = {
            name: sum(entry.is_open for entry in paper._account.book.entries.values())
            for name, paper in caller.papers.items()
        }
    assert open_ == left


async def test_cancels_pass_while_halted_and_without_a_body(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place(a_body(price=700))
        await caller.halt()
        answer = await cancel(caller)
    assert answer.data == {"wanted": 1, "done": 1, "failed": 0}


async def test_what_a_broker_does_not_cancel_is_told_in_its_words(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        await caller.place(a_body("one", "two", price=700))
        refusal = Fault.refuse("E9", "frozen")
        caller.papers["one"].script.on("cancel", refusal, times=None)
        partly = await cancel(caller, {})
        alone = await cancel(caller, {})
    assert (partly.status, partly.json["status"]) == (200, "partial")
    assert sorted(short(partly)) == [
        ("one", "acked", "rejected"),
        ("two", "cancelled", None),
    ]
    assert alone.legs[0]["message"] == "E9: frozen"
    assert (alone.json["status"], alone.data["failed"]) == ("error", 1)


async def test_an_unknown_order_is_pending_and_cancelled_once_found(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("place", Fault.lose_answer(hidden_for=20))
        order_id = (await caller.place(a_body(price=700))).legs[0]["order_id"]
        answer = await cancel(caller, {})
        await trio.sleep(40)
        shown = (await caller.get(f"/api/v1/orders/{order_id}")).data
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert short(answer) == [("one", "unknown", "unknown")]
    assert shown["status"] == "cancelled"


async def test_a_fill_that_was_faster_is_no_failure(autojump_clock, tmp_path):
    async with calling(tmp_path, paper={"fill": "manual"}) as caller:
        leg = (await caller.place(a_body(price=700))).legs[0]
        caller.papers["one"].fill(leg["broker_order_id"], 10, 700)
        answer = await cancel(caller, {})
    assert (answer.json["status"], short(answer)) == (
        "success",
        [("one", "filled", None)],
    )


async def test_hundreds_of_orders_are_cancelled_at_once(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        for _ in range(8):
            body = {"brokers": ["one"], "orders": a_body(price=700)["orders"] * 50}
            await caller.place(body)
        answer = await cancel(caller, {})
    assert answer.data == {"wanted": 400, "done": 400, "failed": 0}


async def test_orders_that_cannot_be_read_are_507(autojump_clock, tmp_path):
    from adapters import StoreFailed

    def broken(broker):
        raise StoreFailed("disk gone")

    async with calling(tmp_path) as caller:
        caller.system.records._store.unsettled = broken
        answer = await cancel(caller, {})
    assert (answer.status, answer.code) == (507, "storage_unavailable")


# Close --------------------------------------------------------------------------------


async def test_every_position_gets_its_opposite_order(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=PRICES) as caller:
        await caller.place()
        await caller.place(SHORT)
        answer = await close(caller, key="close-1")
        orders = (await caller.get("/api/v1/orders?limit=2")).data["orders"]
        assert positions(caller.papers["one"]) == {}
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert answer.data["idempotency_key"] == "close-1"
    assert [leg["status"] for leg in answer.legs] == ["acked", "acked"]
    assert {leg["sent_as"]["type"] for leg in answer.legs} == {"LIMIT"}
    told = {(row["symbol"], row["side"], row["quantity"]) for row in orders}
    assert told == {("NSE:SBIN", "SELL", 10), ("NSE:INFY", "BUY", 7)}
    assert {(row["type"], row["product"]) for row in orders} == {("MARKET", "INTRADAY")}


async def test_the_same_key_is_replayed_and_reads_no_positions(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place()
        first = await close(caller, key="close-1")
        await caller.place()  # something to close again
        script = caller.papers["one"].script
        before = script.calls["positions"]
        again = await close(caller, key="close-1")
        other = await close(
            caller, {"brokers": ["one"], "symbol": "NSE:SBIN"}, "close-1"
        )
        assert script.calls["positions"] == before
        assert positions(caller.papers["one"]) == {"NSE:SBIN": 10}
    assert again.data["batch_id"] == first.data["batch_id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_the_same_key_at_once_closes_once(autojump_clock, tmp_path):
    answers = []

    async def ask(caller):
        answers.append(await close(caller, key="close-1"))

    async with calling(tmp_path) as caller:
        await caller.place()
        script = caller.papers["one"].script
        script.on("positions", Fault.delay(1), times=None)
        async with trio.open_nursery() as asks:
            for _ in range(5):
                asks.start_soon(ask, caller)
        assert positions(caller.papers["one"]) == {}
        assert script.calls["positions"] == 1
    assert len({answer.data["batch_id"] for answer in answers}) == 1


async def test_a_key_of_an_order_is_another_key(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place(key="one-key")
        answer = await close(caller, key="one-key")
    assert (answer.status, answer.data["replayed"]) == (200, False)


async def test_where_nothing_is_open_nothing_is_sent_and_the_key_stays_free(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        nothing = await close(caller, key="close-1")
        await caller.place()
        answer = await close(caller, key="close-1")
    assert (nothing.json["status"], nothing.legs) == ("success", [])
    assert nothing.data["batch_id"] is None
    assert short(answer) == [("one", "acked", None)]


async def test_only_the_symbol_that_is_named_is_closed(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=PRICES) as caller:
        await caller.place()
        await caller.place(SHORT)
        await close(caller, {"brokers": ["one"], "symbol": "NSE:INFY"})
        assert positions(caller.papers["one"]) == {"NSE:SBIN": 10}


async def test_a_broker_that_cannot_be_read_is_told_beside_the_others(
    autojump_clock, tmp_path
):
    body = {"brokers": ["one", "two"]}
    async with calling(tmp_path, "one", "two") as caller:
        refusal = Fault.refuse("E5", "not now")
        caller.papers["two"].script.on("positions", refusal, times=None)
        nothing = await close(caller, body)
        await caller.place(a_body("one", "two"))
        partly = await close(caller, body)
        alone = await close(caller, {"brokers": ["two"]})
        assert positions(caller.papers["two"]) == {"NSE:SBIN": 10}
    assert (nothing.json["status"], len(nothing.legs)) == ("partial", 1)
    assert partly.json["status"] == "partial"
    assert short(partly) == [("one", "acked", None), ("two", "error", "rejected")]
    assert (alone.status, alone.json["status"]) == (200, "error")
    assert alone.legs[0]["broker_message"] == "not now"


async def test_a_product_without_orders_is_told(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        paper = caller.papers["one"]
        await caller.place()
        (row,) = await paper.positions()

        async def covered():
            return [msgspec.structs.replace(row, product="CO")]

        paper.positions = covered
        answer = await close(caller)
    assert short(answer) == [("one", "error", "unsupported")]
    assert answer.legs[0]["message"].startswith("NSE:SBIN CO: Ordo has no orders in")


async def test_an_exit_is_not_held_up_for_want_of_funds(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place()
        desk = caller.system.pretrade._desks["one"]
        real = msgspec.structs.replace(desk.can, simulated=False, margin=True)
        caller.system.pretrade._desks["one"] = desk._replace(can=real)
        calls = caller.papers["one"].script.calls
        before = (calls["margin"], calls["funds"])
        answer = await close(caller)
        assert (calls["margin"], calls["funds"]) == before
    assert answer.legs[0]["checks_skipped"] == [] or "funds" not in {
        each["check"] for each in answer.legs[0]["checks_skipped"]
    }


async def test_while_halted_it_is_refused_and_a_known_key_replayed(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place()
        first = await close(caller, key="close-1")
        await caller.place()
        await caller.halt()
        refused = await close(caller, key="close-2")
        again = await close(caller, key="close-1")
        assert positions(caller.papers["one"]) == {"NSE:SBIN": 10}
    assert (refused.status, refused.code) == (503, "kill_switch_engaged")
    assert again.data["batch_id"] == first.data["batch_id"]


async def test_positions_that_take_too_long_leave_no_order_behind(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.place()
        slow = Fault.delay(9)
        caller.papers["one"].script.on("positions", slow, times=None)
        body = {"brokers": ["one"], "deadline_ms": 1000}
        answer = await close(caller, body, key="close-1")
        assert positions(caller.papers["one"]) == {"NSE:SBIN": 10}
    assert short(answer) == [("one", "error", "deadline_exceeded")]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("positions/close", {}, "$"),
        ("positions/close", {"brokers": []}, "$.brokers"),
        ("positions/close", {"brokers": ["zero"]}, "$.brokers[0]"),
        ("positions/close", {"brokers": ["one", "one"]}, "$.brokers[1]"),
        ("positions/close", {"brokers": ["one"], "symbol": "SBIN"}, "$.symbol"),
        ("positions/close", {"brokers": ["one"], "side": "BUY"}, "$.side"),
        ("positions/close", {"brokers": ["one"], "closes_for": 1}, "$.closes_for"),
        ("orders/cancel", {"brokers": ["zero"]}, "$.brokers[0]"),
        ("orders/cancel", {"symbol": "sbin"}, "$.symbol"),
        ("orders", {**a_body(), "closes_for": 1}, "$.closes_for"),
    ],
)
async def test_a_bad_body_is_422_at_its_path(
    autojump_clock, tmp_path, path, body, where
):
    async with calling(tmp_path) as caller:
        answer = await caller.call("POST", f"/api/v1/{path}", body)
    assert (answer.status, answer.where) == (422, where)


@pytest.mark.parametrize(
    ("path", "failure", "wanted"),
    [
        ("positions/close", MailboxFull("full"), (503, "overloaded")),
        ("positions/close", NoReply("left"), (409, "idempotency_in_progress")),
        ("positions/close", trio.TooSlowError(), (409, "idempotency_in_progress")),
        ("orders/cancel", MailboxFull("full"), (503, "overloaded")),
        ("orders/cancel", NoReply("left"), (503, "overloaded")),
    ],
)
async def test_a_router_that_gives_no_answer_is_told(
    autojump_clock, tmp_path, path, failure, wanted
):
    async def ask(message, *, urgent=False):
        raise failure

    async with calling(tmp_path) as caller:
        caller.system.router.ask = ask
        answer = await caller.call("POST", f"/api/v1/{path}", {"brokers": ["one"]})
    assert (answer.status, answer.code) == wanted


async def test_a_stopping_ordo_closes_nothing(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place()
        caller.system.stopping = True
        answer = await close(caller)
        assert positions(caller.papers["one"]) == {"NSE:SBIN": 10}
    assert (answer.status, answer.code) == (503, "shutting_down")


@pytest.mark.parametrize("path", ["positions/close", "orders/cancel"])
async def test_both_take_scope_trade(autojump_clock, tmp_path, path):
    body = {"brokers": ["one"]}
    async with calling(tmp_path) as caller:
        refused = await caller.call("POST", f"/api/v1/{path}", body, scope="read")
        done = await caller.call("POST", f"/api/v1/{path}", body, scope="trade")
    assert (refused.status, done.status) == (403, 200)


# The kill-switch ----------------------------------------------------------------------


async def test_the_switch_squares_off_and_counts_along(autojump_clock, tmp_path):
    engage = {"engaged": True, "reason": "test", "close_positions": True}
    async with calling(tmp_path, paper=PRICES) as caller:
        await caller.place()
        await caller.place(SHORT)
        await caller.place(a_body(price=700))
        answer = await caller.call("PUT", "/api/v1/kill-switch", engage, scope="trade")
        await trio.sleep(10)
        after = await caller.get("/api/v1/kill-switch")
        assert positions(caller.papers["one"]) == {}
    assert answer.data["close_positions"] is True
    assert after.data["progress"] == {
        "cancels": {"wanted": 3, "done": 3, "failed": 0},  # two were filled just now
        "closes": {"wanted": 2, "done": 2, "failed": 0},
        "brokers": [
            {
                "broker": "one",
                "wanted": 3,
                "done": 3,
                "failed": 0,
                "closes": {"wanted": 2, "done": 2, "failed": 0},
                "failures": [],
            }
        ],
    }


async def test_while_the_file_stands_there_a_release_is_a_conflict(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        caller.system.door.path = tmp_path / "HALT"
        await caller.halt()
        caller.system.door.shut("by hand")
        release = {"engaged": False}
        refused = await caller.call("PUT", "/api/v1/kill-switch", release)
        still = caller.system.trading.engaged
        caller.system.door.path.unlink()
        released = await caller.call("PUT", "/api/v1/kill-switch", release)
    assert (refused.status, refused.code, still) == (409, "conflict", True)
    assert refused.json["message"] == (
        "the file HALT stands in the data directory: remove it first"
    )
    assert released.data["engaged"] is False


async def test_where_the_key_cannot_be_looked_up_nothing_is_closed(
    autojump_clock, tmp_path
):
    store = MemoryStore()

    def fails(scope):
        raise StoreFailed("cannot be read")

    async with calling(tmp_path, store=store) as caller:
        await caller.place()
        store.key = fails
        answer = await close(caller, Idempotency_Key="key-2")
        assert positions(caller.papers["one"]) == {"NSE:SBIN": 10}
    assert (answer.status, answer.code) == (507, "storage_unavailable")
