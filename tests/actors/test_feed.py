"""Following: nothing twice, nothing missed, no reader waited for."""

import pytest
import trio

from actors.feed import AT_ONCE, Feed, Follower
from actors.records import Records
from adapters import AuditEntry, Note, StoreFailed, event_of
from tests.support.gateway import inline
from tests.support.memory_store import MemoryStore


class Wire:
    """A store, its feed, and a way to make things happen."""

    def __init__(self):
        self.store = MemoryStore()
        self.reads = 0
        self.feed = Feed(Records(self.store, run_sync=self._read))

    async def _read(self, call, *args):
        self.reads += 1
        return await inline(call, *args)

    def happen(self, *actions, broker="one"):
        entries = [AuditEntry(actor="t", action=a, broker=broker) for a in actions]
        self.store.commit([Note(audit=tuple(entries))])
        self.feed.committed()


async def test_a_follower_gets_what_was_and_then_what_comes(autojump_clock):
    wire = Wire()
    wire.happen("order.acked", "order.filled")
    follower = Follower(wire.feed, 0)
    before = await follower.next()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def later():
            await trio.sleep(60)
            wire.happen("session.active")

        after = await follower.next()
    assert [(e.id, e.type) for e in before] == [(1, "order.acked"), (2, "order.filled")]
    assert [(e.id, e.type) for e in after] == [(3, "session.active")]
    assert trio.current_time() == pytest.approx(60.05)


async def test_it_begins_where_one_left_off():
    wire = Wire()
    wire.happen("order.acked", "order.filled", "order.settled")
    assert [e.id for e in await Follower(wire.feed, 2).next()] == [3]
    assert await wire.feed.last() == 3


async def test_what_is_for_the_audit_alone_is_passed_over(autojump_clock):
    wire = Wire()
    wire.happen("order.sending", "batch.denied", "keys.rotated", "session.refused")
    wire.happen("order.accepted")
    follower = Follower(wire.feed, 0)
    assert [(e.id, e.type) for e in await follower.next()] == [(5, "order.placed")]
    with trio.move_on_after(100) as patience:
        await follower.next()
    assert patience.cancelled_caught
    assert follower.at == 5


async def test_a_commit_between_a_read_and_the_wait_is_not_missed(autojump_clock):
    wire = Wire()
    read = wire.feed.records.read

    async def then_commit(question):
        found = await read(question)
        if wire.reads == 1:
            wire.happen("order.acked")
        return found

    wire.feed.records.read = then_commit
    with trio.fail_after(1):
        events = await Follower(wire.feed, 0).next()
    assert [e.id for e in events] == [1]


async def test_many_commits_are_one_read(autojump_clock):
    wire = Wire()
    follower = Follower(wire.feed, 0)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def commits():
            await trio.sleep(1)
            for _ in range(40):
                await trio.sleep(0.001)
                wire.happen("order.acked")

        events = await follower.next()
    assert len(events) == 40
    assert wire.reads == 2


async def test_a_long_way_is_gone_in_pages():
    wire = Wire()
    wire.happen(*["order.acked"] * (AT_ONCE + 10))
    follower = Follower(wire.feed, 0)
    assert len(await follower.next()) == AT_ONCE
    assert await follower.behind() == 10
    assert len(await follower.next()) == 10


async def test_a_closed_feed_gives_what_is_there_and_then_ends(autojump_clock):
    wire = Wire()
    follower = Follower(wire.feed, 0)
    wire.happen("order.acked")
    wire.feed.close()
    assert len(await follower.next()) == 1
    with pytest.raises(trio.EndOfChannel):
        await follower.next()


async def test_closing_wakes_who_waits(autojump_clock):
    wire = Wire()
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def close():
            await trio.sleep(5)
            wire.feed.close()

        with pytest.raises(trio.EndOfChannel):
            await Follower(wire.feed, 0).next()
    assert trio.current_time() < 6


async def test_a_store_that_cannot_be_read_passes_nothing_over():
    wire = Wire()
    wire.happen("order.acked")
    follower = Follower(wire.feed, 0)
    read, wire.feed.records.read = wire.feed.records.read, _fails
    with pytest.raises(StoreFailed):
        await follower.next()
    wire.feed.records.read = read
    assert [e.id for e in await follower.next()] == [1]


async def _fails(question):
    raise StoreFailed("gone")


def test_an_event_says_what_its_record_says():
    store = MemoryStore()
    entry = AuditEntry(
        actor="token:7",
        action="order.accepted",
        request_id="r",
        batch_id="b",
        order_id="o",
        broker="one",
        detail={"symbol": "NSE:SBIN"},
    )
    store.commit([Note(audit=(entry,))])
    (record,) = store._audit
    event = event_of(record)
    assert (event.id, event.version, event.type) == (1, 1, "order.placed")
    assert (event.batch_id, event.order_id, event.broker) == ("b", "o", "one")
    assert (event.by, event.data) == ("token:7", {"symbol": "NSE:SBIN"})
    assert event.at == record.at
