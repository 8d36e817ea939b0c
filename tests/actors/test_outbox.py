"""Telling a publisher: at least once, in order, across outages and restarts."""

import random
from contextlib import asynccontextmanager

import trio

from actors.feed import Feed
from actors.mailbox import Mailbox
from actors.outbox import PATIENCE, Outbox
from actors.records import Records
from actors.writer import StoreHealth, Writer
from adapters import AuditEntry, Note, PublishFailed
from tests.support.gateway import inline, wall
from tests.support.memory_store import MemoryStore


class Bus:
    """A publisher. `down`: it raises; `stuck`: it never answers."""

    name = "bus"

    def __init__(self):
        self.down = self.stuck = False
        self.tries = []
        self.got = []

    async def publish(self, events):
        self.tries.append(trio.current_time())
        if self.stuck:
            await trio.sleep_forever()
        if self.down:
            raise PublishFailed("no such host")
        self.got += [event.id for event in events]

    async def aclose(self):
        pass


class Wire:
    def __init__(self, store=None, bus=None):
        self.store = store or MemoryStore()
        self.bus = bus or Bus()
        self.feed = Feed(Records(self.store, run_sync=inline))
        self.mailbox = Mailbox("writer", 100)
        self.outbox = Outbox(self.bus, self.feed, self.mailbox, wall, random.Random(1))

    @asynccontextmanager
    async def running(self):
        writer = Writer(
            self.mailbox,
            self.store,
            StoreHealth(),
            run_sync=inline,
            committed=lambda *what: self.feed.committed(),
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(writer.run)
            await nursery.start(self.outbox.run)
            await trio.sleep(1)
            yield self
            nursery.cancel_scope.cancel()

    async def happen(self, count=1):
        entries = [AuditEntry(actor="t", action="order.acked")] * count
        self.store.commit([Note(audit=tuple(entries))])
        self.feed.committed()
        await trio.sleep(1)


async def test_a_new_publisher_is_told_what_comes_and_not_what_was(autojump_clock):
    wire = Wire()
    await wire.happen(3)
    async with wire.running():
        await wire.happen(2)
    assert wire.bus.got == [4, 5]
    assert wire.store.cursor("bus") == 5


async def test_a_restart_goes_on_where_it_was(autojump_clock):
    wire = Wire()
    async with wire.running():
        await wire.happen(2)
    await wire.happen(2)  # while nothing ran
    again = Wire(wire.store)
    async with again.running():
        await again.happen()
    assert again.bus.got == [3, 4, 5]


async def test_even_one_that_saw_no_event_begins_where_it_was(autojump_clock):
    wire = Wire()
    async with wire.running():
        pass
    await wire.happen(2)
    again = Wire(wire.store)
    async with again.running():
        pass
    assert again.bus.got == [1, 2]


async def test_an_outage_of_a_day_costs_nothing_but_time(autojump_clock):
    wire = Wire()
    async with wire.running():
        wire.bus.down = True
        for _ in range(24):
            await wire.happen(5)
            await trio.sleep(3600)
        assert wire.outbox.report.failing == "no such host"
        assert wire.outbox.report.since is not None
        wire.bus.down = False
        await trio.sleep(120)
        assert wire.outbox.report.failing is None
    assert wire.bus.got == list(range(1, 121))
    pauses = [b - a for a, b in zip(wire.bus.tries, wire.bus.tries[1:], strict=False)]
    assert pauses[0] < 1.3
    assert max(pauses[:1000]) <= 60 * 1.2


async def test_one_that_never_answers_is_asked_again(autojump_clock):
    wire = Wire()
    async with wire.running():
        wire.bus.stuck = True
        await wire.happen()
        wire.bus.stuck = False
        await trio.sleep(PATIENCE + 5)
        assert wire.outbox.report.failures == 1
    assert wire.bus.got == [1]


async def test_what_was_not_kept_is_told_again(autojump_clock):
    wire = Wire()
    async with wire.running():
        await wire.happen()
        keep, wire.outbox._keep = wire.outbox._keep, _nothing
        await wire.happen()
    again = Wire(wire.store, wire.bus)
    async with again.running():
        pass
    assert wire.bus.got == [1, 2, 2]
    assert keep is not None


async def _nothing(seq):
    await trio.lowlevel.checkpoint()


async def test_a_store_that_cannot_be_read_is_waited_for(autojump_clock):
    wire = Wire()
    async with wire.running():
        await wire.happen()
        audit, wire.store.audit = wire.store.audit, _fails
        await wire.happen()
        assert wire.outbox.report.failing.startswith("the store cannot be read")
        wire.store.audit = audit
        await trio.sleep(10)
    assert wire.bus.got == [1, 2]


def _fails(query):
    from adapters import StoreFailed

    raise StoreFailed("gone")


async def test_it_ends_with_the_feed(autojump_clock):
    wire = Wire()
    with trio.fail_after(10):
        async with wire.running():
            await wire.happen()
            wire.feed.close()
            await wire.outbox.run()
    assert wire.bus.got == [1]
