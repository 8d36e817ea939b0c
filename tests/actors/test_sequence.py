"""Sequential batches: sells go first, and their buys only once these are filled."""

import msgspec
import pytest
import trio
import trio.testing

from actors.mailbox import MailboxError, MailboxFull
from actors.messages import (
    BatchDone,
    CancelOrder,
    Denial,
    Fetch,
    LookAtBook,
    NothingAccepted,
    SendOrder,
)
from actors.reads import Reads
from actors.sequence import LATER, WAITS, turns, waiting
from adapters import OrderStatus, StoreFailed, TradingSwitch
from adapters.brokers.paper import Fault
from tests.actors.test_router import FakeBroker, acked, routing, statuses
from tests.contracts.writes import save
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.market import Able
from tests.support.memory_store import MemoryStore

S = OrderStatus
WARM = 2.0
"""Seconds after its start until a broker's calls go at once."""
SELL = an_order(symbol="NSE:INFY", side="SELL", price=100)
OTHER_SELL = an_order(symbol="NSE:TCS", side="SELL", price=100)
BUY = an_order()


class Exchange(FakeBroker):
    """Brings sells to *end* at once they are *after* seconds old; None: never.

    `gone` says what left, and when on the Trio clock. `looked`: when its book was read.
    """

    def __init__(self, name, end=S.FILLED, after=3.0, **how):
        super().__init__(name, **how)
        self.end, self.after = end, after
        self.gone, self.looked, self.floor = [], [], None

    async def _handle(self, request):
        match request.message:
            case SendOrder(record=record):
                self.gone.append((record.order.side, trio.current_time()))
                self._store(acked(record), S.ACKED)
                await super()._handle(request)
            case LookAtBook():
                with request:
                    self.looked.append(trio.current_time())
                    self._trade()
                    request.reply(None)
            case _:
                await super()._handle(request)

    def _trade(self):
        for sent, (side, at) in zip(self.sent, self.gone, strict=True):
            due = self.after is not None and trio.current_time() >= at + self.after
            if side == "SELL" and due:
                self._store(acked(sent.record), self.end)

    def _store(self, record, status):
        self.floor.store.commit([save(record, status)])


def a_sequence(*brokers, orders=(BUY, SELL), **changes):
    return a_batch(*brokers, orders=orders, sequential=True, **changes)


async def placed(message, *brokers, within=5.0):
    """What comes of the batch, and the floor that it was placed on."""
    async with routing(*brokers) as floor:
        for broker in brokers:
            broker.floor = floor
        return await floor.ask(message, within), floor


def sides(broker):
    return [str(side) for side, _ in broker.gone]


# In order -----------------------------------------------------------------------------


async def test_buys_leave_once_the_sells_of_their_broker_are_filled(autojump_clock):
    one = Exchange("one", after=1.0)
    orders = (BUY, SELL, BUY, OTHER_SELL)
    done, floor = await placed(a_sequence("one", orders=orders), one)
    assert sides(one) == ["SELL", "SELL", "BUY", "BUY"]
    first, _, third, fourth = (at for _, at in one.gone)
    assert (first, third) == (0.0, fourth)
    assert 1.0 <= third <= 2.0
    assert statuses(done) == ["acked"] * 4  # sells as they were answered
    assert [order.order_index for order in done.orders] == [0, 1, 2, 3]
    assert done.waited_ms == third * 1000
    assert floor.store.order(done.orders[1].order_id).status is S.FILLED


async def test_a_buy_of_another_broker_waits_for_nothing(autojump_clock):
    one, two = Exchange("one", after=2.0), Exchange("two", after=2.0)
    first = a_sequence("one", orders=(SELL, BUY))
    legs = (*first.legs, *a_batch("two").legs)
    await placed(msgspec.structs.replace(first, legs=legs), one, two)
    assert two.gone == [("BUY", 0.0)]
    assert two.looked == []
    assert [side for side, _ in one.gone] == ["SELL", "BUY"]


async def test_each_broker_goes_at_its_own_pace(autojump_clock):
    one, two = Exchange("one", after=0.1), Exchange("two", after=3.0)
    await placed(a_sequence("one", "two"), one, two)
    assert one.gone == [("SELL", 0.0), ("BUY", 0.1)]
    assert 3.0 <= two.gone[1][1] <= 4.0


async def test_without_the_option_all_leave_at_once(autojump_clock):
    one = Exchange("one", after=None)
    done, _ = await placed(a_batch("one", orders=(BUY, SELL)), one)
    assert [at for _, at in one.gone] == [0.0, 0.0]
    assert statuses(done) == ["acked", "acked"]


