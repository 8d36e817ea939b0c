"""Squaring off by the kill-switch: each position once, and nothing else leaves."""

import msgspec
import pytest
import trio

from actors.closer import Closer
from actors.mailbox import MailboxFull
from actors.messages import (
    BatchDone,
    CloseProgress,
    Denial,
    Fetch,
    InProgress,
    Overloaded,
    PlaceBatch,
    StoreDown,
    TradingHalted,
)
from actors.squaring import ALONE_WITHIN, MOST_ATTEMPTS, PATIENCE, SETTLE, _words
from adapters import BookStatus, OrderType, Product, Side, StoreFailed
from adapters.brokers.paper import Fault
from tests.support.closing import a_paper, floor, intraday, of_infy, positions
from tests.support.gateway import a_batch, place
from tests.support.market import an_index, an_option
from tests.support.memory_store import MemoryStore


def resting(**changes):
    return intraday(**({"price": 700} | changes))


# What is closed


async def test_a_long_and_a_short_position_are_brought_to_nothing(autojump_clock):
    async with floor() as gateway:
        await gateway.place(intraday(), of_infy())
        assert gateway.open() == {"NSE:SBIN": 10, "NSE:INFY": -7}
        report = await gateway.halt()
        await trio.sleep(5)
        assert gateway.open() == {}
        assert await gateway.counts() == (2, 2, 0)
        assert await gateway.failures() == ()
        orders = {row.order.symbol: row for row in gateway.closing()}
    switch = report.switch
    assert (switch.close_positions, switch.cancel_open) == (True, True)
    assert orders["NSE:SBIN"].order.side is Side.SELL
    assert orders["NSE:INFY"].order.side is Side.BUY
    for row in orders.values():
        assert (row.order.product, row.closes_for) == (Product.INTRADAY, 1)
        assert (row.order.type, row.sent_as.type) == (OrderType.MARKET, OrderType.LIMIT)


async def test_every_broker_is_squared_off_side_by_side(autojump_clock):
    papers = {"one": a_paper(), "two": a_paper(seed=2)}
    async with floor(papers) as gateway:
        await gateway.place(intraday(), brokers=("one", "two"))
        await gateway.halt()
        await trio.sleep(5)
        assert (gateway.open("one"), gateway.open("two")) == ({}, {})
        assert await gateway.counts("one") == await gateway.counts("two") == (1, 1, 0)


async def test_where_nothing_is_open_nothing_is_wanted(autojump_clock):
    async with floor() as gateway:
        await gateway.halt()
        await trio.sleep(5)
        assert await gateway.counts() == (0, 0, 0)
        assert gateway.closing() == []


async def test_a_halt_that_does_not_want_it_closes_nothing(autojump_clock):
    async with floor() as gateway:
        await gateway.place(intraday())
        await gateway.halt(close_positions=False, cancel_open=True)
        await trio.sleep(60)
        assert gateway.open() == {"NSE:SBIN": 10}
        assert await gateway.counts() is None


async def test_holdings_and_what_was_sold_out_of_them_are_left_alone(autojump_clock):
    holdings = {"NSE:SBIN": {"quantity": 50, "average_price": 500}}
    paper = a_paper(holdings=holdings)
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday(side="SELL", product="CNC", price=800))
        assert gateway.open() == {"NSE:SBIN": -10}
        await gateway.halt()
        await trio.sleep(5)
        assert gateway.open() == {"NSE:SBIN": -10}
        assert await gateway.counts() == (0, 0, 0)


async def test_over_the_freeze_quantity_it_leaves_in_slices_under_one_key(
    autojump_clock,
):
    option = "NFO:NIFTY28NOV2625000CE"
    paper = a_paper(prices={option: 100}, balance=10_000_000)
    async with floor({"one": paper}, index=an_index(an_option())) as gateway:
        await gateway.place(
            intraday(symbol=option, price=110, quantity=1820, product="MARGIN")
        )
        await gateway.halt()
        await trio.sleep(5)
        assert gateway.open() == {}
        assert await gateway.counts() == (1, 1, 0)
        sizes = [int(row.order.quantity) for row in gateway.closing()]
        batches = {row.batch_id for row in gateway.closing()}
    assert (sorted(sizes), len(batches)) == ([65, 1755], 1)


# Nothing else leaves


