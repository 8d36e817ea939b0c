"""The second door: a file and a signal engage the kill-switch without HTTP."""

from contextlib import asynccontextmanager

import pytest
import trio

from actors.broker import Broker
from actors.messages import ReadSwitch, ReleaseSwitch
from adapters import SaveSwitch, TradingSwitch
from ordo.doors import Door, Doors, halt_at_start
from ordo.tree import tree_of
from tests.support.gateway import a_batch, make_paper, make_system, place
from tests.support.memory_store import MemoryStore


class House:
    """A gateway whose doors are watched."""

    def __init__(self, directory, store=None):
        self.store = store or MemoryStore()
        self.system = make_system({"one": make_paper()}, self.store)
        self.door = Door(directory)
        self.signal, signals = trio.open_memory_channel(10)
        system = self.system
        self.doors = Doors(self.door, signals, system.killswitch, system.trading)

    @asynccontextmanager
    async def open(self):
        halt_at_start(self.door, self.system.killswitch)
        tree = tree_of(self.system, None, lambda: None, self.doors.run)
        async with trio.open_nursery() as nursery:
            await nursery.start(tree.run)
            yield self
            tree.stop()

    async def switch(self):
        return (await self.system.killswitch.ask(ReadSwitch())).switch

    async def release(self):
        message = ReleaseSwitch(by="token:admin")
        return await self.system.killswitch.ask(message, urgent=True)

    @property
    def engaged(self):
        return self.system.trading.engaged


async def test_the_file_halts_within_a_second_and_its_text_is_the_reason(
    autojump_clock, tmp_path
):
    async with House(tmp_path).open() as house:
        await trio.sleep(3.3)
        assert not house.engaged
        house.door.path.write_text("fire in the\n data centre\n")
        await trio.sleep(1)
        switch = await house.switch()
    assert (switch.engaged, switch.by) == (True, "door:file")
    assert switch.reason == "fire in the data centre"
    assert house.store.switch() == switch


async def test_taking_the_file_away_releases_nothing(autojump_clock, tmp_path):
    async with House(tmp_path).open() as house:
        house.door.shut("enough")
        await trio.sleep(1)
        house.door.path.unlink()
        await trio.sleep(60)
        assert house.engaged
        await house.release()
        await trio.sleep(60)
        assert not house.engaged


async def test_as_long_as_the_file_is_there_a_release_does_not_last(
    autojump_clock, tmp_path
):
    async with House(tmp_path).open() as house:
        house.door.shut("enough")
        await trio.sleep(1)
        await house.release()
        await trio.sleep(1)
        assert house.engaged


async def test_a_start_with_the_file_there_is_halted_before_anything_can_leave(
    autojump_clock, tmp_path, monkeypatch
):
    house = House(tmp_path)
    house.door.shut("enough")
    states = []
    run = Broker.run

    async def watched(self, *, task_status):
        states.append(house.engaged)
        await run(self, task_status=task_status)

    monkeypatch.setattr(Broker, "run", watched)
    async with house.open():
        assert house.engaged
        await trio.sleep(1)
        assert (await house.switch()).by == "door:file"
    assert states == [True]


async def test_a_stored_halt_keeps_its_own_reason(autojump_clock, tmp_path):
    store = MemoryStore()
    halt = TradingSwitch(
        engaged=True, reason="before", since=None, by="token:me", version=4
    )
    store.commit([SaveSwitch(switch=halt, audit=())])
    async with House(tmp_path, store).open() as house:
        house.door.shut("enough")
        await trio.sleep(2)
        assert await house.switch() == halt


async def test_a_signal_halts_at_once(autojump_clock, tmp_path):
    async with House(tmp_path).open() as house:
        await trio.sleep(1)
        await house.signal.send(10)
        await trio.testing.wait_all_tasks_blocked()
        assert house.engaged
        assert trio.current_time() == 1
        await trio.sleep(0.1)
        switch = await house.switch()
        assert (switch.by, switch.reason) == ("door:signal", "SIGUSR1")
        await house.release()
        await trio.sleep(5)
        assert not house.engaged


async def test_a_halt_by_a_door_that_cannot_be_stored_holds(
    autojump_clock, tmp_path, caplog
):
    async with House(tmp_path).open() as house:
        house.store.failing = "disk full"
        house.door.shut("enough")
        await house.signal.send(10)
        await trio.sleep(2)
        assert house.engaged
        house.store.failing = None
        await trio.sleep(2)
    assert house.store.switch().engaged
    assert "halted, but not recorded yet: disk full" in caplog.text


async def test_a_full_mailbox_is_asked_again(autojump_clock, tmp_path, caplog):
    house = House(tmp_path)
    ask, refusals = house.system.killswitch.ask, [2]

    async def full(message, *, urgent=False):
        from actors.mailbox import MailboxFull

        if refusals[0]:
            refusals[0] -= 1
            raise MailboxFull("kill-switch holds 100 urgent messages, its limit")
        return await ask(message, urgent=urgent)

    house.system.killswitch.ask = full
    async with house.open():
        await house.signal.send(10)
        await trio.sleep(3)
        assert house.engaged
        await house.release()
        refusals[0] = 1
        house.door.shut("enough")
        await trio.sleep(2)
        assert house.engaged
    assert caplog.text.count("the kill-switch does not answer") == 3


async def test_a_crash_of_the_watch_is_mended_and_touches_no_broker(
    autojump_clock, tmp_path, monkeypatch
):
    house, crashes = House(tmp_path), []
    is_shut = Door.is_shut

    def crashing(door):
        if trio.current_time() > 3 and not crashes:
            crashes.append(trio.current_time())
            raise RuntimeError("planted")
        return is_shut.fget(door)

    monkeypatch.setattr(Door, "is_shut", property(crashing))
    async with house.open():
        await trio.sleep(5)
        assert len(crashes) == 1
        assert house.system.restarts("one") == 0
        done = await place(house.system, a_batch("one"))
        assert done.orders[0].status == "acked"
        house.door.shut("enough")
        await trio.sleep(1)
        assert house.engaged


# The file itself


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "the file HALT is in the data directory"),
        (b" \n", "the file HALT is in the data directory"),
        (b"stop \x00 now\x1b[2J\n", "stop now[2J"),
        ("é".encode() * 500, "é" * 256),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_a_reason_is_one_short_line_without_control_characters(tmp_path, raw, reason):
    door = Door(tmp_path)
    door.path.write_bytes(raw)
    assert " ".join(door.reason.split()) == reason


def test_whatever_stands_there_by_that_name_shuts_the_door(tmp_path):
    door = Door(tmp_path)
    assert not door.is_shut
    door.path.symlink_to("nowhere")
    assert door.is_shut
    assert door.reason == "the file HALT is in the data directory"
    door.path.unlink()
    door.path.mkdir()
    assert door.is_shut
    assert door.reason == "the file HALT is in the data directory"


def test_a_directory_that_cannot_be_looked_into_shuts_it_too(tmp_path, caplog):
    (tmp_path / "file").touch()
    assert Door(tmp_path / "file").is_shut
    assert "cannot be looked for" in caplog.text


def test_shutting_it_leaves_nothing_else_behind_and_may_be_repeated(tmp_path):
    door = Door(tmp_path)
    door.shut("first")
    door.shut("second")
    assert [path.name for path in tmp_path.iterdir()] == ["HALT"]
    assert door.reason == "second"
