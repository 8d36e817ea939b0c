"""Reconciling when asked to: what differs, what was mended, what is not ours."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import trio

from actors.journal import Journal
from actors.mailbox import Mailbox
from actors.messages import Difference, Fetch, Reconcile, Reconciled
from actors.ownership import Ownership
from adapters import AuditQuery, BookStatus, OrderStatus
from adapters.brokers.paper import Fault
from tests.support.gateway import make_paper
from tests.support.records import AT, a_record, a_row
from tests.support.stage import Seldom, Stage, resting
from tests.support.untagged import Untagged, elsewhere, untagged


class Altered:
    """A port whose book is read once a minute, and is what *turn* makes of it."""

    def __init__(self, inside):
        self._inside = Seldom(inside)
        self.turn = lambda rows: rows

    def __getattr__(self, name):
        return getattr(self._inside, name)

    async def order_book(self):
        return self.turn(await self._inside.order_book())


def altered(**paper):
    return Stage(Altered(make_paper(**({"fill": "manual"} | paper))))


def each_row(**changes):
    return lambda rows: [msgspec.structs.replace(row, **changes) for row in rows]


async def reconcile(stage, *, within=20.0):
    with trio.fail_after(within):
        return await stage.mailbox.ask(Reconcile(by="token:me", request_id="R1"))


def a_difference(record, what="status", *, ours, theirs, mended=True):
    return Difference(
        order_id=record.order_id,
        broker_order_id=record.broker_order_id or "PAPER-000001",
        symbol="NSE:SBIN",
        what=what,
        ours=ours,
        theirs=theirs,
        mended=mended,
    )


def alerts(caplog):
    return [row.message for row in caplog.records if row.levelname == "CRITICAL"]


# What differs


async def test_where_all_agrees_nothing_differs(autojump_clock):
    async with altered().running() as stage:
        await stage.place(resting())
        await stage.place(resting(price=701))
        answer = await reconcile(stage)
    assert answer == Reconciled(
        broker="one", orders_checked=2, rows_checked=2, attempts=1
    )


async def test_a_fill_is_found_and_mended(autojump_clock):
    async with altered().running() as stage:
        order = await stage.place(resting())
        stage.paper.fill(order.broker_order_id, 4, 700)
        answer = await reconcile(stage)
        assert answer.differences == (
            a_difference(order, ours="acked", theirs="partially_filled"),
            a_difference(order, "filled_quantity", ours="0", theirs="4"),
        )
        assert stage.stored(order.order_id).filled_quantity == 4
        assert (await reconcile(stage)).differences == ()


async def test_other_terms_are_found_and_mended(autojump_clock):
    async with altered().running() as stage:
        order = await stage.place(resting())
        stage.paper.turn = each_row(price=Decimal(705))
        answer = await reconcile(stage)
        assert answer.differences == (
            a_difference(order, "price", ours="700", theirs="705"),
        )


async def test_an_order_in_doubt_that_is_found_differs_and_is_mended(autojump_clock):
    async with altered().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        order = await stage.place(resting())
        answer = await reconcile(stage)
        assert answer.differences == (
            a_difference(order, ours="unknown", theirs="acked"),
        )


async def test_an_order_in_doubt_that_is_not_found_differs_still(autojump_clock):
    async with altered().running() as stage:
        stage.paper.script.on("place", Fault.lose_request())
        order = await stage.place(resting())
        (row,) = (await reconcile(stage)).differences
        assert (row.order_id, row.broker_order_id) == (order.order_id, None)
        assert (row.ours, row.theirs, row.mended) == ("unknown", None, False)


async def test_one_that_is_called_not_placed_by_that_is_told(autojump_clock):
    async with altered().running() as stage:
        stage.paper.script.on("place", Fault.lose_request())
        await stage.place(resting())
        await trio.sleep(140)
        (row,) = (await reconcile(stage)).differences
        assert (row.ours, row.theirs, row.mended) == ("unknown", "not_placed", True)


async def test_an_open_order_that_a_complete_book_does_not_show_differs(
    autojump_clock,
):
    async with altered().running() as stage:
        order = await stage.place(resting())
        await trio.sleep(1)
        stage.paper.turn = lambda rows: []
        answer = await reconcile(stage)
        assert answer.differences == (
            a_difference(order, ours="acked", theirs=None, mended=False),
        )
        assert stage.stored(order.order_id).status == "acked"


async def test_one_that_was_taken_while_the_book_was_read_does_not(autojump_clock):
    async with altered().running() as stage:
        stage.paper.script.on("order_book", Fault.delay(2), times=None)
        answers = []

        async def ask():
            answers.append(await reconcile(stage))

        async with trio.open_nursery() as tasks:
            tasks.start_soon(ask)
            await trio.sleep(0.5)
            stage.paper.turn = lambda rows: []  # read before it was there
            await stage.place(resting())
        assert answers[0].differences == ()


async def test_an_order_settled_hours_ago_that_the_book_shows_filled_is_mended(
    autojump_clock, caplog
):
    stage = altered()
    async with stage.running():
        order = await stage.place(resting())
        await stage.cancel(order.order_id)
        await trio.sleep(400)
        stage.paper.turn = each_row(
            status=BookStatus.CANCELLED,
            filled_quantity=Decimal(4),
            average_price=Decimal(700),
        )
        answer = await reconcile(stage)
        assert answer.differences == (
            a_difference(order, "filled_quantity", ours="0", theirs="4"),
        )
        assert stage.stored(order.order_id).filled_quantity == 4
        assert (await reconcile(stage)).differences == ()
    assert alerts(caplog) == ["an order that was cancelled is cancelled at the broker"]


async def test_one_settled_by_an_earlier_run_is_compared_too(autojump_clock, caplog):
    first = altered()
    async with first.running():
        order = await first.place(resting())
        await first.cancel(order.order_id)
        left = first.store.copied()
    first.paper.turn = each_row(status=BookStatus.FILLED, filled_quantity=Decimal(10))
    async with Stage(first.paper, left).running() as second:
        await reconcile(second)
        assert second.stored(order.order_id).status == "filled"
    assert len(alerts(caplog)) == 1


async def test_what_no_change_may_follow_from_is_shown_and_left(autojump_clock):
    async with altered().running() as stage:
        order = await stage.place(resting())
        stage.paper.fill(order.broker_order_id, 10, 700)
        await reconcile(stage)
        assert stage.stored(order.order_id).status == "filled"
        stage.paper.turn = each_row(
            status=BookStatus.CANCELLED, filled_quantity=Decimal(8)
        )
        for _ in range(2):
            answer = await reconcile(stage)
            assert answer.differences == (
                a_difference(order, ours="filled", theirs="cancelled", mended=False),
                a_difference(
                    order, "filled_quantity", ours="10", theirs="8", mended=False
                ),
            )
        assert stage.stored(order.order_id).filled_quantity == 10


@pytest.mark.parametrize(
    "change",
    [
        {"status": BookStatus.UNCLEAR},
        {"status": BookStatus.FILLED, "average_price": Decimal(700)},
    ],
)
async def test_a_filled_order_that_the_book_shows_so_or_unclearly_agrees(
    autojump_clock, change
):
    async with altered().running() as stage:
        order = await stage.place(resting())
        stage.paper.fill(order.broker_order_id, 10, 700)
        await reconcile(stage)
        stage.paper.turn = each_row(**change)
        assert (await reconcile(stage)).differences == ()


async def test_a_store_that_cannot_be_read_leaves_a_settled_order_for_later(
    autojump_clock,
):
    async with altered().running() as stage:
        order = await stage.place(resting())
        await stage.cancel(order.order_id)
        await trio.sleep(400)
        stage.paper.turn = each_row(
            status=BookStatus.FILLED, filled_quantity=Decimal(10)
        )
        stage.reads_fail = True
        assert (await reconcile(stage)).differences == ()
        stage.reads_fail = False
        assert len((await reconcile(stage)).differences) == 2
        assert stage.stored(order.order_id).status == "filled"


async def test_one_taken_up_and_not_stored_yet_is_not_taken_up_again(
    autojump_clock, caplog
):
    async with altered().running() as stage:
        order = await stage.place(resting())
        await stage.cancel(order.order_id)
        await trio.sleep(400)
        stage.paper.turn = each_row(
            status=BookStatus.FILLED, filled_quantity=Decimal(10)
        )
        stage.store.failing = "disk full"
        assert len((await reconcile(stage)).differences) == 2
        assert (await reconcile(stage)).differences == ()
        stage.store.failing = None
        await trio.sleep(10)
        assert stage.story(order.order_id)[-2:] == ["cancelled", "filled"]
    assert len(alerts(caplog)) == 1


# What cannot be read


async def test_a_book_that_cannot_be_read_is_told_and_nothing_taken_from_it(
    autojump_clock,
):
    async with altered().running() as stage:
        await elsewhere_tagged(stage, "X")
        stage.paper.script.on("order_book", Fault.refuse("E1", "maintenance"))
        answer = await reconcile(stage)
        failure = answer.failure
        assert (failure.denial.code, failure.broker_code) == ("rejected", "E1")
        assert (answer.rows_checked, answer.orders, answer.differences) == (
            None,
            (),
            (),
        )


async def test_a_silent_broker_is_told_at_the_deadline(autojump_clock):
    async with altered().running() as stage:
        stage.paper.script.on("order_book", Fault.never(), times=None)
        request = Reconcile(by="me")
        with trio.move_on_after(30):
            with trio.fail_after(31):
                answer = await stage.mailbox.ask(request)
            assert answer.failure.denial.code == "broker_unavailable"


async def test_trades_that_cannot_be_read_make_it_a_failure_with_what_was_mended(
    autojump_clock,
):
    async with altered().running() as stage:
        stage.paper.script.on("place", Fault.lose_request())
        await stage.place(resting())
        order = await stage.place(resting(price=701))
        await trio.sleep(140)
        stage.paper.fill(order.broker_order_id, 10, 701)
        stage.paper.script.on("trades", Fault.refuse("E2", "later"))
        answer = await reconcile(stage)
        assert answer.failure.broker_code == "E2"
        assert answer.rows_checked == 1
        assert [row.mended for row in answer.differences] == [True, True, False]


async def test_who_asked_is_in_the_audit_whatever_comes_of_it(autojump_clock):
    async with altered().running() as stage:
        stage.paper.script.on("order_book", Fault.refuse("E1", "no"))
        await reconcile(stage)
        entries = [row.entry for row in stage.store.audit(AuditQuery(request_id="R1"))]
        assert [(e.actor, e.action, e.broker) for e in entries] == [
            ("token:me", "broker.reconcile_requested", "one")
        ]


async def test_many_who_ask_at_once_share_one_read(autojump_clock):
    async with altered().running() as stage:
        reads = stage.calls("order_book")
        stage.paper.script.on("order_book", Fault.delay(1), times=None)
        async with trio.open_nursery() as tasks:
            for _ in range(20):
                tasks.start_soon(reconcile, stage)
        # The first is under way when some of them ask: what it reads is too old then.
        assert stage.calls("order_book") - reads <= 2


# Orders placed elsewhere


async def elsewhere_tagged(stage, tag):
    """Another program places an order with a tag of its own."""
    answer = await stage.paper.place(resting(), tag, lambda: None)
    return answer.broker_order_id


async def test_orders_placed_elsewhere_are_shown_as_external(autojump_clock):
    async with altered().running() as stage:
        ours = await stage.place(resting())
        numbers = [await elsewhere_tagged(stage, tag) for tag in ("", "SOMEBODY")]
        answer = await reconcile(stage)
        assert [row.broker_order_id for row in answer.orders] == numbers
        assert [row.external for row in answer.orders] == [True, True]
        assert [row.order_id for row in answer.orders] == [None, None]
        rows = (await stage.mailbox.ask(Fetch(kind="orderbook"))).rows
        assert [(row.order_id, row.external) for row in rows] == [
            (ours.order_id, False),
            (None, True),
            (None, True),
        ]


async def test_an_order_of_ours_is_none_of_those_wherever_it_is_by_now(autojump_clock):
    """On its way, in doubt, settled long ago, or rejected without a number."""
    async with altered().running() as stage:
        filled = await stage.place(resting())
        stage.paper.fill(filled.broker_order_id, 10, 700)
        refuse = Fault.refuse("RMS", "no", in_book=True)
        stage.paper.script.on("place", msgspec.structs.replace(refuse))
        await stage.place(resting())
        await trio.sleep(400)
        stage.paper.script.on("place", Fault.delay(3))
        stage.paper.script.on("order_book", Fault(), times=None)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(stage.place, resting())
            await trio.sleep(1)
            rows = (await stage.mailbox.ask(Fetch(kind="orderbook"))).rows
            assert [row.external for row in rows] == [False, False, False]
            assert len({row.order_id for row in rows}) == 3


async def test_orders_of_an_earlier_run_of_today_are_ours(autojump_clock):
    first = altered()
    async with first.running():
        order = await first.place(resting())
        first.paper.fill(order.broker_order_id, 10, 700)
        await trio.sleep(61)
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        (row,) = (await second.mailbox.ask(Fetch(kind="orderbook"))).rows
        assert (row.order_id, row.external) == (order.order_id, False)


async def test_however_many_they_are(autojump_clock, monkeypatch):
    monkeypatch.setattr("actors.recovery.PAGE", 2)
    first = altered()
    async with first.running():
        for _ in range(5):
            order = await first.place(resting())
            first.paper.fill(order.broker_order_id, 10, 700)
        await trio.sleep(61)
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        rows = (await second.mailbox.ask(Fetch(kind="orderbook"))).rows
        assert [row.external for row in rows] == [False] * 5


async def test_without_tags_a_row_that_may_be_an_order_in_doubt_is_nobodys_yet(
    autojump_clock,
):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        order = await stage.place(resting())
        await elsewhere(stage, resting())
        await elsewhere(stage, resting(side="SELL", product="INTRADAY"))
        answer = await reconcile(stage)
        assert [row.external for row in answer.orders] == [None, None, True]
        (row,) = answer.differences
        assert (row.order_id, row.ours, row.mended) == (
            order.order_id,
            "unknown",
            False,
        )
        assert row.theirs == "maybe PAPER-000001, PAPER-000002"


async def test_without_tags_what_was_there_before_or_is_of_another_time_is_external(
    autojump_clock,
):
    async with untagged().running() as stage:
        await elsewhere(stage, resting())
        await trio.sleep(61)
        stage.paper.script.on("place", Fault.lose_request())
        order = await stage.place(resting())
        answer = await reconcile(stage)
        assert [row.external for row in answer.orders] == [True]
        await trio.sleep(200)
        assert stage.stored(order.order_id).status == "not_placed"
        await elsewhere(stage, resting())
        answer = await reconcile(stage)
        assert [row.external for row in answer.orders] == [True, True]


async def test_a_row_with_our_tag_is_ours_though_its_refusal_named_no_number(
    autojump_clock,
):
    port = Untagged(make_paper())
    port.capabilities = msgspec.structs.replace(
        port.capabilities, tag=make_paper().capabilities.tag
    )
    port.numbers_refusals, port.order_book = False, port.inside.order_book
    async with Stage(port).running() as stage:
        stage.paper.script.on("place", Fault.refuse("RMS", "no", in_book=True))
        order = await stage.place(resting())
        assert (order.status, order.broker_order_id) == ("rejected", None)
        for _ in range(2):
            (row,) = (await stage.mailbox.ask(Fetch(kind="orderbook"))).rows
            assert (row.order_id, row.external) == (order.order_id, False)
            await trio.sleep(400)


def test_a_number_is_ours_for_its_day_only():
    """Some brokers count anew each morning."""
    now = AT
    journal = Journal("one", Mailbox("writer", 1), lambda: now)
    ownership = Ownership(journal)
    sent = {"sending_at": AT, "status": OrderStatus.FILLED}
    yesterday = {"created_at": AT - timedelta(days=1)}
    ownership.load(
        [
            a_record(broker_order_id="B1", order_id="ORDER1", **sent),
            a_record(broker_order_id="B2", order_id="ORDER2", **sent | yesterday),
            a_record(OrderStatus.DENIED, order_id="ORDER3", client_tag="T3"),
            a_record(OrderStatus.ACKED, broker_order_id="B4", sending_at=AT),
        ]
    )

    def owners():
        rows = [a_row(broker_order_id=f"B{n}", tag=None) for n in (1, 2, 4)]
        return [ownership.now().of(row) for row in rows]

    assert owners() == ["ORDER1", None, None]
    assert ownership.now().of(a_row(broker_order_id="B3", tag="T3")) is None
    now = AT + timedelta(days=1)
    assert owners() == [None, None, None]


async def test_an_order_of_another_program_that_looks_like_ours_is_left_alone(
    autojump_clock,
):
    """Its tag is sixteen characters of our alphabet, and no order of ours has it."""
    async with altered().running() as stage:
        theirs = await elsewhere_tagged(stage, "0123456789ABCDEF")
        ours = await stage.place(resting())
        stage.paper.script.on("place", Fault.lose_request())
        doubtful = await stage.place(resting())
        await trio.sleep(200)
        assert stage.stored(doubtful.order_id).status == "not_placed"
        assert stage.stored(ours.order_id).broker_order_id == "PAPER-000002"
        assert theirs == "PAPER-000001"
        assert len(stage.store._orders) == 2  # nothing was adopted


@pytest.mark.parametrize("tag", ["", "0123456789ABCDEF"])
async def test_a_halt_that_cancels_all_leaves_orders_placed_elsewhere_alone(
    autojump_clock, tag
):
    async with altered().running() as stage:
        await elsewhere_tagged(stage, tag)
        ours = await stage.place(resting())
        await stage.halt(cancel_open=True)
        await trio.sleep(5)
        assert stage.stored(ours.order_id).status == "cancelled"
        book = await stage.paper.order_book()
        assert [row.status for row in book] == [BookStatus.OPEN, BookStatus.CANCELLED]


async def test_after_a_restart_orders_placed_elsewhere_are_not_adopted(autojump_clock):
    first = altered()
    async with first.running():
        await elsewhere_tagged(first, "0123456789ABCDEF")
        left = first.store.copied()
    async with Stage(first.paper, left).running() as second:
        await second.halt(cancel_open=True)
        await reconcile(second)
        assert second.store._orders == {}
        assert second.calls("cancel") == 0


# Cancels that a crash cut short


async def test_a_cancel_that_a_crash_cut_short_goes_out_again(autojump_clock):
    first = altered()
    async with first.running(), trio.open_nursery() as tasks:
        order = await first.place(resting())
        first.paper.script.on("cancel", Fault.never(accepted=False))
        tasks.start_soon(first.cancel, order.order_id)
        await trio.sleep(1)
        left = first.store.copied()
        tasks.cancel_scope.cancel()
        first.paper.script.clear()
    assert left.order(order.order_id).status is OrderStatus.ACKED
    assert left.order(order.order_id).cancel_requested
    cancels = first.calls("cancel")
    async with Stage(first.paper, left).running(up=5) as second:
        assert second.stored(order.order_id).status == "cancelled"
        assert second.calls("cancel") == cancels + 1


async def test_it_waits_until_the_book_shows_the_order(autojump_clock):
    first = altered()
    async with first.running(), trio.open_nursery() as tasks:
        order = await first.place(resting())
        first.paper.script.on("cancel", Fault.never(accepted=False))
        tasks.start_soon(first.cancel, order.order_id)
        await trio.sleep(1)
        left = first.store.copied()
        tasks.cancel_scope.cancel()
        first.paper.script.clear()
    cancels = first.calls("cancel")
    first.paper.script.on("order_book", Fault.refuse("E1", "no"))
    async with Stage(first.paper, left).running(up=5) as second:
        assert second.calls("cancel") == cancels
        await trio.sleep(70)
        assert second.stored(order.order_id).status == "cancelled"


async def test_one_that_was_filled_meanwhile_is_not_cancelled(autojump_clock):
    first = altered()
    async with first.running(), trio.open_nursery() as tasks:
        order = await first.place(resting())
        first.paper.script.on("cancel", Fault.never(accepted=False))
        tasks.start_soon(first.cancel, order.order_id)
        await trio.sleep(1)
        left = first.store.copied()
        tasks.cancel_scope.cancel()
        first.paper.script.clear()
    first.paper.fill(order.broker_order_id, 10, 700)
    cancels = first.calls("cancel")
    async with Stage(first.paper, left).running(up=5) as second:
        assert second.stored(order.order_id).status == "filled"
        assert second.calls("cancel") == cancels
