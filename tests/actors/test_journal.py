"""The journal: memory first, the store in the same order, nothing spoken too early."""

from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import trio

from actors.journal import Journal
from actors.lifecycle import advance, from_book
from actors.mailbox import Mailbox
from actors.messages import Commit
from actors.writer import StoreHealth, Writer
from adapters import AuditEntry, BookStatus, Note, OrderStatus
from tests.support.gateway import wall
from tests.support.memory_store import MemoryStore
from tests.support.records import a_record, a_row

S = OrderStatus
ID = "ORDER1"


class Room:
    """A journal with a writer over a store; a commit takes *takes* seconds."""

    def __init__(self):
        self.store = MemoryStore()
        self.takes = 0.0
        self.mailbox = Mailbox("writer", 100)
        self.journal = Journal("one", self.mailbox, wall)

    @asynccontextmanager
    async def open(self, *, retrying=True):
        writer = Writer(self.mailbox, self.store, StoreHealth(), run_sync=self._run)
        self.store._orders[ID] = a_record()
        self.journal.take_up([a_record()])
        async with trio.open_nursery() as tasks:
            await tasks.start(writer.run)
            if retrying:
                tasks.start_soon(self.journal.retry_unsaved)
            yield self
            tasks.cancel_scope.cancel()

    async def _run(self, call, *args):
        await trio.sleep(self.takes)
        return call(*args)

    def change(self, to, **fields):
        return advance(self.journal[ID], to, str(to), wall(), **fields)

    def row(self, status, filled=0, average=None):
        """What a row of the book changes."""
        row = a_row(status, filled, average)
        return from_book(self.journal[ID], row, wall())

    def story(self):
        return [str(event.status) for event in self.store.events(ID)]

    def audited(self):
        return [row.entry.action for row in self.store._audit]

    @property
    def stored(self):
        return self.store.order(ID)


async def test_a_change_is_in_memory_at_once_and_returns_when_it_is_stored(
    autojump_clock,
):
    async with Room().open() as room:
        room.takes = 2
        saved = []

        async def save():
            saved.append(await room.journal.save(room.change(S.ACKED)))

        async with trio.open_nursery() as saves:
            saves.start_soon(save)
            await trio.sleep(1)
            assert room.journal[ID].status == S.ACKED
            assert room.stored.status == S.PLACED
        assert saved == [True]
        assert trio.current_time() == 2
        assert room.stored == room.journal[ID]
        assert room.story() == ["acked"]


async def test_no_change_stores_nothing(autojump_clock):
    async with Room().open() as room:
        assert await room.journal.save(None) is False
        assert room.store.commits == []


async def test_each_change_is_audited_with_its_cause_and_what_is_known(autojump_clock):
    async with Room().open() as room:
        change = room.change(S.REJECTED, broker_code="RMS", error_code="rejected")
        await room.journal.save(change)
        (row,) = room.store._audit
    assert row.entry == AuditEntry(
        actor="broker:one",
        action="order.rejected",
        batch_id="BATCH1",
        order_id=ID,
        broker="one",
        detail={
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": "10",
            "cause": "rejected",
            "error_code": "rejected",
            "broker_code": "RMS",
            "attempts": 0,
            "filled_quantity": "0",
        },
    )


async def test_changes_made_while_one_is_committed_follow_it_in_order(autojump_clock):
    async with Room().open() as room:
        room.takes = 1
        async with trio.open_nursery() as saves:
            saves.start_soon(room.journal.save, room.change(S.ACKED))
            await trio.sleep(0.1)
            part = room.row(BookStatus.OPEN, 4, "812")
            saves.start_soon(room.journal.save, part)
            await trio.sleep(0.1)
            whole = room.row(BookStatus.FILLED, 10, "812")
            saves.start_soon(room.journal.save, whole)
        assert trio.current_time() == 2
        assert room.story() == ["acked", "partially_filled", "filled"]
        assert room.stored.status == S.FILLED


async def test_a_failed_change_is_tried_again_each_second_until_it_is_stored(
    autojump_clock,
):
    async with Room().open() as room:
        room.store.failing = "disk full"
        assert await room.journal.save(room.change(S.ACKED)) is False
        await trio.sleep(3.5)
        assert room.stored.status == S.PLACED
        room.store.failing = None
        await trio.sleep(1)
        assert room.stored.status == S.ACKED
        assert room.story() == ["acked"]
        assert len(room.store.commits) == 1


