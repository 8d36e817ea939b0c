"""Checked and protected orders on their way through the gateway, in virtual time."""

import msgspec
import pytest
import trio

from actors.messages import Admit, BatchDone, Denial, NothingAccepted, ReadBroker
from adapters import OrderQuery, OrderStatus, OrderType, SentAs
from adapters.brokers.paper import Fault
from ordo.config import Limits
from tests.actors.test_one_order import tags
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.logins import Guarded
from tests.support.market import Able, D
from tests.support.memory_store import MemoryStore
from tests.support.stage import Stage, Watched

MARKET = an_order(type="MARKET", price=None)
STOP = an_order(type="SL-M", price=None, trigger_price=820)
PROTECTED = SentAs(type=OrderType.LIMIT, price=D("816.15"), trigger_price=None)
"""812.05, the paper broker's ask, and half a percent, on the tick."""


def booked(paper):
    """The orders as they stand in a paper broker's book."""
    return [entry.order for entry in paper._account.book.entries.values()]


def batch(*brokers, order=MARKET, **changes):
    return a_batch(*brokers, orders=(order,), **changes)


async def test_each_leg_is_protected_by_its_own_brokers_price(autojump_clock):
    ports = {"one": make_paper(), "two": make_paper(prices={"NSE:SBIN": 200})}
    async with running(make_system(ports)) as system:
        done = await place(system, batch("one", "two"))
    assert [order.sent_as.price for order in done.orders] == [D("816.15"), D("202.1")]
    assert [order.order for order in done.orders] == [MARKET, MARKET]
    assert [order.status for order in done.orders] == ["acked", "acked"]
    (sent,) = booked(ports["one"])
    assert (sent.type, sent.price) == (OrderType.LIMIT, D("816.15"))


async def test_a_stop_market_order_goes_out_as_a_stop_limit(autojump_clock):
    paper = make_paper()
    async with running(make_system({"one": paper})) as system:
        done = await place(system, batch("one", order=STOP))
    (sent,) = booked(paper)
    assert (sent.type, sent.price, sent.trigger_price) == ("SL", D("824.1"), D(820))
    assert done.orders[0].order == STOP
    assert paper.script.calls["quotes"] == 0


async def test_a_basket_of_market_orders_takes_one_quote_call(autojump_clock):
    names = ("SBIN", "INFY", "TCS", "ITC", "LT")
    orders = [an_order(symbol=f"NSE:{n}", type="MARKET", price=None) for n in names]
    paper = make_paper()
    async with running(make_system({"one": paper})) as system:
        done = await place(system, a_batch("one", orders=orders))
    assert all(order.sent_as.type is OrderType.LIMIT for order in done.orders)
    assert paper.script.calls["quotes"] == 1


async def test_what_goes_out_is_on_disk_before_its_first_byte(autojump_clock):
    store = MemoryStore()
    port = Watched(make_paper(), lambda tag: store.order(tag).sent_as)
    async with running(make_system({"one": port}, store)) as system:
        await place(system, batch("one"))
    ((_, _, stored),) = port.departures
    assert stored == PROTECTED


async def test_a_second_try_sends_the_very_same_order(autojump_clock):
    paper = make_paper()
    paper.script.on("place", Fault.connect_failure(after=3))
    system = make_system({"one": paper})
    async with running(system), trio.open_nursery() as nursery:
        nursery.start_soon(place, system, batch("one", deadline_ms=9000))
        await trio.sleep(2)
        paper.set_price("NSE:SBIN", 815)
    (sent,) = booked(paper)
    assert sent.price == PROTECTED.price


async def test_after_a_restart_it_is_found_by_its_tag_and_never_sent_again(
    autojump_clock,
):
    store, paper = MemoryStore(), make_paper(fill="manual")
    paper.script.on("place", Fault.lose_answer(after=1))
    async with running(make_system({"one": paper}, store)) as system:
        await trio.sleep(2)
        answer = await place(system, batch("one", deadline_ms=500))
        order_id = answer.orders[0].order_id
        assert answer.orders[0].status is OrderStatus.UNKNOWN
    async with running(make_system({"one": paper}, store)) as system:
        await trio.sleep(30)
        found = store.order(order_id)
    assert (found.status, found.sent_as, found.order) == ("acked", PROTECTED, MARKET)
    assert tags(paper) == [order_id]
    assert paper.script.calls["place"] == 1


async def test_the_book_shows_a_limit_and_that_is_no_difference(autojump_clock):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        record = await stage.accept(MARKET)
        await stage.send(msgspec.structs.replace(record, sent_as=PROTECTED))
        await trio.sleep(120)
        stored = stage.stored(record.order_id)
    assert stage.calls("order_book") > 10
    assert stage.story(record.order_id) == ["placed", "acked"]
    assert (stored.order, stored.sent_as) == (MARKET, PROTECTED)


async def test_a_replay_is_not_checked_again_and_costs_no_call(autojump_clock):
    paper = make_paper()
    port = Able(paper, simulated=False)
    async with running(make_system({"one": port})) as system:
        first = await place(system, batch("one"))
        await trio.sleep(10)
        calls = dict(paper.script.calls)
        paper.script.on("quotes", Fault.refuse("E", "none today"))
        again = await place(system, batch("one"))
        after = dict(paper.script.calls)
    assert (again.replayed, again.skipped) == (True, None)
    assert again.orders[0].order_id == first.orders[0].order_id
    assert [after[k] - calls[k] for k in ("quotes", "funds", "place")] == [0, 0, 0]


