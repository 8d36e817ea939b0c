"""What bounds a console: pace, quiet, how much is under way; in virtual time."""

import json
from contextlib import asynccontextmanager

import pytest
import trio

from adapters.brokers.paper import Fault
from ordo.console import session
from ordo.console.session import BURST, FRAMES_A_SECOND, MOST_UNDER_WAY, Session
from tests.ordo.console.asking import Asker, actions
from tests.support.gateway import make_paper, make_system, running
from tests.support.memory_store import MemoryStore


class Wire:
    """A console without a socket. `good`: whether its token is; `ending`: its end."""

    def __init__(self, system, paper, store):
        self.system, self.paper, self.store = system, paper, store
        self.good, self.ending = True, None
        self.frames = []
        self._to_it, self._in = trio.open_memory_channel(10_000)
        self._out, self._from_it = trio.open_memory_channel(10_000)

    async def serve(self):
        call = Asker(self.system).call
        one = Session(call, lambda: self.good, self._in.receive, self._out.send)
        self.ending = await one.run()

    def send(self, **frame):
        self._to_it.send_nowait(json.dumps(frame))

    async def next(self):
        return json.loads(await self._from_it.receive())

    async def answers(self, count):
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def wired():
    """A console that has been greeted."""
    store, paper = MemoryStore(), make_paper()
    system = make_system({"one": paper}, store)
    async with running(system), trio.open_nursery() as nursery:
        await trio.sleep(2)  # a start counts the second before it as full of calls
        wire = Wire(system, paper, store)
        nursery.start_soon(wire.serve)
        await wire.next()
        yield wire
        nursery.cancel_scope.cancel()


async def test_its_opening_and_its_end_are_on_record(autojump_clock):
    async with wired() as wire:
        wire.good = False
        await trio.sleep(2)
        assert wire.ending == (1008, "the token is revoked or expired")
    found = [name for name in actions(wire.store) if name.startswith("console.")]
    assert found == ["console.opened", "console.closed"]


async def test_a_token_is_looked_at_again_before_each_message(autojump_clock):
    async with wired() as wire:
        wire.good = False
        wire.send(id=1, do="ask", to="kill-switch", message="EngageSwitch")
        wire.send(id=2, do="ask", to="kill-switch", message="EngageSwitch")
        await trio.sleep(0.5)  # sooner than the look of each second
        assert wire.ending == (1008, "the token is revoked or expired")
        assert not wire.system.trading.engaged


async def test_one_that_is_quiet_for_long_is_ended_and_one_that_pings_is_not(
    autojump_clock,
):
    async with wired() as wire:
        await trio.sleep(800)
        wire.send(id=1, do="ping")
        await trio.sleep(800)
        assert wire.ending is None
        await trio.sleep(102)
        assert wire.ending == (1000, "quiet for 15 minutes")


async def test_frames_that_come_too_fast_are_read_later(autojump_clock):
    async with wired() as wire:
        began, count = trio.current_time(), int(BURST) + 200
        for number in range(count):
            wire.send(id=number, do="ping")
        answers = await wire.answers(count)
        took = trio.current_time() - began
    assert [each["id"] for each in answers] == list(range(count))
    assert took == pytest.approx(200 / FRAMES_A_SECOND, abs=0.1)


async def test_only_so_much_is_under_way(autojump_clock):
    async with wired() as wire:
        wire.paper.script.on("funds", Fault.never(), times=None)
        for number in range(MOST_UNDER_WAY):
            wire.send(id=number, do="ask", to="broker:one", message="GetFunds")
        wire.send(id=0, do="ls")
        wire.send(id=99, do="ls")
        same, one_more = await wire.answers(2)
        wire.send(id=100, do="stop", what=0)  # always heard
        stopped = await wire.answers(2)
        wire.send(id=101, do="ls")
        tree = await wire.next()
    assert same["error"]["message"] == "the id 0 is under way"
    assert one_more["error"]["message"] == "16 messages are under way, the limit"
    assert {each["id"] for each in stopped} == {0, 100}
    assert tree["type"] == "Tree"


async def test_what_is_under_way_when_ordo_stops_has_its_answer(autojump_clock):
    async with wired() as wire:
        wire.paper.script.on("funds", Fault.delay(3))
        wire.send(id=1, do="watch")
        wire.send(id=2, do="ask", to="broker:one", message="GetFunds")
        assert (await wire.next())["type"] == "Watching"
        wire.system.feed.close()
        ends = await wire.answers(2)
        await trio.testing.wait_all_tasks_blocked()
        assert wire.ending == (1001, "Ordo stops")
    assert ends[0] == {"id": 1, "end": "Ordo stops"}
    assert (ends[1]["id"], ends[1]["status"]) == (2, "success")


async def test_a_bug_is_told_without_detail_and_the_console_goes_on(
    autojump_clock, monkeypatch, caplog
):
    async def broken(call, wanted):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(session, "deliver", broken)
    async with wired() as wire:
        wire.send(id=1, do="ask", to="router", message="GetFunds")
        bug = await wire.next()
        wire.send(id=2, do="ping")
        pong = await wire.next()
    assert bug["error"]["code"] == "internal"
    assert "of ours" not in json.dumps(bug)
    assert "ZeroDivisionError: of ours" in caplog.text
    assert pong["type"] == "Pong"


async def test_a_store_that_cannot_be_read_is_told_so(autojump_clock, monkeypatch):
    from adapters import StoreFailed

    async def unreadable():
        raise StoreFailed("disk on fire")

    async with wired() as wire:
        monkeypatch.setattr(wire.system.feed, "last", unreadable)
        wire.send(id=1, do="watch")
        answer = await wire.next()
    assert answer["error"]["code"] == "storage_unavailable"
