"""Alerts: told once, told again when it is worth it, told when it is over."""

import random
from contextlib import asynccontextmanager

import trio

from actors.alerts import QUIET, ROOM, TRIES, Alerts, State
from actors.feed import Feed
from actors.records import Records
from adapters import AuditEntry, Note, PublishFailed, StoreFailed
from tests.support.gateway import inline, wall
from tests.support.memory_store import MemoryStore


class Pager:
    name = "pager"

    def __init__(self):
        self.got = []
        self.tries = 0
        self.down = self.stuck = False

    async def send(self, alert):
        self.tries += 1
        if self.stuck:
            await trio.sleep_forever()
        if self.down:
            raise PublishFailed("HTTP 500")
        self.got.append(alert)

    async def aclose(self):
        pass

    @property
    def told(self):
        return [(alert.severity, alert.title) for alert in self.got]


class Scene:
    def __init__(self, *pagers):
        self.store = MemoryStore()
        self.feed = Feed(Records(self.store, run_sync=inline))
        self.pagers = pagers or (Pager(),)
        self.states = []
        self.alerts = Alerts(
            self.feed, [self._look], self.pagers, wall, random.Random(1)
        )

    async def _look(self):
        await trio.lowlevel.checkpoint()
        return self.states

    @property
    def told(self):
        return self.pagers[0].told

    @asynccontextmanager
    async def running(self):
        async with trio.open_nursery() as nursery:
            await nursery.start(self.alerts.run)
            await trio.sleep(1)
            yield self
            nursery.cancel_scope.cancel()

    async def happen(self, action, broker="one", **detail):
        entry = AuditEntry(actor="token:7", action=action, broker=broker, detail=detail)
        self.store.commit([Note(audit=(entry,))])
        self.feed.committed()
        await trio.sleep(1)


async def test_a_breaker_that_opens_is_told_once_and_when_it_is_over(autojump_clock):
    async with Scene().running() as scene:
        for _ in range(3):
            await scene.happen("breaker.changed", to="OPEN", reason="failures")
        await scene.happen("breaker.changed", to="HALF-OPEN", reason="cooled")
        await scene.happen("breaker.changed", to="CLOSED", reason="probes")
        await scene.happen("breaker.changed", to="OPEN", reason="failures")
    assert scene.told == [
        ("critical", "one is down"),
        ("resolved", "one is back"),
        ("critical", "one is down"),
    ]
    assert scene.pagers[0].got[0].broker == "one"


async def test_the_same_news_comes_again_after_a_while(autojump_clock):
    async with Scene().running() as scene:
        await scene.happen("session.expired", reason="token")
        await trio.sleep(QUIET)
        await scene.happen("session.expired", reason="token")
    assert scene.told == [("warning", "one wants a login")] * 2
    assert "run: ordo login one" in scene.pagers[0].got[0].text


async def test_the_kill_switch_is_told_with_who_and_why(autojump_clock):
    async with Scene().running() as scene:
        await scene.happen("kill_switch.engaged", broker=None, reason="lunch")
        await scene.happen("kill_switch.released", broker=None)
    assert scene.told == [
        ("critical", "trading is halted"),
        ("resolved", "trading is resumed"),
    ]
    assert scene.pagers[0].got[0].text == "by token:7: lunch"


async def test_what_is_over_without_having_been_told_is_not_told(autojump_clock):
    async with Scene().running() as scene:
        await scene.happen("breaker.changed", to="CLOSED", reason="probes")
        await scene.happen("order.acked")
    assert scene.told == []


async def test_what_lasts_is_told_when_it_begins_and_when_it_ends(autojump_clock):
    async with Scene().running() as scene:
        scene.states = [State("store", "the store fails", "disk full")]
        await trio.sleep(100)
        scene.states = []
        await trio.sleep(100)
    assert scene.told == [
        ("critical", "the store fails"),
        ("resolved", "the store fails"),
    ]


async def test_one_way_that_is_down_holds_up_no_other(autojump_clock):
    down, up = Pager(), Pager()
    down.down = True
    async with Scene(down, up).running() as scene:
        await scene.happen("kill_switch.engaged", reason="x")
        assert up.told == [("critical", "trading is halted")]
        await trio.sleep(100)
    assert (down.tries, scene.alerts.undelivered) == (TRIES, 1)


async def test_a_way_that_never_answers_is_given_up(autojump_clock):
    pager = Pager()
    pager.stuck = True
    async with Scene(pager).running() as scene:
        await scene.happen("kill_switch.engaged", reason="x")
        await trio.sleep(600)
    assert (pager.tries, scene.alerts.undelivered) == (TRIES, 1)


async def test_a_flood_does_not_grow_without_end(autojump_clock):
    pager = Pager()
    pager.stuck = True
    async with Scene(pager).running() as scene:
        states = [State(f"order:{n}", "unknown", "") for n in range(ROOM + 20)]
        scene.states = states
        await trio.sleep(20)
        assert scene.alerts.undelivered >= 19


async def test_a_store_that_cannot_be_read_does_not_end_the_watch(autojump_clock):
    async with Scene().running() as scene:
        audit = scene.store.audit

        def fails(query):
            raise StoreFailed("gone")

        scene.store.audit = fails
        await scene.happen("kill_switch.engaged", reason="x")
        scene.store.audit = audit
        await trio.sleep(60)
    assert scene.told == [("critical", "trading is halted")]
