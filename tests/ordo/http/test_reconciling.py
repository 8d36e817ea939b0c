"""`POST /api/v1/reconcile`, and whose orders the rows of `/orderbook` are."""

import trio

from adapters.brokers.paper import Fault
from tests.ordo.http.caller import NOW, calling
from tests.support.gateway import an_order
from tests.support.logins import Guarded
from tests.support.memory_store import MemoryStore

MANUAL = {"fill": "manual"}


async def reconcile(caller, body=None, **more):
    return await caller.call("POST", "/api/v1/reconcile", body, **more)


async def elsewhere(caller, broker="one", **changes):
    """Another program places an order."""
    paper = caller.papers[broker]
    answer = await paper.place(an_order(**changes), "", lambda: None)
    return answer.broker_order_id


async def test_differences_external_orders_and_counts_of_all_brokers(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two", paper=MANUAL) as caller:
        placed = await caller.place()
        number = placed.legs[0]["broker_order_id"]
        caller.papers["one"].fill(number, 4, 813)
        other = await elsewhere(caller, "two", quantity=7)
        answer = await reconcile(caller, {})
        assert (answer.status, answer.json["status"]) == (200, "success")
        leg = placed.legs[0]
        same = {
            "broker": "one",
            "order_id": leg["order_id"],
            "broker_order_id": number,
            "symbol": "NSE:SBIN",
        }
        assert answer.data["differences"] == [
            {
                **same,
                "what": "status",
                "ours": "acked",
                "theirs": "partially_filled",
                "mended": True,
            },
            {
                **same,
                "what": "filled_quantity",
                "ours": "0",
                "theirs": "4",
                "mended": True,
            },
        ]
        assert answer.data["checked"] == {"brokers": 2, "orders": 1, "rows": 2}
        assert answer.data["orders"] == [
            {
                "broker": "two",
                "broker_order_id": other,
                "tag": None,
                "symbol": "NSE:SBIN",
                "side": "BUY",
                "quantity": 7,
                "filled_quantity": 0,
                "status": "open",
                "type": "LIMIT",
                "product": "CNC",
                "price": 813,
                "trigger_price": None,
                "average_price": None,
                "validity": "DAY",
                "message": None,
                "placed_at": NOW,
                "order_id": None,
                "external": True,
            }
        ]
        assert [(leg["broker"], leg["status"], leg["data"]) for leg in answer.legs] == [
            ("one", "success", {"orders": 1, "rows": 1}),
            ("two", "success", {"orders": 0, "rows": 1}),
        ]
        shown = await caller.get(f"/api/v1/orders/{leg['order_id']}")
        assert shown.data["filled_quantity"] == 4


async def test_only_the_brokers_named_are_read_each_once(autojump_clock, tmp_path):
    async with calling(tmp_path, "one", "two") as caller:
        reads = [paper.script.calls["order_book"] for paper in caller.papers.values()]
        answer = await reconcile(caller, {"brokers": ["two", "two"]})
        assert [leg["broker"] for leg in answer.legs] == ["two"]
        now = [paper.script.calls["order_book"] for paper in caller.papers.values()]
        assert now == [reads[0], reads[1] + 1]


async def test_no_body_means_all_brokers(autojump_clock, tmp_path):
    async with calling(tmp_path, "one", "two") as caller:
        answer = await reconcile(caller)
        assert [leg["broker"] for leg in answer.legs] == ["one", "two"]


async def test_an_unknown_broker_is_refused_and_nothing_read(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        reads = caller.papers["one"].script.calls["order_book"]
        answer = await reconcile(caller, {"brokers": ["one", "ghost"]})
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert answer.where == "$.brokers[1]"
        assert caller.papers["one"].script.calls["order_book"] == reads


async def test_an_unknown_field_is_refused(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        answer = await reconcile(caller, {"broker": "one"})
        assert (answer.status, answer.where) == (422, "$.broker")


async def test_it_takes_scope_trade(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        assert (await reconcile(caller, {}, scope="read")).status == 403
        assert (await reconcile(caller, {}, scope="trade")).status == 200
        assert (await reconcile(caller, {}, scope=None)).status == 401


async def test_a_broker_whose_book_cannot_be_read_is_an_error_of_its_own(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        await elsewhere(caller, "one")
        await elsewhere(caller, "two")
        refusal = Fault.refuse("E1", "maintenance")
        caller.papers["two"].script.on("order_book", refusal)
        answer = await reconcile(caller, {})
        assert (answer.status, answer.json["status"]) == (200, "partial")
        assert [row["broker"] for row in answer.data["orders"]] == ["one"]
        assert answer.data["checked"] == {"brokers": 1, "orders": 0, "rows": 1}
        failed = answer.legs[1]
        assert (failed["status"], failed["error_code"]) == ("error", "rejected")
        assert (failed["broker_code"], failed["broker_message"]) == (
            "E1",
            "maintenance",
        )


async def test_where_nobody_is_logged_in_it_says_so(autojump_clock, tmp_path):
    async with calling(tmp_path, guarded={"two": Guarded()}) as caller:
        answer = await reconcile(caller, {})
        assert [leg["error_code"] for leg in answer.legs] == [None, "login_required"]


async def test_a_silent_broker_holds_the_others_up_for_twenty_seconds_at_most(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        caller.papers["two"].script.on("order_book", Fault.never(), times=None)
        began = trio.current_time()
        answer = await reconcile(caller, {})
        assert trio.current_time() - began == 20
        assert [leg["error_code"] for leg in answer.legs] == [
            None,
            "deadline_exceeded",
        ]
        assert answer.data["checked"]["brokers"] == 1


async def test_a_broker_that_has_no_room_or_is_gone_is_an_error_of_its_own(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two") as caller:
        caller.system.brokers["two"].capacity = 0
        answer = await reconcile(caller, {})
        assert answer.legs[1]["error_code"] == "rate_queue_full"
        caller.system.brokers["one"].close()
        answer = await reconcile(caller, {"brokers": ["one"]})
        assert answer.legs[0]["error_code"] == "broker_unavailable"


async def test_who_asked_is_in_the_audit(autojump_clock, tmp_path):
    store = MemoryStore()
    async with calling(tmp_path, "one", "two", store=store) as caller:
        answer = await reconcile(caller, {}, X_Request_ID="R7")
        assert answer.headers["X-Request-ID"] == "R7"
        audit = await caller.get("/api/v1/audit?request_id=R7")
        rows = [(row["action"], row["broker"]) for row in audit.data["audit"]]
        assert sorted(rows) == [
            ("broker.reconcile_requested", "one"),
            ("broker.reconcile_requested", "two"),
        ]
        assert all(row["actor"].startswith("token:") for row in audit.data["audit"])


async def test_it_works_while_trading_is_halted_and_touches_nothing(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, paper=MANUAL) as caller:
        await elsewhere(caller)
        await caller.halt()
        answer = await reconcile(caller, {})
        assert len(answer.data["orders"]) == 1
        calls = caller.papers["one"].script.calls
        assert calls["cancel"] + calls["modify"] == 0


async def test_rows_of_the_order_book_say_whose_they_are(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        placed = await caller.place()
        await elsewhere(caller)
        book = await caller.get("/api/v1/orderbook", scope="read")
        rows = [(row["order_id"], row["external"]) for row in book.data["orders"]]
        assert rows == [(placed.legs[0]["order_id"], False), (None, True)]