@pytest.mark.parametrize("orders", [(BUY, BUY), (SELL, OTHER_SELL)])
async def test_of_one_side_alone_all_leave_at_once(autojump_clock, orders):
    one = Exchange("one", after=None)
    done, _ = await placed(a_sequence("one", orders=orders), one)
    assert [at for _, at in one.gone] == [0.0, 0.0]
    assert done.waited_ms == 0


async def test_the_book_is_read_less_and_less_often(autojump_clock):
    one = Exchange("one", after=None)
    await placed(a_sequence("one", deadline_ms=10_000), one, within=10.0)
    gaps = [round(b - a, 9) for a, b in zip(one.looked, one.looked[1:], strict=False)]
    assert one.looked[0] == WAITS[0]
    assert gaps == [*WAITS[1:], 2.0, 2.0, 2.0]


# What waits ---------------------------------------------------------------------------


async def test_what_waits_is_stored_as_not_sending_and_takes_no_slot(autojump_clock):
    one = Exchange("one", after=1.0)
    async with routing(one) as floor, trio.open_nursery() as nursery:
        one.floor = floor
        nursery.start_soon(floor.ask, a_sequence("one"))
        await trio.sleep(0.5)
        sell, buy = (
            next(o for o in floor.store._orders.values() if o.order.side == side)
            for side in ("SELL", "BUY")
        )
        assert (buy.status, buy.sending_at) == (S.PLACED, None)
        assert sell.sending_at is not None
        assert len(one.slots) == 1


async def test_its_funds_are_not_asked_for_and_that_is_told(autojump_clock):
    paper = make_paper(
        balance=0, fill="manual", holdings={"NSE:INFY": {"quantity": 10}}
    )
    port = Able(paper, simulated=False)
    system = make_system({"one": port})
    async with running(system):
        await trio.sleep(WARM)
        done = await place(system, a_sequence("one", deadline_ms=500))
    assert LATER in done.skipped[0]
    assert LATER not in done.skipped[1]
    assert done.orders[0].error_code == "deadline_exceeded"  # not insufficient_funds
    alone = make_system({"one": Able(make_paper(balance=0), simulated=False)})
    async with running(alone):
        await trio.sleep(WARM)
        answer = await place(alone, a_batch("one"))
    assert answer.legs[0].answer.code == "insufficient_funds"


async def test_the_same_key_meanwhile_and_afterwards_sends_nothing(autojump_clock):
    one = Exchange("one", after=None)
    async with routing(one) as floor:
        one.floor = floor
        first, meanwhile = await floor.together(a_sequence("one"), a_sequence("one"))
        again = await floor.ask(a_sequence("one"))
    assert meanwhile[0] == 2.0
    assert meanwhile[1].batch_id == first[1].batch.batch_id  # it is accepted already
    assert again.replayed
    assert statuses(again) == ["denied", "acked"]
    assert sides(one) == ["SELL"]


async def test_a_dry_run_waits_for_nothing(autojump_clock):
    one = Exchange("one", after=None)
    answer, _ = await placed(a_sequence("one", dry_run=True), one)
    assert trio.current_time() == 0
    assert not any(isinstance(leg.answer, Denial) for leg in answer.legs)


# In vain ------------------------------------------------------------------------------


async def test_buys_whose_sells_are_not_filled_in_time_are_denied_and_never_sent(
    autojump_clock,
):
    one = Exchange("one", after=None)
    done, floor = await placed(a_sequence("one", orders=(BUY, SELL, BUY)), one)
    assert trio.current_time() == pytest.approx(4.9)
    sell = done.orders[1]
    for buy in (done.orders[0], done.orders[2]):
        assert (buy.status, buy.error_code) == (S.DENIED, "deadline_exceeded")
        assert buy.message == (
            f"it waited for {sell.order_id} (SELL NSE:INFY), which is acked and was"
            " not filled by the deadline"
        )
        assert floor.store.order(buy.order_id) == buy
        story = [str(event.status) for event in floor.store.events(buy.order_id)]
        assert story == ["placed", "denied"]
    assert sides(one) == ["SELL"]


async def test_a_partial_fill_is_not_enough(autojump_clock):
    one = Exchange("one", S.PARTIALLY_FILLED, after=0.0)
    done, _ = await placed(a_sequence("one"), one)
    assert done.orders[0].error_code == "deadline_exceeded"
    assert "which is partially_filled and was not" in done.orders[0].message
    assert sides(one) == ["SELL"]


async def test_one_sell_that_is_not_filled_holds_all_the_buys(autojump_clock):
    class Half(Exchange):
        def _trade(self):
            self._store(acked(self.sent[0].record), S.FILLED)

    one = Half("one")
    done, _ = await placed(a_sequence("one", orders=(SELL, OTHER_SELL, BUY)), one)
    assert statuses(done) == ["acked", "acked", "denied"]
    unfilled = one.sent[1].record
    assert f"it waited for {unfilled.order_id} (SELL " in done.orders[2].message


