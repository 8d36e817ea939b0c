"""Orders over the freeze quantity: cut up, accepted as one, each sent by itself."""

import msgspec
import pytest
import trio

from actors.case import Desk
from actors.lookups import Lookups
from actors.mailbox import Mailbox
from actors.messages import (
    Admission,
    BatchDone,
    Denial,
    Leg,
    LegAnswer,
    NothingAccepted,
)
from actors.pretrade import PreTrade
from actors.records import Records
from actors.router import Router
from actors.slicing import MOST_LEGS, cut, whole
from adapters import OrderQuery, OrderType, Slice
from adapters.brokers.paper import Fault
from adapters.brokers.paper.adapter import CAPABILITIES
from ordo.config import Limits
from tests.actors.test_router import FakeBroker, Floor, statuses
from tests.support.gateway import (
    a_batch,
    an_order,
    inline,
    make_clockwork,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.market import D, an_index, an_instrument, an_option, the_table
from tests.support.memory_store import MemoryStore

OPTION = "NFO:NIFTY28NOV2625000CE"
SIZE = 1755
"""Whole lots of 65 within the freeze quantity, 1800."""


def option(**changes):
    """60 lots: three orders."""
    fields = {"symbol": OPTION, "quantity": 3900, "price": 110, "product": "MARGIN"}
    return an_order(**(fields | changes))


def leg(order=None, *, cut=True, index=0, broker="one"):
    order = option() if order is None else order
    return Leg(order_index=index, broker=broker, order=order, cut=cut)


def pieces(*legs, instrument=None, most=20):
    """Legs cut up, their common ids P1, P2, …"""
    numbers = iter(range(1, 100))
    row = an_option() if instrument is None else instrument
    return cut(legs, lambda leg: row, lambda: f"P{next(numbers)}", most)


def sizes(legs):
    return [int(leg.order.quantity) for leg in legs]


def batch(*orders, cut=True, **changes):
    made = a_batch("one", orders=orders or (option(),), **changes)
    legs = tuple(msgspec.structs.replace(leg, cut=cut) for leg in made.legs)
    return msgspec.structs.replace(made, legs=legs)


# The cutting


def test_full_parts_first_and_the_rest_last():
    found = pieces(leg())
    assert sizes(found.legs) == [SIZE, SIZE, 390]
    assert [each.slice for each in found.legs] == [
        Slice(parent_id="P1", number=number, of=3) for number in (1, 2, 3)
    ]
    assert [each.order_index for each in found.legs] == [0, 0, 0]
    assert found.refused == {}


def test_all_but_the_quantity_is_the_same_in_each_part():
    whole_one = option(trigger_price=105, type="SL", note="mine")
    for each in pieces(leg(whole_one)).legs:
        same = msgspec.structs.replace(each.order, quantity=whole_one.quantity)
        assert same == whole_one


@pytest.mark.parametrize(("quantity", "parts"), [(SIZE * 2, 2), (SIZE * 2 + 65, 3)])
def test_no_part_is_empty(quantity, parts):
    found = pieces(leg(option(quantity=quantity)))
    assert (len(found.legs), sum(sizes(found.legs))) == (parts, quantity)


def test_no_part_shows_more_than_it_has():
    found = pieces(leg(option(disclosed_quantity=650)))
    assert [each.order.disclosed_quantity for each in found.legs] == [650, 650, 390]


@pytest.mark.parametrize(
    ("asked", "instrument"),
    [
        (leg(cut=False), an_option()),
        (leg(option(quantity=SIZE)), an_option()),
        (leg(), an_option(freeze_quantity=None)),
        (leg(), an_option(freeze_quantity=0)),
        (leg(option(quantity=3901)), an_option()),  # no whole lots
        (leg(), an_option(freeze_quantity=50)),  # below one lot
    ],
)
def test_what_is_not_to_be_cut_stays_as_it_is(asked, instrument):
    found = pieces(asked, instrument=instrument)
    assert (found.legs, found.refused) == ((asked,), {})


def test_where_there_is_no_master_nothing_is_cut():
    asked = leg()
    found = cut([asked], lambda leg: None, lambda: "P")
    assert (found.legs, found.refused) == ((asked,), {})


def test_more_parts_than_are_allowed_are_refused():
    found = pieces(leg(), leg(option(quantity=65), index=1), most=2)
    assert sizes(found.legs) == [3900, 65]
    assert found.refused == {
        0: Denial(
            code="invalid_quantity",
            message=f"{OPTION}: 3900 in parts of 1755 are 3 orders, wanted at most 2"
            " (orders.most_slices); ask for less at a time",
        )
    }


def test_parts_count_against_the_orders_of_a_request():
    fifteen = option(quantity=SIZE * 15)
    found = pieces(*(leg(fifteen, index=index) for index in range(4)))
    assert len(found.legs) == 46 <= MOST_LEGS
    assert list(found.refused) == [45]
    assert "larger than 50" in found.refused[45].message


def test_an_astronomical_quantity_is_counted_and_not_cut():
    found = pieces(leg(option(quantity=65 * 10**15)))
    assert (len(found.legs), list(found.refused)) == (1, [0])


# All parts, or none


def answers(*denied):
    parts = [*pieces(leg()).legs, leg(option(quantity=65), index=1)]
    return [
        LegAnswer(
            order_id=f"O{index}",
            leg=part,
            answer=Denial(code="rate_queue_full", message=f"full at {index}")
            if index in denied
            else Admission(client_tag="T", slot=None),
        )
        for index, part in enumerate(parts)
    ]


def test_one_denied_part_takes_the_others_with_it_and_nothing_else():
    first, second, third, other = whole(answers(1))
    words = "another part of its order was denied: full at 1"
    assert first.answer == Denial(code="rate_queue_full", message=words)
    assert second.answer.message == "full at 1"
    assert third.answer == first.answer
    assert isinstance(other.answer, Admission)


def test_where_none_is_denied_all_stay_as_they_are():
    assert whole(answers()) == tuple(answers())


class Choosy(FakeBroker):
    """Denies its second look."""

    def _admit(self, message):
        if len(self.looks) == 1:
            self.looks.append(trio.current_time())
            return Denial(code="broker_unavailable", message="it fell over")
        return super()._admit(message)


async def test_a_part_denied_by_its_broker_leaves_no_slot_taken(autojump_clock):
    one = Choosy("one")
    store = MemoryStore()
    floor = Floor([one], store)
    desk = Desk(
        name="one",
        can=CAPABILITIES,
        instruments=an_index(an_option()),
        lookups=Lookups("one", Mailbox("one", 1)),
    )
    router = Router(
        floor.mailbox,
        {"one": one.mailbox},
        floor.writer,
        Records(store, run_sync=inline),
        floor.trading,
        floor.health,
        make_clockwork(),
        PreTrade({"one": desk}, the_table(), True),
    )
    async with trio.open_nursery() as tree:
        await tree.start(floor.write)
        await tree.start(router.run)
        tree.start_soon(one.run)
        answer = await floor.ask(batch())
        await trio.testing.wait_all_tasks_blocked()
        assert (len(one.looks), one.slots, one.sent) == (3, [], [])
        tree.cancel_scope.cancel()
    assert isinstance(answer, NothingAccepted)
    assert {each.answer.code for each in answer.legs} == {"broker_unavailable"}


# On their way


def gateway(store=None, fill="immediate", **settings):
    prices = {OPTION: 100, "NSE:SBIN": 812}
    paper = make_paper(prices=prices, balance=10**8, fill=fill)
    index = an_index(an_option(), an_instrument())
    return paper, make_system({"one": paper}, store, index=index, **settings)


def booked(paper):
    return [int(e.order.quantity) for e in paper._account.book.entries.values()]


async def test_each_part_is_an_order_of_its_own_under_one_parent(autojump_clock):
    store = MemoryStore()
    paper, system = gateway(store=store)
    async with running(system):
        await trio.sleep(2)
        done = await place(system, batch())
        rows = store.orders(OrderQuery(limit=10))
    assert statuses(done) == ["acked", "acked", "acked"]
    assert sorted(booked(paper)) == [390, SIZE, SIZE]
    assert len({row.order_id for row in rows}) == 3
    assert len({row.client_tag for row in rows}) == 3
    assert len({row.broker_order_id for row in rows}) == 3
    (parent,) = {row.slice.parent_id for row in rows}
    assert parent not in {row.order_id for row in rows}
    assert [row.slice.number for row in done.orders] == [1, 2, 3]
    assert len(store.commits[0]) == 1
    assert len(store.commits[0][0].orders) == 3


async def test_the_audit_names_the_parent(autojump_clock):
    store = MemoryStore()
    _, system = gateway(store=store)
    async with running(system):
        await trio.sleep(2)
        done = await place(system, batch())
    told = [
        row.entry.detail for row in store._audit if row.entry.action == "order.accepted"
    ]
    parent = done.orders[0].slice.parent_id
    assert [each["parent_id"] for each in told] == [parent] * 3
    assert [each["slice"] for each in told] == [
        {"number": number, "of": 3} for number in (1, 2, 3)
    ]


async def test_without_being_asked_to_it_is_denied_as_ever(autojump_clock):
    paper, system = gateway()
    async with running(system):
        await trio.sleep(2)
        answer = await place(system, batch(cut=False))
    assert isinstance(answer, NothingAccepted)
    (only,) = answer.legs
    assert only.answer.code == "invalid_quantity"
    assert "wanted at most 1800 in one order" in only.answer.message
    assert booked(paper) == []


async def test_too_many_parts_deny_the_leg_and_leave_the_key_free(autojump_clock):
    _, system = gateway()
    async with running(system):
        await trio.sleep(2)
        much = await place(system, batch(option(quantity=SIZE * 21)))
        after = await place(system, batch(fingerprint="other"))
    assert isinstance(much, NothingAccepted)
    assert "are 21 orders, wanted at most 20" in much.legs[0].answer.message
    assert (isinstance(after, BatchDone), after.replayed) == (True, False)


async def test_a_replay_shows_the_same_parts_and_sends_nothing(autojump_clock):
    paper, system = gateway()
    async with running(system):
        await trio.sleep(2)
        first = await place(system, batch())
        again = await place(system, batch())
    assert again.replayed
    assert [o.order_id for o in again.orders] == [o.order_id for o in first.orders]
    assert [o.slice for o in again.orders] == [o.slice for o in first.orders]
    assert len(booked(paper)) == 3


async def test_a_dry_run_shows_the_parts_and_makes_none(autojump_clock):
    paper, system = gateway()
    async with running(system):
        await trio.sleep(2)
        answer = await place(system, batch(dry_run=True))
    assert isinstance(answer, NothingAccepted)
    assert sizes(each.leg for each in answer.legs) == [SIZE, SIZE, 390]
    assert booked(paper) == []


async def test_the_parts_of_a_market_order_are_protected_by_one_quote(autojump_clock):
    paper, system = gateway()
    async with running(system):
        await trio.sleep(2)
        done = await place(system, batch(option(type="MARKET", price=None)))
    sent = {(row.sent_as.type, row.sent_as.price) for row in done.orders}
    ((kind, price),) = sent
    assert (kind, price > 100) == (OrderType.LIMIT, True)
    assert paper.script.calls["quotes"] == 1


async def test_buys_wait_for_every_part_of_their_sell(autojump_clock):
    paper, system = gateway(fill="manual")
    sell = option(side="SELL", price=90)
    buy = an_order(product="INTRADAY")
    message = batch(sell, buy, sequential=True, deadline_ms=20_000)
    told = []
    async with running(system), trio.open_nursery() as nursery:
        await trio.sleep(2)

        async def ask():
            told.append(await place(system, message))

        nursery.start_soon(ask)
        await trio.sleep(1)
        assert sorted(booked(paper)) == [390, SIZE, SIZE]
        entries = list(paper._account.book.entries.items())
        for number, entry in entries[:2]:
            paper.fill(number, entry.order.quantity, D(90))
        await trio.sleep(4)
        assert len(booked(paper)) == 3
        number, entry = entries[2]
        paper.fill(number, entry.order.quantity, D(90))
        await trio.sleep(4)
    assert booked(paper)[3:] == [10]
    assert statuses(told[0]) == ["acked"] * 4


async def test_each_part_takes_a_slot_of_the_rate_limit(autojump_clock):
    _, system = gateway(limits=Limits(per_second=4))
    async with running(system):
        await trio.sleep(2)
        began = trio.current_time()
        done = await place(system, batch(option(quantity=SIZE * 12)))
        took = trio.current_time() - began
    assert statuses(done) == ["acked"] * 12
    assert took == pytest.approx(3 * 1.05)  # three and three and three, and three


async def test_a_part_that_the_broker_refuses_leaves_the_others_to_go(autojump_clock):
    paper, system = gateway()
    async with running(system):
        await trio.sleep(2)
        paper.script.on("place", Fault.refuse("16307", "freeze"))
        done = await place(system, batch())
    assert sorted(statuses(done)) == ["acked", "acked", "rejected"]
