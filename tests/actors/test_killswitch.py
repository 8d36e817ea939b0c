"""The kill-switch: state first; what the store has always agrees in the end."""

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from actors.killswitch import KillSwitch
from actors.mailbox import Mailbox
from actors.messages import (
    CancelProgress,
    CloseProgress,
    Commit,
    EngageSwitch,
    ReadSwitch,
    ReleaseSwitch,
    StoreDown,
)
from actors.trading import TradingState
from actors.writer import StoreHealth, Writer
from adapters import Note, TradingSwitch
from tests.support.gateway import wall
from tests.support.memory_store import MemoryStore


class Room:
    """A kill-switch with a writer over a store; a commit takes *takes* seconds."""

    def __init__(self, switch=None):
        self.store = MemoryStore()
        self.takes = 0.0
        self.writer = Mailbox("writer", 10, urgent_capacity=3)
        self.mailbox = Mailbox("kill-switch", 100)
        self.state = TradingState(switch or self.store.switch())
        self.actor = KillSwitch(self.mailbox, self.writer, self.state, wall)

    @asynccontextmanager
    async def open(self):
        writer = Writer(self.writer, self.store, StoreHealth(), run_sync=self._run)
        async with trio.open_nursery() as tasks:
            await tasks.start(writer.run)
            await tasks.start(self.actor.run)
            yield self
            tasks.cancel_scope.cancel()

    async def _run(self, call, *args):
        await trio.sleep(self.takes)
        return call(*args)

    async def engage(self, by="me", **fields):
        message = EngageSwitch(by=by, **({"reason": "enough"} | fields))
        return await self.mailbox.ask(message)

    async def release(self, by="me"):
        return await self.mailbox.ask(ReleaseSwitch(by=by, reason="calm"))

    async def read(self):
        return await self.mailbox.ask(ReadSwitch())

    def audited(self):
        """What it did, as the audit tells."""
        actions = [row.entry.action for row in self.store._audit]
        return [action for action in actions if action.startswith("kill_switch")]


def told(switch):
    return switch.engaged, switch.reason, switch.by, switch.version


async def test_engaged_it_is_in_memory_before_the_store_and_answered_after(
    autojump_clock,
):
    async with Room().open() as room:
        room.takes = 2
        answers = []

        async def engage():
            answers.append(await room.engage())

        async with trio.open_nursery() as asking:
            asking.start_soon(engage)
            await trio.sleep(1)
            assert room.state.engaged
            assert not room.store.switch().engaged
            assert answers == []
        assert trio.current_time() == 2
        assert room.store.switch() == room.state.switch
        assert told(answers[0].switch) == (True, "enough", "me", 1)
        assert answers[0].switch.since == wall().replace(second=0)
    assert room.audited() == ["kill_switch.engaged"]


async def test_the_answer_names_what_had_left_when_it_turned(autojump_clock):
    async with Room().open() as room:
        room.takes = 1
        room.state.depart("A")
        answers = []

        async def engage():
            answers.append(await room.engage())

        async with trio.open_nursery() as asking:
            asking.start_soon(engage)
            await trio.sleep(0.5)
            room.state.arrived("A")
        assert answers[0].on_the_wire == ("A",)
        assert (await room.read()).on_the_wire == ()
        (row,) = room.store._audit
        assert row.entry.detail == {
            "reason": "enough",
            "cancel_open": False,
            "close_positions": False,
            "on_the_wire": ["A"],
        }


async def test_released_it_is_stored_before_an_order_may_leave(autojump_clock):
    async with Room().open() as room:
        await room.engage()
        room.takes = 2
        answers = []

        async def release():
            answers.append(await room.release())

        async with trio.open_nursery() as asking:
            asking.start_soon(release)
            await trio.sleep(1)
            assert room.state.engaged
        assert not room.state.engaged
        assert told(answers[0].switch) == (False, "calm", "me", 2)
        assert room.store.switch() == room.state.switch
    assert room.audited() == ["kill_switch.engaged", "kill_switch.released"]


async def test_engaged_again_it_keeps_since_when_and_tells_the_newest_reason(
    autojump_clock,
):
    async with Room().open() as room:
        first = await room.engage()
        await trio.sleep(60)
        second = await room.engage(by="other", reason="still")
    assert told(second.switch) == (True, "still", "other", 2)
    assert second.switch.since == first.switch.since


async def test_a_release_that_cannot_be_stored_leaves_it_halted(autojump_clock):
    async with Room().open() as room:
        await room.engage()
        room.store.failing = "disk full"
        assert await room.release() == StoreDown(message="disk full")
        assert room.state.engaged
        room.store.failing = None
        await trio.sleep(10)
        assert room.state.engaged
        assert room.store.switch() == room.state.switch