@pytest.mark.parametrize("end", [S.CANCELLED, S.REJECTED, S.NOT_PLACED, S.DENIED])
async def test_a_sell_that_ends_otherwise_denies_its_buys_at_once(autojump_clock, end):
    one = Exchange("one", end, after=0.0)
    done, _ = await placed(a_sequence("one"), one)
    assert trio.current_time() < 1
    sell, buy = done.orders[1], done.orders[0]
    assert (buy.status, buy.error_code) == (S.DENIED, "not_sent")
    assert buy.message == (
        f"it waited for {sell.order_id} (SELL NSE:INFY), which is {end} and not filled"
    )
    assert sides(one) == ["SELL"]


async def test_an_unknown_sell_is_waited_for(autojump_clock):
    one = Exchange("one", S.UNKNOWN, after=0.0)
    done, _ = await placed(a_sequence("one"), one)
    assert done.orders[0].error_code == "deadline_exceeded"
    assert "which is unknown and" in done.orders[0].message


class Fussy(Exchange):
    """Admits buys only."""

    def _admit(self, message):
        if message.order.side == "SELL":
            return Denial(code="unsupported", message="no sells here")
        return super()._admit(message)


async def test_a_sell_that_is_denied_before_the_accept_takes_its_buys_with_it(
    autojump_clock,
):
    one, two = Fussy("one"), Exchange("two", after=0.0)
    done, _ = await placed(a_sequence("one", "two"), one, two)
    ends = {(o.broker, str(o.order.side)): o for o in done.orders}
    assert ends["one", "BUY"].error_code == "not_sent"
    assert ends["one", "BUY"].message == (
        "it waited for a sell (SELL NSE:INFY), which is denied (unsupported)"
    )
    assert one.gone == one.slots == []
    assert sides(two) == ["SELL", "BUY"]


async def test_where_that_is_every_leg_nothing_is_stored(autojump_clock):
    one = Fussy("one")
    answer, floor = await placed(a_sequence("one"), one)
    assert isinstance(answer, NothingAccepted)
    assert floor.store._orders == {}


# Halts, cancels, crashes --------------------------------------------------------------


def halt(version):
    return TradingSwitch(
        engaged=True, reason="lunch", since=None, by="token:1", version=version
    )


async def test_a_halt_ends_the_wait_at_once_and_for_good(autojump_clock):
    one = Exchange("one", after=2.0)
    async with routing(one) as floor, trio.open_nursery() as nursery:
        one.floor = floor
        answers = []

        async def ask():
            answers.append(await floor.ask(a_sequence("one")))

        nursery.start_soon(ask)
        await trio.sleep(1)
        floor.trading.change(halt(1))
        await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() == 1
        (done,) = answers
        await trio.sleep(4)
    buy = done.orders[0]
    assert (buy.status, buy.error_code) == (S.DENIED, "kill_switch_engaged")
    assert buy.message == "halted: lunch"
    assert sides(one) == ["SELL"]


async def test_a_halt_that_came_and_went_ends_the_wait_too(autojump_clock):
    one = Exchange("one", after=2.0)
    async with routing(one) as floor, trio.open_nursery() as nursery:
        one.floor = floor
        answers = []

        async def ask():
            answers.append(await floor.ask(a_sequence("one")))

        nursery.start_soon(ask)
        await trio.sleep(1)
        floor.trading.change(halt(1))
        released = TradingSwitch(
            engaged=False, reason="over", since=None, by="token:1", version=2
        )
        floor.trading.change(released)
        await trio.sleep(4)
    assert answers[0].orders[0].error_code == "kill_switch_engaged"
    assert sides(one) == ["SELL"]


def held():
    """A paper account with shares to sell, whose orders are filled by hand."""
    return make_paper(fill="manual", holdings={"NSE:INFY": {"quantity": 10}})


def booked(paper):
    return [str(e.order.side) for e in paper._account.book.entries.values()]


async def test_shares_are_sold_and_then_others_bought(autojump_clock):
    paper = make_paper(
        prices={"NSE:SBIN": 812, "NSE:INFY": 101},
        holdings={"NSE:INFY": {"quantity": 10}},
    )
    store = MemoryStore()
    async with running(make_system({"one": paper}, store)) as system:
        await trio.sleep(WARM)
        done = await place(system, a_sequence("one"))
        assert trio.current_time() < WARM + 0.5
        assert store.order(done.orders[1].order_id).status is S.FILLED
    assert statuses(done)[0] == "acked"
    assert booked(paper) == ["SELL", "BUY"]


