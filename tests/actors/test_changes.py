"""Changing an order: recorded before it leaves, answered truthfully, never a guess."""

from decimal import Decimal
from functools import partial
from ipaddress import ip_address

import msgspec
import pytest
import trio

from actors.changes import LAG, difference
from actors.egress import Egress
from actors.messages import ChangeOrder, ChangeResult, Denial
from actors.terms import terms_in_book
from adapters import (
    BookStatus,
    Order,
    OrderStatus,
    OrderType,
    SentAs,
    SessionExpired,
    Unsupported,
)
from adapters.brokers.paper import Fault
from tests.support.gateway import an_order, make_paper, wall
from tests.support.records import a_record, a_row
from tests.support.stage import Stage, resting

D = Decimal


async def change(stage, record, *, within=5.0, before=None, **terms):
    """Ask the broker to change the order's terms."""
    order = before or stage.stored(record.order_id).order
    message = ChangeOrder(
        order_id=record.order_id,
        before=order,
        after=msgspec.structs.replace(order, **terms),
        sent_as=None,
        by="token:test",
        request_id="r",
        answer_by=trio.current_time() + within,
    )
    return await stage.mailbox.ask(message)


def at_broker(stage, record) -> Order:
    return stage.paper._account.book.entries[record.broker_order_id].order


async def test_a_change_that_the_broker_took_stands(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        answer = await change(stage, record, price=D(701), quantity=D(7))
    assert answer.denial is None
    assert (answer.record.order.price, answer.record.order.quantity) == (701, 7)
    stored = stage.stored(record.order_id)
    assert stored.order == answer.record.order == at_broker(stage, record)
    assert stage.story(record.order_id) == ["placed", "acked", "acked"]
    last = stage.store.events(record.order_id)[-1]
    assert last.cause == "modified: quantity 10 -> 7, price 700 -> 701"


async def test_it_is_recorded_before_it_leaves(autojump_clock):
    actions = []

    async with Stage().running() as stage:
        record = await stage.place(resting())

        def note(call):
            actions.extend(row.entry.action for row in stage.store._audit)

        stage.paper.script.on("modify", Fault(), when=lambda call: bool(note(call)))
        await change(stage, record, price=D(701))
    assert "order.modify_requested" in actions
    assert "order.modified" not in actions
    assert stage.store._audit[-1].entry.action == "order.modified"
    assert stage.store._audit[-1].entry.actor == "token:test"


async def test_nothing_leaves_that_cannot_be_recorded(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.store.failing = "disk full"
        answer = await change(stage, record, price=D(701))
        stage.store.failing = None
    assert answer.denial.code == "storage_unavailable"
    assert stage.calls("modify") == 0


@pytest.mark.parametrize("arrives", [True, False])
async def test_of_a_lost_answer_the_book_tells(arrives, autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        fault = Fault.lose_answer() if arrives else Fault.lose_request()
        stage.paper.script.on("modify", fault)
        answer = await change(stage, record, price=D(701))
        await trio.sleep(100)
    stands = D(701) if arrives else D(700)
    assert stage.stored(record.order_id).order.price == stands
    assert at_broker(stage, record).price == stands
    if arrives:
        assert answer.denial is None
        assert answer.record.order.price == 701
    else:
        assert answer.denial.code == "unknown"
    assert stage.calls("modify") == 1


async def test_a_refused_change_leaves_the_order_as_it_was(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.refuse("-99", "too late today"))
        answer = await change(stage, record, price=D(701))
    assert answer.denial == Denial(code="rejected", message="-99: too late today")
    assert answer.record.order.price == 700
    assert stage.stored(record.order_id).order.price == 700


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unsupported("no such call"), "unsupported")],
)
async def test_what_the_broker_cannot_do_is_said(error, code, autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault(carried_out=False, error=lambda: error))
        answer = await change(stage, record, price=D(701))
    assert answer.denial.code == code


async def test_what_did_not_leave_is_tried_again(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.connect_failure(), times=2)
        answer = await change(stage, record, price=D(701))
    assert answer.denial is None
    assert stage.calls("modify") == 3


async def test_three_tries_are_the_most(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.connect_failure(), times=None)
        answer = await change(stage, record, price=D(701))
    assert answer.denial.code == "broker_unavailable"
    assert stage.calls("modify") == 3


async def test_a_limited_change_waits_for_its_time_and_not_beyond(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.limited(60.0), times=None)
        answer = await change(stage, record, price=D(701))
    assert answer.denial.code == "deadline_exceeded"
    assert stage.calls("modify") == 1