async def test_while_it_closes_no_order_of_a_client_is_taken(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.script.on("place", Fault.slow_connect(3))
        await gateway.halt()
        answers = []
        for number in range(30):
            answers.append(await gateway.place(intraday(quantity=number + 1)))
            await trio.sleep(0.1)
        assert answers == [TradingHalted(reason="enough")] * 30
        await trio.sleep(5)
        assert (gateway.open(), len(gateway.closing())) == ({}, 1)
    assert len(paper._account.book.entries) == 2


async def test_the_mark_of_an_older_halt_lets_nothing_pass(autojump_clock):
    async with floor() as gateway:
        await gateway.halt()
        await gateway.halt()
        late = a_batch("one", orders=(intraday(),), closes_for=1)
        assert await place(gateway.system, late) == TradingHalted(reason="enough")
        await gateway.release()
        assert isinstance(await place(gateway.system, late), TradingHalted)
        assert gateway.closing() == []


async def test_a_release_stops_what_has_not_left(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday(), of_infy())
        paper.script.on("place", Fault.slow_connect(5), times=2)
        await gateway.halt()
        await trio.sleep(2)
        await gateway.release()
        await trio.sleep(30)
        assert gateway.open() == {"NSE:SBIN": 10, "NSE:INFY": -7}
        ended = {(row.status, row.error_code, row.message) for row in gateway.closing()}
    words = "the halt it was to close a position for is over"
    assert ended == {("denied", "not_sent", words)}


async def test_a_release_takes_closing_orders_out_of_the_queue(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        limiter = gateway.system.seats["one"].limiter
        paper.script.on(
            "quotes",
            Fault(),
            when=lambda call: bool(limiter.pause(trio.current_time() + 20)),
        )
        await gateway.halt()
        await trio.sleep(1)
        began = trio.current_time()
        await gateway.release()
        await trio.sleep(0.1)
        (row,) = gateway.closing()
        assert (row.status, row.error_code) == ("denied", "not_sent")
        assert (row.updated_at - row.created_at).total_seconds() < 2
        assert trio.current_time() - began < 1
        await trio.sleep(60)
    assert positions(paper) == {"NSE:SBIN": 10}


async def test_a_halt_that_does_not_want_it_ends_the_closing_of_the_one_before(
    autojump_clock,
):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.script.on("place", Fault.slow_connect(5))
        await gateway.halt()
        await trio.sleep(2)
        report = await gateway.halt(close_positions=False)
        await trio.sleep(60)
        assert gateway.open() == {"NSE:SBIN": 10}
        assert gateway.told() == [("NSE:SBIN", 10, "denied")]
        assert report.closes == ()


async def test_engaged_again_it_begins_anew_and_takes_back_what_still_rests(
    autojump_clock,
):
    paper = a_paper(fill="manual")
    async with floor({"one": paper}) as gateway:
        bought = await gateway.place(intraday())
        paper.fill(bought.orders[0].broker_order_id)
        await trio.sleep(2)
        await gateway.halt()
        await trio.sleep(3)
        assert gateway.told() == [("NSE:SBIN", 10, "acked")]
        await gateway.halt()
        await trio.sleep(10)
        assert gateway.told() == [
            ("NSE:SBIN", 10, "cancelled"),
            ("NSE:SBIN", 10, "acked"),
        ]
        paper.fill(gateway.closing()[1].broker_order_id)
        await trio.sleep(3)
        assert await gateway.counts() == (1, 1, 0)
        assert gateway.open() == {}


# Open orders first


async def test_open_orders_are_cancelled_before_a_position_is_closed(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        await gateway.place(intraday(side="SELL", price=900))
        paper.script.on("cancel", Fault.slow_connect(5), times=2)
        left = []
        paper.script.on(
            "place", Fault(), when=lambda call: bool(left.append(trio.current_time()))
        )
        began = trio.current_time()
        await gateway.halt()
        await trio.sleep(20)
        assert left
        assert left[0] >= began + 5
        assert gateway.open() == {}


async def test_a_fill_that_beats_its_cancel_is_not_closed_twice(autojump_clock):
    """Four of the ten were sold by the order that was being cancelled."""
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        exit_ = await gateway.place(intraday(side="SELL", price=900))
        paper.script.on("cancel", Fault.delay(3))
        async with trio.open_nursery() as market:
            market.start_soon(gateway.halt)
            paper.fill(exit_.orders[0].broker_order_id, 4, 900)
        await trio.sleep(20)
        assert gateway.open() == {}
        assert gateway.told() == [("NSE:SBIN", 6, "filled")]


async def test_positions_may_be_a_moment_behind_the_fills_of_what_was_cancelled(
    autojump_clock,
):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        exit_ = await gateway.place(intraday(side="SELL", price=900))
        await trio.sleep(2)
        read, old = paper.positions, await paper.positions()
        paper.script.on("cancel", Fault.slow_connect(3))
        await gateway.halt()
        await trio.sleep(2)
        paper.fill(exit_.orders[0].broker_order_id, 4, 900)
        known_at = trio.current_time() + 1 + SETTLE

        async def behind():
            return await read() if trio.current_time() >= known_at else old

        paper.positions = behind
        await trio.sleep(20)
        assert gateway.open() == {}
        assert gateway.told() == [("NSE:SBIN", 6, "filled")]


async def test_an_order_that_cannot_be_cancelled_keeps_its_symbol_from_being_closed(
    autojump_clock,
):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday(), of_infy())
        stuck = await gateway.place(intraday(side="SELL", price=900))
        paper.script.on("cancel", Fault.refuse("E9", "frozen"), times=None)
        await gateway.halt()
        await trio.sleep(10)
        assert gateway.open() == {"NSE:SBIN": 10}
        assert await gateway.counts() == (2, 1, 0)
        await trio.sleep(ALONE_WITHIN)
        assert await gateway.counts() == (2, 1, 1)
        order_id = stuck.orders[0].order_id
        assert await gateway.failures() == (
            f"NSE:SBIN INTRADAY: after 60 s 1 other orders in it are still open"
            f" ({order_id}); see to them, then engage again",
        )
        assert gateway.open() == {"NSE:SBIN": 10}


async def test_an_unknown_order_of_the_symbol_is_waited_for_too(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.script.on("place", Fault.lose_answer(hidden_for=20))
        await gateway.place(intraday(side="SELL", price=900))
        await gateway.halt()
        await trio.sleep(15)
        assert gateway.closing() == []
        await trio.sleep(30)
        assert gateway.open() == {}
        assert gateway.told() == [("NSE:SBIN", 10, "filled")]


async def test_a_restarted_broker_actor_does_not_cancel_what_its_halt_sends(
    autojump_clock,
):
    paper = a_paper(fill="manual")
    async with floor({"one": paper}) as gateway:
        bought = await gateway.place(intraday())
        paper.fill(bought.orders[0].broker_order_id)
        await trio.sleep(2)
        await gateway.halt()
        await trio.sleep(3)
        gateway.system.brokers["one"].tell("crash")  # it knows no such message
        await trio.sleep(10)
        assert gateway.system.restarts("one") == 1
        assert gateway.told() == [("NSE:SBIN", 10, "acked")]
        assert paper.script.calls["cancel"] == 0


# What goes wrong


async def test_an_unknown_closing_order_is_never_sent_again(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.script.on("place", Fault.lose_answer(hidden_for=60))
        await gateway.halt()
        await trio.sleep(40)
        assert await gateway.counts() == (1, 0, 0)
        assert gateway.told() == [("NSE:SBIN", 10, "unknown")]
        await trio.sleep(60)
        assert gateway.told() == [("NSE:SBIN", 10, "filled")]
        assert await gateway.counts() == (1, 1, 0)
        assert gateway.open() == {}


async def test_a_closing_order_that_was_lost_is_told_and_left_to_a_person(
    autojump_clock,
):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.script.on("place", Fault.lose_request())
        await gateway.halt()
        await trio.sleep(400)
        assert gateway.told() == [("NSE:SBIN", 10, "not_placed")]
        assert await gateway.counts() == (1, 0, 1)
        (words,) = await gateway.failures()
        assert words.startswith("NSE:SBIN INTRADAY: an order for it was lost, and may")


async def test_what_the_broker_refuses_is_tried_three_times_and_told_in_its_words(
    autojump_clock,
):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday(), of_infy())
        paper.script.on(
            "place",
            Fault.refuse("E1", "no margin"),
            times=None,
            when=lambda call: call.order.symbol == "NSE:SBIN",
        )
        await gateway.halt()
        await trio.sleep(60)
        assert gateway.open() == {"NSE:SBIN": 10}
        assert await gateway.counts() == (2, 1, 1)
        told = gateway.told()
        assert told.count(("NSE:SBIN", 10, "rejected")) == MOST_ATTEMPTS
        (words,) = await gateway.failures()
        assert words == "NSE:SBIN INTRADAY: refused by one: no margin"


async def test_a_rest_that_the_exchange_cancelled_is_closed_by_another_attempt(
    autojump_clock,
):
    paper = a_paper(fill="manual")
    async with floor({"one": paper}) as gateway:
        bought = await gateway.place(intraday())
        paper.fill(bought.orders[0].broker_order_id)
        await trio.sleep(2)
        await gateway.halt()
        await trio.sleep(3)
        first = gateway.closing()[0].broker_order_id
        paper.fill(first, 4, 812)
        await paper.cancel(first)
        await trio.sleep(5)
        assert gateway.told() == [
            ("NSE:SBIN", 10, "cancelled"),
            ("NSE:SBIN", 6, "acked"),
        ]


async def test_an_exit_that_rests_does_not_hold_up_one_in_another_product(
    autojump_clock,
):
    paper = a_paper(fill="manual")
    async with floor({"one": paper}) as gateway:
        for product in ("INTRADAY", "CNC"):
            bought = await gateway.place(intraday(product=product))
            paper.fill(bought.orders[0].broker_order_id)
        await trio.sleep(2)
        paper.script.on(
            "place",
            msgspec.structs.replace(Fault.refuse("E1", "later"), after=1.0),
            when=lambda call: call.order.product == "CNC",
        )
        await gateway.halt()
        await trio.sleep(5)
        told = sorted((row.order.product, row.status) for row in gateway.closing())
    assert told == [("CNC", "acked"), ("CNC", "rejected"), ("INTRADAY", "acked")]


async def test_positions_that_lag_behind_are_not_closed_again(autojump_clock):
    """The broker still shows ten of them, though four were sold just now."""
    paper = a_paper(fill="manual")
    async with floor({"one": paper}) as gateway:
        bought = await gateway.place(intraday())
        paper.fill(bought.orders[0].broker_order_id)
        await trio.sleep(2)
        old = await paper.positions()
        await gateway.halt()
        await trio.sleep(3)

        async def lagging():
            return old

        paper.positions = lagging
        first = gateway.closing()[0].broker_order_id
        paper.fill(first, 4, 812)
        await paper.cancel(first)
        await trio.sleep(5)
        assert gateway.told()[1] == ("NSE:SBIN", 6, "acked")


async def test_a_position_that_turns_meanwhile_is_left_to_a_person(autojump_clock):
    paper = a_paper(fill="manual")
    async with floor({"one": paper}) as gateway:
        bought = await gateway.place(intraday())
        paper.fill(bought.orders[0].broker_order_id)
        await trio.sleep(2)
        await gateway.halt()
        await trio.sleep(3)
        elsewhere = await paper.place(
            intraday(side="SELL", quantity=25), "", lambda: None
        )
        paper.fill(elsewhere.broker_order_id, 25, 812)
        await paper.cancel(gateway.closing()[0].broker_order_id)
        await trio.sleep(5)
        assert await gateway.counts() == (1, 0, 1)
        assert (await gateway.failures())[0].endswith(
            "its position has turned meanwhile; close it by hand"
        )
        assert len(gateway.closing()) == 1


async def test_without_a_price_it_is_told_and_tried_again_and_the_others_go_on(
    autojump_clock,
):
    paper = a_paper()
    quotes = paper.quotes

    async def no_sbin(symbols):
        return [row for row in await quotes(symbols) if row.symbol != "NSE:SBIN"]

    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday(), of_infy())
        paper.quotes = no_sbin
        await gateway.halt()
        await trio.sleep(10)
        assert gateway.open() == {"NSE:SBIN": 10}
        assert await gateway.counts() == (2, 1, 0)
        (words,) = await gateway.failures()
        assert words.startswith("NSE:SBIN INTRADAY: no price to protect a market order")
        assert words.endswith("; being tried again")
        paper.quotes = quotes
        await trio.sleep(30)
        assert gateway.open() == {}
        assert (await gateway.counts(), await gateway.failures()) == ((2, 2, 0), ())


async def test_what_nobody_takes_for_five_minutes_has_failed(autojump_clock):
    paper = a_paper()

    async def none(symbols):
        return []

    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.quotes = none
        await gateway.halt()
        await trio.sleep(PATIENCE + 30)
        assert await gateway.counts() == (1, 0, 1)
        (words,) = await gateway.failures()
        assert "tried again" not in words


async def test_positions_are_read_until_the_broker_tells_them(autojump_clock):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.script.on("positions", Fault.refuse("E5", "in a minute"), times=5)
        await gateway.halt()
        await trio.sleep(2)
        assert await gateway.counts() == (0, 0, 0)
        assert await gateway.failures() == ("positions cannot be read: in a minute",)
        await trio.sleep(60)
        assert (await gateway.counts(), await gateway.failures()) == ((1, 1, 0), ())
        assert gateway.open() == {}


async def test_a_product_without_orders_is_told_and_the_others_are_closed(
    autojump_clock,
):
    paper = a_paper()
    read = paper.positions

    async def with_cover():
        rows = list(await read())
        return [*rows, msgspec.structs.replace(rows[0], product="CO")] if rows else rows

    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        paper.positions = with_cover
        await gateway.halt()
        await trio.sleep(5)
        assert await gateway.counts() == (2, 1, 1)
        assert await gateway.failures() == (
            "NSE:SBIN CO: Ordo has no orders in the product CO; close it at the broker",
        )
        assert gateway.open() == {}


async def test_nothing_is_closed_before_the_halt_is_on_disk_however_long_that_takes(
    autojump_clock,
):
    store = MemoryStore()
    async with floor(store=store) as gateway:
        await gateway.place(intraday())
        store.failing = "disk full"
        await gateway.halt()
        await trio.sleep(PATIENCE + 60)
        assert gateway.open() == {"NSE:SBIN": 10}
        store.failing = None
        await trio.sleep(15)
        assert gateway.open() == {}


async def test_a_crash_of_the_closer_goes_on_where_it_stood(
    autojump_clock, monkeypatch
):
    from actors.squaring import Squaring

    ended, crashes = Squaring._ended, []

    async def crashing(self, rows):
        if not crashes:
            crashes.append(trio.current_time())
            raise RuntimeError("planted")
        return await ended(self, rows)

    monkeypatch.setattr(Squaring, "_ended", crashing)
    async with floor() as gateway:
        await gateway.place(intraday())
        await gateway.halt()
        await trio.sleep(20)
        assert len(crashes) == 1
        assert gateway.told() == [("NSE:SBIN", 10, "filled")]
        assert (gateway.open(), await gateway.counts()) == ({}, (1, 1, 0))


async def test_a_restart_goes_on_and_counts_what_was_closed_before(autojump_clock):
    store, paper = MemoryStore(), a_paper()
    async with floor({"one": paper}, store) as gateway:
        await gateway.place(intraday(), of_infy())
        paper.script.on(
            "place",
            Fault.refuse("E1", "later"),
            times=1,
            when=lambda call: call.order.symbol == "NSE:INFY",
        )
        paper.script.on(
            "place",
            Fault.never(accepted=False),
            times=1,
            when=lambda call: call.order.symbol == "NSE:INFY",
        )
        await gateway.halt()
        await trio.sleep(4)
        assert gateway.open() == {"NSE:INFY": -7}
    async with floor({"one": paper}, store) as gateway:
        assert gateway.system.trading.closes_for == 1
        await trio.sleep(5)
        assert await gateway.counts() == (2, 1, 0)
        assert [row.status for row in gateway.closing()][-1] == "unknown"
        await trio.sleep(300)
        assert gateway.open() == {"NSE:INFY": -7}
        assert await gateway.counts() == (2, 1, 1)
    assert paper.script.calls["place"] == 2 + 1 + 2


async def test_the_audit_tells_who_closed_what_for_which_halt(autojump_clock):
    store = MemoryStore()
    async with floor(store=store) as gateway:
        await gateway.place(intraday())
        await gateway.halt()
        await trio.sleep(5)
    entries = [row.entry for row in store._audit]
    (accepted,) = [e for e in entries if e.detail.get("closes_for") == 1]
    assert (accepted.actor, accepted.action) == (
        "kill_switch:token:me",
        "order.accepted",
    )
    (engaged,) = [e for e in entries if e.action == "kill_switch.engaged"]
    assert engaged.detail["close_positions"] is True


@pytest.mark.parametrize("count", [40])
async def test_many_positions_are_closed_within_the_brokers_pace(autojump_clock, count):
    symbols = [f"NSE:S{number}" for number in range(count)]
    paper = a_paper(prices=dict.fromkeys(symbols, 100), balance=10_000_000)
    async with floor({"one": paper}) as gateway:
        for symbol in symbols:
            done = await gateway.place(
                intraday(symbol=symbol, price=101), deadline_ms=60_000
            )
            assert isinstance(done, BatchDone)
        await gateway.halt()
        await trio.sleep(60)
        assert (gateway.open(), await gateway.counts()) == ({}, (count, count, 0))
        read = paper.script.calls["positions"]
    assert read <= 3
    statuses = {entry.status for entry in paper._account.book.entries.values()}
    assert statuses == {BookStatus.FILLED}


async def test_a_position_that_goes_away_by_itself_is_done_without_an_order(
    autojump_clock,
):
    paper = a_paper()
    async with floor({"one": paper}) as gateway:
        await gateway.place(intraday())
        await gateway.place(intraday(side="SELL", price=900))
        paper.script.on("cancel", Fault.slow_connect(5), times=2)
        await gateway.halt()
        await trio.sleep(2)
        await paper.place(intraday(side="SELL", price=800), "", lambda: None)
        await trio.sleep(20)
        assert (gateway.open(), gateway.closing()) == ({}, [])
        assert await gateway.counts() == (1, 1, 0)


class Refusing:
    """A mailbox that is full for some asks and tells of a kind; else the one inside."""

    def __init__(self, inside, kind, times):
        self._inside, self._kind, self.left = inside, kind, times

    def __getattr__(self, name):
        return getattr(self._inside, name)

    def _refuse(self, message):
        if isinstance(message, self._kind) and self.left:
            self.left -= 1
            raise MailboxFull("full, its limit")

    async def ask(self, message, *, urgent=False):
        self._refuse(message)
        return await self._inside.ask(message, urgent=urgent)

    def tell(self, message, *, urgent=False):
        self._refuse(message)
        self._inside.tell(message, urgent=urgent)


@pytest.mark.parametrize(
    ("box", "kind"), [("router", PlaceBatch), ("killswitch", CloseProgress)]
)
async def test_a_mailbox_that_is_full_for_a_while_only_takes_time(
    autojump_clock, box, kind, monkeypatch
):
    made = Closer.__init__
    refusing = []

    def init(self, *args):
        made(self, *args)
        refusing.append(Refusing(getattr(self, f"_{box}"), kind, 2))
        setattr(self, f"_{box}", refusing[0])

    monkeypatch.setattr(Closer, "__init__", init)
    async with floor() as gateway:
        await gateway.place(intraday())
        await gateway.halt()
        await trio.sleep(10)
        assert gateway.open() == {}
        assert gateway.told() == [("NSE:SBIN", 10, "filled")]
        assert refusing[0].left == 0


async def test_a_broker_actor_that_does_not_answer_is_asked_again(
    autojump_clock, monkeypatch
):
    from actors import closer

    made = closer.ClosingReads.__init__

    def init(self, broker, mailbox, *args):
        made(self, broker, Refusing(mailbox, Fetch, 2), *args)

    monkeypatch.setattr(closer.ClosingReads, "__init__", init)
    async with floor() as gateway:
        await gateway.place(intraday())
        await gateway.halt()
        await trio.sleep(1)
        assert await gateway.failures() == (
            "positions cannot be read: one does not answer",
        )
        await trio.sleep(10)
        assert gateway.open() == {}


async def test_a_store_that_cannot_be_read_is_waited_for(autojump_clock):
    store = MemoryStore()
    failures = [3]
    closing = store.closing

    def broken(broker, version):
        if failures[0]:
            failures[0] -= 1
            raise StoreFailed("cannot be read")
        return closing(broker, version)

    store.closing = broken
    async with floor(store=store) as gateway:
        await gateway.place(intraday())
        await gateway.halt()
        await trio.sleep(2)
        assert gateway.open() == {"NSE:SBIN": 10}
        await trio.sleep(10)
        assert (gateway.open(), failures) == ({}, [0])


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            InProgress(batch_id=None, retry_after=1.0),
            "its orders are still on their way",
        ),
        (Denial(code="overloaded", message="no room"), "no room"),
        (StoreDown(message="disk full"), "disk full"),
        (Overloaded(message="too much"), "too much"),
        (TradingHalted(reason="enough"), "the halt is not stored, or is over"),
    ],
)
def test_why_nothing_was_accepted_is_told_in_words(reply, words):
    assert _words(reply) == words