async def test_after_a_crash_what_waited_is_denied_and_never_sent(autojump_clock):
    store, paper = MemoryStore(), held()
    message = a_sequence("one", deadline_ms=60_000)
    system = make_system({"one": paper}, store)
    async with running(system), trio.open_nursery() as nursery:
        await trio.sleep(WARM)
        nursery.start_soon(place, system, message)
        await trio.sleep(1)
        crashed = store.copied()
        nursery.cancel_scope.cancel()
    async with running(make_system({"one": paper}, crashed)) as system:
        await trio.sleep(120)
        again = await place(system, message)
    buy, sell = again.orders
    assert again.replayed
    assert sell.status is S.ACKED
    assert (buy.status, buy.error_code) == (S.DENIED, "not_sent")
    assert buy.message == "Ordo stopped before it was sent"
    assert booked(paper) == ["SELL"]


async def test_a_crash_of_its_broker_denies_what_waits_once(
    autojump_clock, monkeypatch
):
    async def bug(self, request):
        with request:
            raise ZeroDivisionError("a bug")

    store, paper = MemoryStore(), held()
    system = make_system({"one": paper}, store)
    async with running(system), trio.open_nursery() as nursery:
        answers = []

        async def ask():
            message = a_sequence("one", deadline_ms=20_000)
            answers.append(await place(system, message))

        await trio.sleep(WARM)
        nursery.start_soon(ask)
        await trio.sleep(1)
        monkeypatch.setattr(Reads, "answer", bug)
        with pytest.raises(MailboxError):
            await system.brokers["one"].ask(Fetch(kind="funds"))
        await trio.sleep(25)
    (done,) = answers
    assert isinstance(done, BatchDone)
    buy = done.orders[0]
    assert (buy.status, buy.message) == (S.DENIED, "Ordo stopped before it was sent")
    story = [str(event.status) for event in store.events(buy.order_id)]
    assert story == ["placed", "denied"]
    assert booked(paper) == ["SELL"]


async def test_a_cancel_while_it_waits_is_kept(autojump_clock):
    paper = make_paper(
        prices={"NSE:SBIN": 812, "NSE:INFY": 101},
        holdings={"NSE:INFY": {"quantity": 10}},
    )
    store = MemoryStore()
    system = make_system({"one": paper}, store)
    async with running(system), trio.open_nursery() as nursery:
        await trio.sleep(WARM)
        paper.script.on("order_book", Fault.delay(1.0))
        nursery.start_soon(place, system, a_sequence("one"))
        await trio.sleep(0.5)
        (buy,) = [o for o in store._orders.values() if o.order.side == "BUY"]
        with trio.fail_after(5):
            message = CancelOrder(order_id=buy.order_id, by="token:1")
            told = await system.router.ask(message)
        assert told.record.cancel_requested
        await trio.sleep(4)
        assert store.order(buy.order_id).status is S.CANCELLED
    assert booked(paper) == ["SELL"]


async def test_a_store_that_cannot_be_read_sends_no_buys(autojump_clock):
    one = Exchange("one", after=0.0)
    async with routing(one) as floor:
        one.floor = floor

        def fails(order_id):
            raise StoreFailed("gone")

        floor.store.order = fails
        done = await floor.ask(a_sequence("one"))
    assert statuses(done) == ["denied", "acked"]
    assert sides(one) == ["SELL"]


async def test_a_book_that_cannot_be_asked_for_now_is_asked_for_again(
    autojump_clock, monkeypatch
):
    one = Exchange("one", after=0.0)
    async with routing(one) as floor:
        one.floor = floor
        real, refused = one.mailbox.ask, []

        async def ask(message, *, urgent=False):
            if isinstance(message, LookAtBook) and len(refused) < 2:
                refused.append(message)
                raise MailboxFull("full")
            return await real(message, urgent=urgent)

        monkeypatch.setattr(one.mailbox, "ask", ask)
        done = await floor.ask(a_sequence("one"))
    assert statuses(done) == ["acked", "acked"]
    assert (len(refused), len(one.looked)) == (2, 1)


# Who waits for whom -------------------------------------------------------------------


def test_buys_wait_for_the_sells_of_their_own_broker():
    message = a_sequence("one", "two", orders=(BUY, SELL, BUY))
    assert waiting(message) == {0: (2,), 1: (3,), 4: (2,), 5: (3,)}
    assert waiting(a_batch("one", orders=(BUY, SELL))) == {}
    assert waiting(a_sequence("one", orders=(BUY,))) == {}
    assert turns(a_sequence("one", orders=(BUY,)), ()) == []
