"""POST …/simulate_fill: an order filled by hand, refused, told as it stands."""

import json

import pytest
from msgspec.structs import replace

from adapters.brokers.paper import Fault
from tests.ordo.http.caller import a_body, calling
from tests.support.gateway import make_paper
from tests.support.real import Real

MANUAL = {"fill": "manual"}


def at(order_id):
    return f"/api/v1/orders/{order_id}/simulate_fill"


def a_fill(price=813, qty=10, **more):
    return {"fill_price": price, "fill_qty": qty, **more}


async def fill(caller, order_id, *fills, **more):
    return await caller.call("POST", at(order_id), {"fills": list(fills)}, **more)


async def placed(caller, **changes):
    return (await caller.place(a_body(**changes))).legs[0]["order_id"]


async def test_part_fills_take_an_order_from_acked_to_filled(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        part = await fill(caller, order_id, a_fill(812.5, 4))
        rest = await fill(caller, order_id, a_fill(812, 1), a_fill(813, 5))
        shown = await caller.get(f"/api/v1/orders/{order_id}")
    assert (part.status, part.json["status"]) == (200, "success")
    assert (part.data["status"], part.data["filled_quantity"]) == (
        "partially_filled",
        4,
    )
    assert part.legs[0]["status"] == "partially_filled"
    assert (rest.data["status"], rest.data["average_price"]) == ("filled", 812.7)
    assert [
        (event["status"], event["fill_quantity"], event["fill_price"])
        for event in rest.data["events"]
    ] == [
        ("placed", None, None),
        ("acked", None, None),
        ("partially_filled", 4, 812.5),
        ("partially_filled", 1, 812),
        ("filled", 5, 813),
    ]
    assert rest.data == shown.data


async def test_positions_funds_and_trades_follow(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller, product="CNC")
        await fill(caller, order_id, a_fill(810, 4))
        [position] = (await caller.get("/api/v1/positions")).data["positions"]
        [trade] = (await caller.get("/api/v1/trades")).data["trades"]
        [funds] = (await caller.get("/api/v1/funds")).data["funds"]
    assert (position["quantity"], position["average_price"]) == (4, 810)
    assert (trade["quantity"], trade["price"], trade["tag"]) == (4, 810, order_id)
    assert funds["cash"] == 1_000_000 - 3240
    assert funds["available"] == 1_000_000 - 3240 - 6 * 813


async def test_the_order_id_of_a_fill_is_that_of_the_path(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        first, second = await placed(caller), await placed(caller)
        right = await fill(caller, first, a_fill(order_id=first))
        wrong = await fill(caller, second, a_fill(qty=1), a_fill(order_id=first))
        shown = await caller.get(f"/api/v1/orders/{second}")
    assert right.data["status"] == "filled"
    assert (wrong.status, wrong.code) == (422, "validation_failed")
    assert wrong.where == "$.fills[1].order_id"
    assert shown.data["filled_quantity"] == 0


async def test_more_than_is_open_fills_nothing(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        answer = await fill(caller, order_id, a_fill(qty=4), a_fill(qty=7))
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert answer.legs[0]["error_code"] == "invalid_quantity"
    assert answer.legs[0]["message"] == "wanted at most the 10 that are open, was 11"
    assert (answer.data["status"], answer.data["filled_quantity"]) == ("acked", 0)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "$"),
        ({"fills": []}, "$.fills"),
        ({"fills": [a_fill()] * 51}, "$.fills"),
        ({"fills": [a_fill(qty=0)]}, "$.fills[0].fill_qty"),
        ({"fills": [a_fill(qty=-1)]}, "$.fills[0].fill_qty"),
        ({"fills": [a_fill(qty=1.5)]}, "$.fills[0].fill_qty"),
        ({"fills": [a_fill(qty="4")]}, "$.fills[0].fill_qty"),
        ({"fills": [a_fill(price=0)]}, "$.fills[0].fill_price"),
        ({"fills": [a_fill(price=1.00001)]}, "$.fills[0].fill_price"),
        ({"fills": [a_fill(price="813")]}, "$.fills[0].fill_price"),
        ({"fills": [{"fill_qty": 1}]}, "$.fills[0]"),
        ({"fills": [a_fill(note="x")]}, "$.fills[0].note"),
        ({"fills": [a_fill()], "key": "x"}, "$.key"),
    ],
)
async def test_malformed_fills_are_refused_whole(body, where, autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        answer = await caller.call("POST", at(order_id), raw=json.dumps(body).encode())
        shown = await caller.get(f"/api/v1/orders/{order_id}")
    assert (answer.status, answer.code) == (422, "validation_failed")
    assert answer.where == where
    assert shown.data["status"] == "acked"


async def test_while_halted_a_fill_is_made(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        await caller.halt()
        answer = await fill(caller, order_id, a_fill())
    assert answer.data["status"] == "filled"


async def test_a_settled_order_is_a_conflict(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        await fill(caller, order_id, a_fill())
        answer = await fill(caller, order_id, a_fill())
    assert (answer.status, answer.code) == (409, "conflict")
    assert answer.json["message"] == f"order {order_id}: it is filled already"


async def test_one_that_was_filled_by_itself_is_a_conflict(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        caller.papers["one"].fill("PAPER-000001")
        answer = await fill(caller, order_id, a_fill())
    assert (answer.status, answer.code) == (409, "conflict")


async def test_an_order_that_is_not_there(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        answers = [await fill(caller, id_, a_fill()) for id_ in ("0" * 16, "x")]
    assert [answer.code for answer in answers] == ["not_found", "not_found"]


async def test_it_wants_a_trading_token(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        read = await fill(caller, order_id, a_fill(), scope="read")
        trade = await fill(caller, order_id, a_fill(), scope="trade")
    assert (read.status, trade.status) == (403, 200)


async def test_a_book_that_cannot_be_read_leaves_it_pending(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        script = caller.papers["one"].script
        late = script.calls["order_book"] + 2
        script.on("order_book", Fault.server_error(), nth=late, times=3)
        answer = await fill(caller, order_id, a_fill())
    assert (answer.status, answer.json["status"]) == (202, "pending")
    assert answer.legs[0]["error_code"] == "unknown"
    assert answer.data["status"] == "acked"


async def test_an_answer_that_takes_too_long_says_so(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        caller.papers["one"].script.on("order_book", Fault.never(), times=None)
        answer = await fill(caller, order_id, a_fill())
    assert (answer.status, answer.legs[0]["error_code"]) == (202, "unknown")
    assert answer.legs[0]["message"].startswith("the fill has no answer yet")


async def test_a_broker_that_is_gone_is_said(autojump_clock, tmp_path):
    async with calling(tmp_path, paper=MANUAL) as caller:
        order_id = await placed(caller)
        store = caller.system.records._store
        gone = replace(store.order(order_id), broker="former")
        store._orders[order_id] = gone
        answer = await fill(caller, order_id, a_fill())
    assert answer.legs[0]["error_code"] == "broker_unavailable"


async def test_a_real_broker_does_not_do_that(autojump_clock, tmp_path):
    async with calling(tmp_path, guarded={"real": Real(make_paper(9))}) as caller:
        order_id = (await caller.place(a_body("real", price=700))).legs[0]["order_id"]
        answer = await fill(caller, order_id, a_fill())
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert answer.legs[0]["error_code"] == "unsupported"