async def test_a_halt_that_cannot_be_stored_holds_and_is_stored_later(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        assert await room.engage() == StoreDown(message="disk full")
        assert room.state.engaged
        await trio.sleep(3.5)
        assert not room.store.switch().engaged
        room.store.failing = None
        await trio.sleep(1)
        assert room.store.switch() == room.state.switch
        await trio.sleep(5)
    assert room.audited() == ["kill_switch.engaged"]


async def test_a_release_stores_the_halt_before_it_first(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        await room.engage()
        room.store.failing = None
        assert not (await room.release()).switch.engaged
        assert not room.store.switch().engaged
        await trio.sleep(5)
        assert not room.store.switch().engaged
    assert room.audited() == ["kill_switch.engaged", "kill_switch.released"]


async def test_no_release_while_a_halt_before_it_cannot_be_stored(autojump_clock):
    async with Room().open() as room:
        room.store.failing = "disk full"
        await room.engage()
        assert await room.release() == StoreDown(message="disk full")
        assert room.state.engaged


async def test_engaged_while_a_release_is_stored_it_stays_engaged(autojump_clock):
    async with Room().open() as room:
        await room.engage()
        room.takes = 2
        answers = []

        async def release():
            answers.append(await room.release())

        async with trio.open_nursery() as asking:
            asking.start_soon(release)
            await trio.sleep(1)
            answers.append(await room.engage(reason="again"))
        assert [answer.switch.engaged for answer in answers] == [True, True]
        assert room.state.switch.reason == "again"
        assert room.store.switch() == room.state.switch
        versions = [write.switch.version for (write,) in room.store.commits]
        assert versions == [1, 2, 3]


async def test_engaged_before_a_release_could_be_stored_the_release_is_dropped(
    autojump_clock,
):
    async with Room().open() as room:
        await room.engage()
        room.takes = 2
        answers = []

        async def ask(call, *args):
            answers.append(await call(*args))

        async with trio.open_nursery() as asking:
            asking.start_soon(ask, room.engage)
            await trio.sleep(0.5)
            asking.start_soon(ask, room.release)
            await trio.sleep(0.5)
            asking.start_soon(ask, room.engage, "third")
        assert [answer.switch.engaged for answer in answers] == [True] * 3
        assert room.store.switch() == room.state.switch
        assert room.state.switch.by == "third"
    assert room.audited() == ["kill_switch.engaged"] * 3


async def test_two_releases_at_once_leave_store_and_state_the_same(autojump_clock):
    async with Room().open() as room:
        await room.engage()
        room.takes = 1
        async with trio.open_nursery() as asking:
            asking.start_soon(room.release, "A")
            await trio.sleep(0.5)
            asking.start_soon(room.release, "B")
        assert told(room.state.switch) == (False, "calm", "B", 3)
        assert room.store.switch() == room.state.switch


async def test_the_urgent_lane_of_the_writer_may_be_full(autojump_clock):
    async with Room().open() as room:
        room.takes = 1
        room.writer.tell(Commit(writes=(Note(audit=()),)))
        await trio.sleep(0.1)
        for _ in range(3):
            room.writer.tell(Commit(writes=()), urgent=True)
        answer = await room.engage()
        assert answer == StoreDown(message="writer holds 3 urgent messages, its limit")
        assert room.state.engaged
        await trio.sleep(5)
        assert room.store.switch().engaged


async def test_an_unreadable_switch_means_halted_until_somebody_releases_it(
    autojump_clock,
):
    room = Room()
    room.state = TradingState(None)
    room.actor = KillSwitch(room.mailbox, room.writer, room.state, wall)
    async with room.open():
        assert (await room.read()).switch.engaged
        assert not (await room.release()).switch.engaged
        assert not room.state.engaged


async def test_versions_go_on_from_the_stored_one(autojump_clock):
    before = TradingSwitch(engaged=False, reason=None, since=None, by=None, version=41)
    async with Room(before).open() as room:
        assert (await room.engage()).switch.version == 42


async def test_progress_is_kept_for_the_last_round_only(autojump_clock):
    def progress(round_, done):
        return CancelProgress(broker="one", round=round_, wanted=9, done=done, failed=0)

    async with Room().open() as room:
        await room.engage(cancel_open=True)
        room.mailbox.tell(progress(1, 4))
        room.mailbox.tell(progress(1, 5))
        assert (await room.read()).progress == (progress(1, 5),)
        assert (await room.engage(reason="more")).progress == (progress(1, 5),)
        report = await room.engage(cancel_open=True)
        assert report.progress == ()
        room.mailbox.tell(progress(1, 9))
        assert (await room.read()).progress == ()
        room.mailbox.tell(progress(2, 1))
        assert (await room.read()).progress == (progress(2, 1),)


async def test_what_was_asked_before_the_start_is_so_before_anything_else_starts(
    autojump_clock,
):
    room, states = Room(), []

    class Status:
        def started(self):
            states.append(room.state.engaged)

    room.mailbox.tell(EngageSwitch(by="door:file", reason="enough"), urgent=True)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(partial(room.actor.run, task_status=Status()))
        await trio.sleep(1)
        tasks.cancel_scope.cancel()
    assert states == [True]


async def test_a_halt_wants_positions_closed_for_itself_and_cancels_for_good(
    autojump_clock,
):
    wants = []
    async with Room().open() as room:
        for close, cancel in ((True, False), (False, False), (True, False)):
            report = await room.engage(close_positions=close, cancel_open=cancel)
            switch = report.switch
            wants.append((switch.close_positions, switch.cancel_open))
            assert room.store.switch() == switch
        await room.release()
        switch = (await room.engage()).switch
        wants.append((switch.close_positions, switch.cancel_open))
    assert wants == [(True, True), (False, True), (True, True), (False, False)]
    assert room.state.cancels_wanted == 2


async def test_the_progress_of_closes_is_kept_for_the_halt_in_force_only(
    autojump_clock,
):
    def progress(halt, done):
        return CloseProgress(
            broker="one", closes_for=halt, wanted=9, done=done, failed=0
        )

    async with Room().open() as room:
        await room.engage(close_positions=True)
        room.mailbox.tell(progress(1, 4))
        assert (await room.read()).closes == (progress(1, 4),)
        report = await room.engage(close_positions=True)
        assert report.closes == ()
        room.mailbox.tell(progress(1, 9))
        assert (await room.read()).closes == ()
        room.mailbox.tell(progress(2, 1))
        assert (await room.read()).closes == (progress(2, 1),)


async def test_it_knows_no_other_message(autojump_clock):
    room = Room()
    room.mailbox.tell("what?")
    with pytest.raises(ExceptionGroup) as crash:
        async with room.open():
            await trio.sleep(1)
    assert crash.group_contains(
        TypeError, match="no message for the kill-switch: 'what"
    )
