"""The brokers' own books by HTTP, status, audit and the switches."""

import re

import trio

from actors.stall import LoopWatch
from adapters.brokers.paper import Fault
from ordo.version import __version__
from tests.ordo.http.caller import NOW, a_body, calling
from tests.ordo.http.test_sessions import log_in
from tests.support.logins import Guarded
from tests.support.memory_store import START, MemoryStore

HOLDINGS = {"NSE:SBIN": {"quantity": 100, "average_price": "733.33335"}}


async def test_rows_of_all_brokers_stand_in_one_list_each_with_its_broker(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two", paper={"holdings": HOLDINGS}) as caller:
        answer = await caller.get("/api/v1/holdings")
        some = await caller.get("/api/v1/holdings?brokers=two")
    assert (answer.status, answer.json["status"]) == (200, "success")
    assert answer.data == {
        "holdings": [
            {
                "broker": name,
                "symbol": "NSE:SBIN",
                "quantity": 100,
                "t1_quantity": 0,
                "average_price": 733.3334,
                "last_price": 812,
                "isin": None,
            }
            for name in ("one", "two")
        ],
        "next_cursor": None,
    }
    assert [row["broker"] for row in some.data["holdings"]] == ["two"]
    assert [result["broker"] for result in some.legs] == ["two"]


async def test_one_broker_that_fails_makes_a_read_partial(autojump_clock, tmp_path):
    async with calling(tmp_path, "one", "two") as caller:
        fault = Fault.refuse("E1", "closed")
        caller.papers["two"].script.on("funds", fault, times=None)
        answer = await caller.get("/api/v1/funds")
    assert (answer.status, answer.json["status"], answer.code) == (200, "partial", None)
    assert [row["broker"] for row in answer.data["funds"]] == ["one"]
    assert [result["status"] for result in answer.legs] == ["success", "error"]
    assert answer.legs[1]["broker_code"] == "E1"


async def test_a_silent_broker_ends_a_read_within_ten_seconds(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        caller.papers["one"].script.on("trades", Fault.never(), times=None)
        began = trio.current_time()
        answer = await caller.get("/api/v1/trades")
        took = trio.current_time() - began
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert answer.legs[0]["status"] == "error"
    assert took <= 10


async def test_every_read_answers_under_its_plural_name(autojump_clock, tmp_path):
    names = {
        "positions": "positions",
        "trades": "trades",
        "orderbook": "orders",
        "quotes?symbols=NSE:SBIN,NSE:INFY": "quotes",
    }
    async with calling(tmp_path) as caller:
        await caller.place()
        await trio.sleep(40)
        answers = {
            name: await caller.get(f"/api/v1/{path}") for path, name in names.items()
        }
    for name, answer in answers.items():
        assert answer.status == 200
        assert answer.data["next_cursor"] is None
        assert len(answer.data[name]) == (2 if name == "quotes" else 1)
        assert answer.data[name][0]["broker"] == "one"
        assert answer.data[name][0]["symbol"] == "NSE:SBIN"
    assert answers["trades"].data["trades"][0]["traded_at"] == NOW


async def test_the_portfolio_has_totals_by_symbol_and_by_broker(
    autojump_clock, tmp_path
):
    async with calling(tmp_path, "one", "two", paper={"holdings": HOLDINGS}) as caller:
        answer = await caller.get("/api/v1/portfolio")
    totals = answer.data["totals"]
    (sbin,) = totals["by_symbol"]
    assert (sbin["symbol"], sbin["holding_quantity"]) == ("NSE:SBIN", 200)
    assert sbin["holding_value"] == 162400
    assert [part["holding_quantity"] for part in sbin["brokers"]] == [100, 100]
    assert [row["broker"] for row in totals["by_broker"]] == ["one", "two"]
    (funds,) = totals["funds"]
    assert (funds["currency"], funds["cash"]) == ("INR", 2_000_000)
    assert [result["status"] for result in answer.legs] == ["success", "success"]


async def test_status_tells_how_everything_does(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place()
        await trio.sleep(10)
        answer = await caller.get("/api/v1/status", scope="read")
    broker = answer.data.pop("brokers")[0]
    assert answer.data == {
        "health": "ok",
        "store": {"ok": True, "failure": None},
        "kill_switch": {"engaged": False, "reason": None, "since": None, "by": None},
        "masters": [],
        "clock": None,
        "warnings": [],
        "loop": {
            "limit_ms": 100.0,
            "max_lag_ms": 0.0,
            "blocked": 0,
            "last_lag_ms": None,
            "last_task": None,
            "last_at": None,
        },
        "stopping": False,
        "version": __version__,
        "uptime_seconds": 12.0,
    }
    assert broker["broker"] == "one"
    assert broker["connection"] == "connected"
    assert broker["breaker"] == "CLOSED"
    for name in ("last_call_at", "last_login_at"):
        assert re.fullmatch(r"2026-11-23T03:45:0\d\.\d{3}Z", broker[name])
    assert broker["queue_depth"] == 0
    assert broker["restarts"] == 0


async def test_status_tells_of_a_loop_that_was_blocked(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        clock = iter([10.0, 10.25])
        watch = caller.system.loop = LoopWatch(
            lambda: START, limit=0.2, clock=lambda: next(clock)
        )
        watch.after_io_wait(0)
        watch.before_io_wait(0)
        answer = await caller.get("/api/v1/status", scope="read")
    assert answer.data["loop"] == {
        "limit_ms": 200.0,
        "max_lag_ms": 250.0,
        "blocked": 1,
        "last_lag_ms": 250.0,
        "last_task": "?",
        "last_at": "2026-11-23T03:45:00.000Z",
    }


async def test_status_says_halted_and_failing(autojump_clock, tmp_path):
    store = MemoryStore()
    async with calling(tmp_path, store=store) as caller:
        await caller.halt()
        halted = await caller.get("/api/v1/status")
        store.failing = "disk full"
        await caller.call("PUT", "/api/v1/kill-switch", {"engaged": False})
        failing = await caller.get("/api/v1/status")
        store.failing = None
    assert halted.data["health"] == "halted"
    assert halted.data["kill_switch"]["reason"] == "test"
    assert failing.data["health"] == "failing"
    assert failing.data["store"] == {"ok": False, "failure": "disk full"}


async def test_the_audit_is_read_in_pages_oldest_first(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        for number in range(3):
            await caller.place(a_body(price=700), X_Request_ID=f"r{number}")
        first = await caller.get("/api/v1/audit?limit=2")
        rest = await caller.get(
            f"/api/v1/audit?limit=100&cursor={first.data['next_cursor']}"
        )
        mine = await caller.get("/api/v1/audit?request_id=r1")
    numbers = [row["seq"] for row in first.data["audit"] + rest.data["audit"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert rest.data["next_cursor"] is None
    assert [row["request_id"] for row in mine.data["audit"]] == ["r1"]
    assert mine.data["audit"][0]["at"] == "2026-11-23T03:45:00.000Z"


async def test_the_switch_is_engaged_and_released_and_tells_by_whom(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        before = await caller.get("/api/v1/kill-switch")
        await trio.sleep(1.2345)
        engaged = await caller.halt(scope="trade")
        read = await caller.get("/api/v1/kill-switch")
        released = await caller.call("PUT", "/api/v1/kill-switch", {"engaged": False})
        by = caller.tokens["trade"].split("_")[1]
    none = {"wanted": 0, "done": 0, "failed": 0}
    nothing = {"cancels": none, "closes": none, "brokers": []}
    wants = {"cancel_open": False, "close_positions": False}
    assert before.data == {
        "engaged": False,
        "reason": None,
        "since": None,
        "by": None,
        **wants,
        "on_the_wire": [],
        "progress": nothing,
    }
    assert engaged.data == {
        "engaged": True,
        "reason": "test",
        "since": "2026-11-23T03:45:03.234Z",
        "by": f"token:{by}",
        **wants,
        "on_the_wire": [],
        "progress": nothing,
    }
    assert read.data == engaged.data
    assert released.data["engaged"] is False


async def test_only_admin_releases_and_a_refused_release_leaves_it_engaged(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        await caller.halt(scope="trade")
        answer = await caller.call(
            "PUT", "/api/v1/kill-switch", {"engaged": False}, scope="trade"
        )
        assert caller.system.trading.engaged
    assert (answer.status, answer.code) == (403, "forbidden")


async def test_the_switch_names_what_had_left_and_counts_its_cancels(
    autojump_clock, tmp_path
):
    engage = {"engaged": True, "reason": "enough", "cancel_open": True}
    async with calling(tmp_path) as caller:
        await caller.place(a_body(price=700))
        caller.papers["one"].script.on("place", Fault.delay(1))
        async with trio.open_nursery() as senders:
            senders.start_soon(caller.place, a_body(price=701))
            await trio.sleep(0.5)
            answer = await caller.call("PUT", "/api/v1/kill-switch", engage)
            at = trio.current_time()
        await trio.sleep(5)
        after = await caller.get("/api/v1/kill-switch")
        newest = caller.sent()[-1]
    assert at == 2.5
    assert answer.data["on_the_wire"] == [newest]
    cancels = after.data["progress"]["cancels"]
    assert cancels["wanted"] == cancels["done"] + cancels["failed"] == 2
    (part,) = after.data["progress"]["brokers"]
    assert {name: part[name] for name in cancels} == cancels
    assert part["closes"] == {"wanted": 0, "done": 0, "failed": 0}
    assert (part["broker"], part["failures"]) == ("one", [])


async def test_a_switch_that_cannot_be_recorded_is_507_and_engaged_all_the_same(
    autojump_clock, tmp_path
):
    store = MemoryStore()
    async with calling(tmp_path, store=store) as caller:
        store.failing = "disk full"
        engage = await caller.halt()
        assert caller.system.trading.engaged
        release = await caller.call("PUT", "/api/v1/kill-switch", {"engaged": False})
        assert caller.system.trading.engaged
        store.failing = None
    assert (engage.status, engage.code) == (507, "storage_unavailable")
    assert engage.data == {"engaged": True}
    assert (release.status, release.data) == (507, {"engaged": True})


async def test_a_breaker_is_forced_open_and_left_to_itself_again(
    autojump_clock, tmp_path
):
    path = "/api/v1/brokers/one/breaker"
    async with calling(tmp_path) as caller:
        opened = await caller.call("PUT", path, {"state": "OPEN"})
        refused = await caller.place()
        auto = await caller.call("PUT", path, {"state": "AUTO"})
    assert opened.data == {"broker": "one", "state": "OPEN", "forced": True}
    assert refused.legs[0]["error_code"] == "broker_unavailable"
    assert auto.data["forced"] is False


async def test_the_depth_and_the_margin_are_asked_of_each_broker(
    autojump_clock, tmp_path
):
    bank = Guarded()
    async with calling(tmp_path, "one", guarded={"bank": bank}) as caller:
        await log_in(caller)
        depth = await caller.get("/api/v1/depth?symbol=NSE:SBIN")
        margin = await caller.call("POST", "/api/v1/margin", a_body("one", "bank"))
        bad = await caller.get("/api/v1/depth?symbol=SBIN")
    assert depth.json["status"] == margin.json["status"] == "partial"
    assert depth.data["depth"] == [
        {
            "broker": "bank",
            "symbol": "NSE:SBIN",
            "bids": [{"price": 811.9, "quantity": 100, "orders": 3}],
            "asks": [],
            "last_price": 812,
            "lower_band": None,
            "upper_band": None,
            "at": None,
        }
    ]
    assert margin.data["margins"] == [
        {"broker": "bank", "required": 8130, "available": None, "currency": "INR"}
    ]
    refused = [row["error_code"] for row in (*depth.legs, *margin.legs)]
    assert refused == ["unsupported", None, "unsupported", None]
    assert (bad.status, bad.code) == (422, "validation_failed")


async def test_a_portfolio_of_an_unknown_broker_is_refused_and_no_fault(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        answer = await caller.get("/api/v1/portfolio?brokers=one,,two")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == "brokers"