async def test_while_halted_nothing_is_changed(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        await stage.halt()
        answer = await change(stage, record, price=D(701))
    assert answer.denial.code == "kill_switch_engaged"
    assert at_broker(stage, record).price == 700


async def test_a_halt_that_comes_first_stops_it_at_the_last_moment(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.slow_connect(2.0))
        async with trio.open_nursery() as nursery:
            answers = []

            @nursery.start_soon
            async def changing():
                answers.append(await change(stage, record, price=D(701)))

            await trio.sleep(1)
            await stage.halt()
    assert answers[0].denial.code == "kill_switch_engaged"
    assert at_broker(stage, record).price == 700


async def test_its_deadline_is_looked_at_last_before_it_leaves(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.slow_connect(2.0))
        answer = await change(stage, record, within=1.0, price=D(701))
    assert answer.denial.code == "deadline_exceeded"
    assert at_broker(stage, record).price == 700


async def test_a_cancel_that_comes_first_stops_it_at_the_last_moment(autojump_clock):
    answers = []

    async with Stage().running() as stage, trio.open_nursery() as tasks:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.slow_connect(2.0))

        @tasks.start_soon
        async def changing():
            answers.append(await change(stage, record, price=D(701)))

        await trio.sleep(1)
        await stage.cancel(record.order_id)
    assert answers[0].denial.code == "conflict"
    assert stage.stored(record.order_id).status is OrderStatus.CANCELLED


async def test_nothing_is_changed_at_a_broker_whose_breaker_is_open(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.breaker.force_open(trio.current_time())
        answer = await change(stage, record, price=D(701))
    assert answer.denial.code == "broker_unavailable"
    assert stage.calls("modify") == 0


async def test_a_session_that_has_ended_meanwhile_wants_a_login(autojump_clock):
    error = SessionExpired("the token is not good any more")
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault(carried_out=False, error=lambda: error))
        answer = await change(stage, record, price=D(701))
        report = await stage.report()
    assert answer.denial.code == "session_expired"
    assert report.session != "active"


async def test_an_order_whose_cancel_is_wanted_is_not_changed(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("cancel", Fault.lose_request(2.0))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.cancel, record.order_id)
            await trio.sleep(1)
            answer = await change(stage, record, price=D(701))
    assert (answer.denial.code, answer.denial.message) == (
        "conflict",
        "its cancel is wanted",
    )
    assert stage.calls("modify") == 0


async def test_no_change_leaves_from_an_address_that_is_not_the_registered_one(
    autojump_clock,
):
    stage = Stage()
    egress = Egress("alpha", "192.0.2.1", look=None)
    egress.saw(ip_address("192.0.2.1"), wall())
    stage.parts = stage.parts._replace(egress=egress)
    async with stage.running():
        record = await stage.place(resting())
        egress.saw(ip_address("198.51.100.7"), wall())
        refused = await change(stage, record, price=D(701))
        reached = at_broker(stage, record).price
        egress.saw(ip_address("192.0.2.1"), wall())
        taken = await change(stage, record, price=D(702))
    assert refused.denial.code == "egress_mismatch"
    assert "they would leave from 198.51.100.7" in refused.denial.message
    assert reached == refused.record.order.price == 700
    assert (taken.denial, taken.record.order.price) == (None, 702)


@pytest.mark.parametrize(("quantity", "stands"), [(3, 10), (4, 10), (5, 5)])
async def test_no_order_is_made_smaller_than_what_is_filled(
    quantity, stands, autojump_clock
):
    stage = Stage(make_paper(fill="manual"))
    async with stage.running():
        record = await stage.place(resting())
        stage.paper.fill(record.broker_order_id, 4, 700)
        await trio.sleep(3)
        answer = await change(stage, record, quantity=D(quantity))
        assert at_broker(stage, record).quantity == stands
    if quantity <= 4:
        words = "4 are filled already; cancel the rest"
        assert answer.denial == Denial(code="conflict", message=words)
        assert stage.calls("modify") == 0
    else:
        assert answer.denial is None
    assert stage.stored(record.order_id).order.quantity == stands