async def test_a_failed_change_never_overwrites_a_later_one(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        await room.journal.save(room.change(S.UNKNOWN))
        room.store.failing = None
        assert await room.journal.save(room.change(S.ACKED)) is True
        assert room.story() == ["unknown", "acked"]
        await trio.sleep(5)
        assert room.stored.status == S.ACKED
        assert room.story() == ["unknown", "acked"]
        assert room.audited() == ["order.unknown", "order.acked"]


async def test_a_change_whose_predecessor_fails_meanwhile_takes_it_along(
    autojump_clock,
):
    async with Room().open() as room:
        room.takes = 1
        async with trio.open_nursery() as saves:
            room.store.failing = "disk full"
            saves.start_soon(room.journal.save, room.change(S.UNKNOWN))
            await trio.sleep(0.5)
            saves.start_soon(room.journal.save, room.change(S.ACKED))
            await trio.sleep(0.6)
            room.store.failing = None
        assert room.story() == ["unknown", "acked"]
        assert room.stored.status == S.ACKED


async def test_a_writer_that_is_full_is_a_failure_like_any_other(
    autojump_clock, caplog
):
    async with Room().open() as room:
        room.takes = 1
        room.mailbox.tell(Commit(writes=(Note(audit=()),)))
        await trio.sleep(0.1)
        while room.mailbox.depth < 100:
            room.mailbox.tell(Commit(writes=()))
        assert await room.journal.save(room.change(S.ACKED)) is False
        assert "not stored yet: writer holds 100 messages" in caplog.text
        await trio.sleep(3)
        assert room.stored.status == S.ACKED


async def test_a_save_cut_short_is_not_lost(autojump_clock):
    async with Room().open() as room:
        room.takes = 3
        room.store.failing = "disk full"
        with trio.move_on_after(1):
            await room.journal.save(room.change(S.ACKED))
        await trio.sleep(3)
        room.store.failing, room.takes = None, 0
        await trio.sleep(4)
        assert room.stored.status == S.ACKED


# What may be told


async def test_what_is_stored_may_be_told(autojump_clock):
    async with Room().open() as room:
        await room.journal.save(room.change(S.ACKED))
        assert room.journal.spoken(ID) == room.stored


async def test_an_outcome_that_is_not_stored_is_told_as_unknown(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        await room.journal.save(room.change(S.ACKED, broker_order_id="B1"))
        told = room.journal.spoken(ID)
    assert told.status == S.UNKNOWN
    assert told.error_code == "unknown"
    assert told.message == (
        "the store failed before this was recorded; being reconciled"
    )


async def test_a_denial_is_certain_without_the_store(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        await room.journal.save(room.change(S.DENIED, error_code="not_sent"))
        assert room.journal.spoken(ID).status == S.DENIED


async def test_behind_the_store_the_stored_outcome_is_told(autojump_clock):
    async with Room().open() as room:
        await room.journal.save(room.change(S.ACKED))
        room.store.failing = "disk full"
        await room.journal.save(room.row(BookStatus.FILLED, 10, "812"))
        assert room.journal[ID].status == S.FILLED
        assert room.journal.spoken(ID).status == S.ACKED


async def test_of_several_changes_the_last_that_is_stored_is_told(autojump_clock):
    async with Room().open(retrying=False) as room:
        room.takes = 1
        async with trio.open_nursery() as saves:
            saves.start_soon(room.journal.save, room.change(S.ACKED))
            await trio.sleep(0.1)
            saves.start_soon(room.journal.save, room.row(BookStatus.FILLED, 10, "812"))
            await trio.sleep(1)
            room.store.failing = "disk full"
        assert room.journal[ID].status == S.FILLED
        assert room.stored.status == S.ACKED
        assert room.journal.spoken(ID) == room.stored


# Several orders in one commit

OTHER = "ORDER2"


@asynccontextmanager
async def two_orders(**options):
    async with Room().open(**options) as room:
        other = a_record(order_id=OTHER, client_tag=OTHER)
        room.store._orders[OTHER] = other
        room.journal.take_up([other])
        yield room


def make_acked(room):
    """Change both in memory."""
    for order_id in (ID, OTHER):
        room.journal.make(advance(room.journal[order_id], S.ACKED, "acked", wall()))


def told(room):
    """Whose events are stored, and which, in their order."""
    return [(event.order_id, str(event.status)) for event in room.store._events]


async def test_changes_of_several_orders_are_stored_in_one_commit(autojump_clock):
    async with two_orders(retrying=False) as room:
        make_acked(room)
        assert told(room) == []
        await room.journal.flush_all([ID, OTHER, ID])
        assert told(room) == [(ID, "acked"), (OTHER, "acked")]
        assert len(room.store.commits) == 1
        assert room.journal.spoken(OTHER) == room.store.order(OTHER)
        await room.journal.flush_all([ID, OTHER])
        assert len(room.store.commits) == 1


async def test_several_that_settle_are_let_go_once_they_are_stored(autojump_clock):
    async with two_orders() as room:
        for order_id in (ID, OTHER):
            record = room.journal[order_id]
            room.journal.make(advance(record, S.DENIED, "denied", wall()))
        room.store.failing = "disk full"
        await room.journal.flush_all([ID, OTHER])
        assert len(room.journal) == 2
        room.store.failing = None
        await room.journal.flush_all([ID, OTHER])
        assert len(room.journal) == 0


async def test_several_that_could_not_be_stored_are_each_tried_again(autojump_clock):
    async with two_orders() as room:
        room.store.failing = "disk full"
        make_acked(room)
        await room.journal.flush_all([ID, OTHER])
        assert room.journal.spoken(OTHER).status == S.UNKNOWN
        room.store.failing = None
        await trio.sleep(2)
        assert sorted(told(room)) == [(ID, "acked"), (OTHER, "acked")]


async def test_what_changes_while_several_are_stored_comes_behind_them(autojump_clock):
    async with two_orders(retrying=False) as room:
        room.takes = 1
        make_acked(room)
        async with trio.open_nursery() as saves:
            saves.start_soon(room.journal.flush_all, [ID, OTHER])
            await trio.sleep(0.5)
            saves.start_soon(room.journal.save, room.row(BookStatus.OPEN, 4, "812"))
        assert told(room) == [(ID, "acked"), (OTHER, "acked"), (ID, "partially_filled")]
        assert trio.current_time() == 2
        assert room.stored == room.journal[ID]


async def test_one_that_is_being_stored_already_holds_up_none_of_the_others(
    autojump_clock,
):
    async with two_orders(retrying=False) as room:
        room.takes = 1
        async with trio.open_nursery() as saves:
            saves.start_soon(room.journal.save, room.change(S.UNKNOWN))
            await trio.sleep(0.5)
            make_acked(room)
            saves.start_soon(room.journal.flush_all, [ID, OTHER])
        assert told(room) == [(ID, "unknown"), (OTHER, "acked"), (ID, "acked")]
        assert trio.current_time() == 3
        assert room.stored == room.journal[ID]


async def test_of_several_that_the_writer_has_no_room_for_each_is_told(
    autojump_clock, caplog
):
    async with two_orders(retrying=False) as room:
        room.takes = 1
        room.mailbox.tell(Commit(writes=(Note(audit=()),)))
        await trio.sleep(0.1)
        while room.mailbox.depth < 100:
            room.mailbox.tell(Commit(writes=()))
        make_acked(room)
        await room.journal.flush_all([ID, OTHER])
    lines = [row for row in caplog.records if row.event == "order.not_stored"]
    assert [row.order_id for row in lines] == [ID, OTHER]


# SENDING


async def test_sending_is_stored_before_it_returns(autojump_clock):
    async with Room().open() as room:
        await trio.sleep(1)
        assert await room.journal.save_sending(ID) is True
        assert room.stored.sending_at == wall()
        assert room.journal[ID] == room.stored
        assert room.audited() == ["order.sending"]


async def test_sending_that_cannot_be_stored_is_taken_back(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        assert await room.journal.save_sending(ID) is False
        assert room.journal[ID].sending_at is None
        room.store.failing = None
        await trio.sleep(5)
        assert room.stored.sending_at is None
        assert room.store.commits == []


async def test_sending_taken_back_leaves_what_was_noted_beside_it(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        entry = AuditEntry(actor="me", action="order.cancel_requested")
        room.journal.amend(ID, entry, cancel_requested=True)
        assert await room.journal.save_sending(ID) is False
        room.store.failing = None
        await trio.sleep(5)
        assert room.stored.cancel_requested
        assert room.stored.sending_at is None
        assert room.audited() == ["order.cancel_requested"]


async def test_a_note_made_while_sending_is_stored_does_not_call_it_failed(
    autojump_clock,
):
    async with Room().open() as room:
        room.takes = 1
        sent = []

        async def send():
            sent.append(await room.journal.save_sending(ID))

        async with trio.open_nursery() as tasks:
            tasks.start_soon(send)
            await trio.sleep(0.5)
            entry = AuditEntry(actor="me", action="order.cancel_requested")
            room.journal.amend(ID, entry, cancel_requested=True)
            tasks.start_soon(room.journal.flush, ID)
        assert sent == [True]
        assert room.stored.cancel_requested
        assert room.stored.sending_at is not None


async def test_an_amendment_is_in_memory_at_once_and_in_each_later_change(
    autojump_clock,
):
    async with Room().open() as room:
        entry = AuditEntry(actor="me", action="order.cancel_requested")
        room.journal.amend(ID, entry, cancel_requested=True)
        assert room.journal[ID].cancel_requested
        await room.journal.save(room.change(S.ACKED))
        assert room.stored.cancel_requested
        assert room.audited() == ["order.cancel_requested", "order.acked"]
        assert room.story() == ["acked"]


# What is kept, and for how long


async def test_a_settled_order_is_let_go_once_it_is_stored(autojump_clock):
    async with Room().open() as room:
        await room.journal.save(room.change(S.ACKED))
        assert len(room.journal) == 1
        room.store.failing = "disk full"
        await room.journal.save(room.row(BookStatus.FILLED, 10, "812"))
        assert len(room.journal) == 1
        room.store.failing = None
        await trio.sleep(2)
        assert len(room.journal) == 0
        assert room.journal.get(ID) is None


async def test_an_order_in_flight_is_held_settled_or_not(autojump_clock):
    async with Room().open() as room:
        room.journal.hold(a_record())
        await room.journal.save(room.row(BookStatus.FILLED, 10, "812"))
        assert room.journal[ID].status == S.FILLED
        room.journal.release(ID)
        assert room.journal.get(ID) is None


async def test_a_released_order_that_is_open_stays(autojump_clock):
    async with Room().open() as room:
        room.journal.hold(a_record())
        await room.journal.save(room.change(S.ACKED))
        room.journal.release(ID)
        assert room.journal[ID].status == S.ACKED


async def test_cancelled_and_rejected_orders_stay_five_minutes_for_a_late_fill(
    autojump_clock,
):
    for status in (S.CANCELLED, S.REJECTED):
        async with Room().open() as room:
            await room.journal.save(room.change(status))
            await trio.sleep(299)
            room.journal.forget_settled()
            assert room.journal.get(ID) is not None
            await trio.sleep(2)
            room.journal.forget_settled()
            assert room.journal.get(ID) is None


async def test_one_that_was_not_placed_stays_for_a_day(autojump_clock):
    async with Room().open(retrying=False) as room:
        room.journal.take_up([a_record(S.NOT_PLACED)])
        await trio.sleep(86_000)
        room.journal.forget_settled()
        assert room.journal.get(ID) is not None
        await trio.sleep(500)
        room.journal.forget_settled()
        assert room.journal.get(ID) is None


async def test_what_is_not_stored_is_not_forgotten_however_late(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        await room.journal.save(room.change(S.CANCELLED))
        await trio.sleep(400)
        room.journal.forget_settled()
        assert room.journal.get(ID) is not None


async def test_it_knows_which_orders_were_settled_after_a_moment(autojump_clock):
    async with Room().open() as room:
        await trio.sleep(5)
        assert not room.journal.settled_after(ID, 4)
        await room.journal.save(room.change(S.CANCELLED))
        assert room.journal.settled_after(ID, 4)
        assert not room.journal.settled_after(ID, 5)
        await room.journal.save(room.row(BookStatus.OPEN, 4, "812"))
        assert not room.journal.settled_after(ID, 4)


async def test_overturning_what_clients_were_told_calls_for_an_alert(
    autojump_clock, caplog
):
    async with Room().open() as room:
        await room.journal.save(room.change(S.UNKNOWN))
        await room.journal.save(room.change(S.NOT_PLACED))
        assert "CRITICAL" not in caplog.text
        await room.journal.save(room.row(BookStatus.FILLED, 10, "812"))
    (record,) = [row for row in caplog.records if row.levelname == "CRITICAL"]
    assert record.message == ("an order that was not_placed is filled at the broker")
    assert record.event == "order.overturned"


async def test_going_through_the_orders_does_not_mind_changes(autojump_clock):
    async with Room().open() as room:
        other = msgspec.structs.replace(a_record(), order_id="ORDER2")
        room.journal.take_up([other])
        for record in room.journal:
            room.journal.take_up(
                [msgspec.structs.replace(record, order_id=f"{record.order_id}0")]
            )
        assert len(room.journal) == 4
        assert room.journal[ID].filled_quantity == Decimal(0)