async def test_what_could_not_be_checked_is_told_with_the_order_and_in_the_audit(
    autojump_clock,
):
    store, paper = MemoryStore(), make_paper()
    paper.script.on("funds", Fault.refuse("E", "closed for the day"))
    port = Able(paper, simulated=False)
    async with running(make_system({"one": port}, store)) as system:
        done = await place(system, batch("one"))
    told = {each.check: each.reason for each in done.skipped[0]}
    assert told == {
        "instrument": "one has no instrument master yet",
        "funds": "closed for the day",
    }
    (accepted,) = [r for r in store._audit if r.entry.action == "order.accepted"]
    assert accepted.entry.detail["checks_skipped"] == told
    assert accepted.entry.detail["sent_as"] == {"type": "LIMIT", "price": "816.15"}


async def test_where_every_leg_is_denied_the_key_stays_free(autojump_clock):
    store, paper = MemoryStore(), make_paper()
    paper.script.on("quotes", Fault.refuse("E", "none yet"))
    async with running(make_system({"one": paper}, store)) as system:
        answer = await place(system, batch("one"))
        assert isinstance(answer, NothingAccepted)
        (leg,) = answer.legs
        assert leg.answer.code == "price_unavailable"
        assert store.orders(OrderQuery()) == []
        again = await place(system, batch("one"))
    assert isinstance(again, BatchDone)
    assert again.replayed is False
    (denied,) = [r.entry for r in store._audit if r.entry.action == "batch.denied"]
    assert denied.detail["legs"][0]["code"] == "price_unavailable"


async def test_a_leg_that_is_denied_leaves_the_others_be_and_takes_no_slot(
    autojump_clock,
):
    ports = {"one": make_paper(), "two": make_paper()}
    ports["two"].script.on("quotes", Fault.refuse("E", "none yet"))
    async with running(make_system(ports)) as system:
        done = await place(system, batch("one", "two"))
    good, bad = done.orders
    assert (good.status, good.sent_as) == ("acked", PROTECTED)
    assert (bad.status, bad.error_code) == ("denied", "price_unavailable")
    assert (bad.sent_as, bad.sending_at) == (None, None)
    assert tags(ports["two"]) == []


async def test_a_leg_without_a_price_takes_no_slot_of_the_rate(autojump_clock):
    paper = make_paper()
    paper.script.on("quotes", Fault.refuse("E", "none yet"))
    limits = Limits(per_second=8)
    async with running(make_system({"one": paper}, limits=limits)) as system:
        await trio.sleep(2)
        await place(system, batch("one"))
        report = await system.brokers["one"].ask(ReadBroker())
    (window,) = report.rate_limit["windows"]
    assert window["used"] == 0


async def test_a_broker_without_market_orders_takes_protected_ones(autojump_clock):
    can = {"order_types": frozenset({OrderType.LIMIT})}
    async with Stage(Able(make_paper(), **can)).running() as stage:
        bare = Admit(order_id="ORDER1", order=MARKET)
        dressed = msgspec.structs.replace(bare, sent_as=PROTECTED)
        assert (await stage.mailbox.ask(bare)).code == "unsupported"
        assert (await stage.mailbox.ask(dressed)).sent_as == PROTECTED


async def test_a_broker_that_wants_a_login_says_so_rather_than_lack_a_price(
    autojump_clock,
):
    async with running(make_system({"one": Guarded()})) as system:
        answer = await place(system, batch("one"))
    assert answer.legs[0].answer.code == "login_required"


async def test_a_denial_of_the_checks_themselves_comes_first(autojump_clock):
    order = an_order(symbol="NSE_INDEX:NIFTY")
    async with running(make_system({"one": Guarded()})) as system:
        answer = await place(system, batch("one", order=order))
    assert answer.legs[0].answer == Denial(
        code="instrument_not_tradable",
        message="NSE_INDEX:NIFTY is an index: it has quotes and no orders",
    )


async def test_a_slow_brokers_leg_holds_the_others_up_for_a_while_at_the_most(
    autojump_clock,
):
    ports = {"one": make_paper(), "two": make_paper(delay=20)}
    async with running(make_system(ports)) as system:
        await trio.sleep(2)  # a start counts the second before it as full of calls
        started = trio.current_time()
        done = await place(system, batch("one", "two"))
        took = trio.current_time() - started
    assert [order.status for order in done.orders] == ["acked", "denied"]
    assert took == 1.5


async def test_a_dry_run_is_checked_and_shows_what_would_go_out(autojump_clock):
    paper = make_paper()
    async with running(make_system({"one": paper})) as system:
        answer = await place(system, batch("one", dry_run=True))
    (leg,) = answer.legs
    assert leg.answer.sent_as == PROTECTED
    assert [each.check for each in leg.skipped] == ["instrument", "funds"]
    assert tags(paper) == []


@pytest.mark.parametrize(
    ("policy", "sent"), [("native", OrderType.MARKET), ("protected", OrderType.LIMIT)]
)
async def test_the_policy_is_the_brokers_own(autojump_clock, policy, sent):
    paper = make_paper()
    system = make_system({"one": paper}, market_policy=policy)
    async with running(system):
        await place(system, batch("one"))
    assert [order.type for order in booked(paper)] == [sent]


async def test_where_market_orders_are_off_nothing_goes(autojump_clock):
    system = make_system({"one": make_paper()}, market_policy="reject")
    async with running(system):
        answer = await place(system, batch("one"))
    assert answer.legs[0].answer.code == "unsupported"