async def test_two_changes_at_once_are_one_and_a_conflict(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.delay(2.0))
        answers = []

        async def changing(price):
            answers.append(await change(stage, record, price=D(price)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(changing, 701)
            await trio.sleep(0.1)
            nursery.start_soon(changing, 702)
    assert [a.denial and a.denial.message for a in answers] == [
        "another change of it is under way",
        None,
    ]
    assert at_broker(stage, record).price == 701


async def test_terms_made_from_others_than_those_that_stand_are_refused(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        before = stage.stored(record.order_id).order
        await change(stage, record, price=D(701))
        answer = await change(stage, record, before=before, quantity=D(5))
    assert answer.denial.message == "it was changed meanwhile"
    assert at_broker(stage, record).quantity == 10


async def test_a_settled_order_is_not_changed(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(an_order())
        await trio.sleep(60)
        answer = await change(stage, record, price=D(701))
    assert answer.code == "conflict"
    assert stage.calls("modify") == 0


async def test_an_order_that_settled_long_ago_is_not_changed(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(an_order(price=813))
        await trio.sleep(600)
        answer = await change(stage, record, price=D(701))
    assert answer == Denial(
        code="conflict", message="it is settled, or not with its broker yet"
    )
    assert stage.calls("modify") == 0


async def test_an_order_on_its_way_is_not_changed(autojump_clock):
    async with Stage().running() as stage, trio.open_nursery() as tasks:
        stage.paper.script.on("place", Fault.delay(2))
        tasks.start_soon(stage.place, resting())
        await trio.sleep(1)
        (record,) = stage.store._orders.values()
        answer = await change(stage, record, price=D(701))
    assert answer.denial == Denial(
        code="conflict", message="it is on its way, and not answered yet"
    )
    assert stage.calls("modify") == 0


async def test_an_order_that_may_not_have_arrived_is_not_changed(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.lose_request())
        record = await stage.place(resting())
        answer = await change(stage, record, price=D(701))
    assert isinstance(answer, ChangeResult)
    assert answer.denial.message.startswith("nobody knows yet")
    assert stage.calls("modify") == 0


async def test_a_change_whose_time_is_over_does_not_leave(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        answer = await change(stage, record, within=0.0, price=D(701))
    assert answer.denial.code in ("deadline_exceeded", "rate_queue_full")
    assert at_broker(stage, record).price == 700


async def test_a_change_made_elsewhere_is_taken_over_from_the_book(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        entry = stage.paper._account.book.entries[record.broker_order_id]
        elsewhere = msgspec.structs.replace(entry.order, price=D(703))
        stage.paper._desk.change(entry.id, elsewhere)
        await trio.sleep(70)
    assert stage.stored(record.order_id).order.price == 703
    last = stage.store.events(record.order_id)[-1]
    assert last.cause == "changed at the broker: price 700 -> 703"
    assert stage.store._audit[-1].entry.actor == "broker:one"


async def test_a_book_that_lags_behind_the_answer_is_not_believed(autojump_clock):
    async with Stage().running() as stage:
        record = await stage.place(resting())
        row = (await stage.paper.order_book())[0]
        await change(stage, record, price=D(701))
        broker = stage.brokers[-1]
        now = stage.stored(record.order_id)
        await broker._changes.shown(now, row, trio.current_time() + 1)
        soon = stage.stored(record.order_id).order.price
        await broker._changes.shown(now, row, trio.current_time() + LAG + 1)
        later = stage.stored(record.order_id).order.price
    assert (soon, later) == (701, 700)


async def test_after_a_crash_the_book_tells_which_terms_stand(autojump_clock):
    stage = Stage()
    async with stage.running():
        record = await stage.place(resting())
        stage.paper.script.on("modify", Fault.never())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(change, stage, record, price=D(701)))
            await trio.sleep(1)
            store = stage.store.copied()
            nursery.cancel_scope.cancel()
    async with Stage(stage.paper, store).running() as again:
        await trio.sleep(70)
        assert again.stored(record.order_id).order.price == 701
        assert again.stored(record.order_id).status == "acked"


@pytest.mark.parametrize(
    ("row", "news"),
    [
        ({}, None),
        ({"price": D(701)}, {"price": D(701)}),
        ({"quantity": D(5)}, {"quantity": D(5)}),
        ({"price": None}, None),
        ({"price": D(0)}, None),
        ({"type": OrderType.MARKET, "price": D(1)}, None),
        ({"status": BookStatus.FILLED, "quantity": D(5)}, None),
        ({"trigger_price": D(5)}, None),
    ],
)
def test_what_a_row_says_of_an_orders_terms(row, news):
    record = a_record(OrderStatus.ACKED, order=resting())
    fields = {"price": D(700), "quantity": D(10), "type": OrderType.LIMIT} | row
    status = fields.pop("status", BookStatus.OPEN)
    found = terms_in_book(record, a_row(status, **fields))
    if news is None:
        assert found is None
    else:
        assert found == (msgspec.structs.replace(record.order, **news), None)


def test_a_protected_orders_own_terms_stay_and_what_it_went_out_as_follows():
    order = an_order(type="MARKET", price=None)
    sent_as = SentAs(type=OrderType.LIMIT, price=D(820), trigger_price=None)
    record = a_record(OrderStatus.ACKED, order=order, sent_as=sent_as)
    row = a_row(BookStatus.OPEN, price=D(821), quantity=D(9), type=OrderType.LIMIT)
    after, sent = terms_in_book(record, row)
    assert (after.type, after.price, after.quantity) == (OrderType.MARKET, None, 9)
    assert sent == msgspec.structs.replace(sent_as, price=D(821))


def test_a_difference_names_what_differs():
    before = an_order()
    after = msgspec.structs.replace(before, type=OrderType.MARKET, price=None)
    assert difference(before, after) == "type LIMIT -> MARKET, price 813 -> none"
