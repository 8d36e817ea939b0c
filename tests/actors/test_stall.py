"""What blocks is noticed: the loop by its watch, a silent actor by its own."""

import time

import pytest
import trio

from actors.broker import Broker
from actors.mailbox import Mailbox
from actors.messages import ReadBroker
from actors.stall import LIMIT, SILENCE, LoopWatch, Stalled, StallReport, watch_mailbox
from tests.support.memory_store import START
from tests.support.stage import Stage, resting


class Clock:
    """Real time, as far as the watch can tell."""

    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


async def works(clock, *seconds):
    """Keep the loop busy for each of *seconds*, in a step of its own."""
    for each in seconds:
        clock.now += each
        await trio.lowlevel.checkpoint()


async def blocks(clock, seconds):
    await works(clock, seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def watch(clock):
    watch = LoopWatch(lambda: START, clock=clock)
    trio.lowlevel.add_instrument(watch)
    await trio.lowlevel.checkpoint()  # let a pass begin that is seen whole
    yield watch
    trio.lowlevel.remove_instrument(watch)


async def side_by_side(*tasks):
    async with trio.open_nursery() as nursery:
        for task, *args in tasks:
            nursery.start_soon(task, *args)


async def test_a_loop_that_is_not_blocked_has_nothing_to_tell(watch, clock, caplog):
    await side_by_side((works, clock, 0.03125, 0.0625), (works, clock, 0.03125))
    assert watch.report() == StallReport(limit=LIMIT, max_lag=0.0625, count=0)
    assert caplog.text == ""


async def test_the_task_that_ran_longest_is_named(watch, clock, caplog):
    await side_by_side((works, clock, 0.0625), (blocks, clock, 0.25))
    told = watch.report()
    assert (told.max_lag, told.count, told.last_lag) == (0.3125, 1, 0.3125)
    assert told.last_task == "tests.actors.test_stall.blocks"
    assert told.last_at == START
    (line,) = caplog.records
    assert line.message == (
        "the loop was blocked for 312 ms, longest by tests.actors.test_stall.blocks"
    )
    assert line.event == "loop.blocked"


async def test_many_short_tasks_block_it_as_one_long_one_does(watch, clock):
    await side_by_side(*[(works, clock, 0.0078125)] * 15, (blocks, clock, 0.015625))
    told = watch.report()
    assert (told.last_lag, told.last_task) == (
        0.1328125,
        "tests.actors.test_stall.blocks",
    )


@pytest.mark.parametrize(("last", "named"), [(0.0625, "first"), (0.5, "second")])
async def test_the_last_task_of_a_pass_is_named_only_if_it_was_the_longest(
    clock, last, named
):
    class Task:
        def __init__(self, name):
            self.name = name

    watch = LoopWatch(lambda: START, clock=clock)
    watch.before_io_wait(0)  # put in place in the middle of a pass: nothing to tell
    watch.after_io_wait(0)
    watch.before_task_step(Task("first"))
    clock.now += 0.25
    watch.before_task_step(Task("second"))
    clock.now += last
    watch.before_io_wait(0)
    assert (watch.report().count, watch.report().last_task) == (1, named)


async def test_waiting_is_no_lag(watch, clock):
    async def wait():
        await trio.sleep(0.001)
        clock.now += 0.0625

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
    clock.now += 0.03125
    await trio.lowlevel.checkpoint()
    assert watch.report().count == 0


async def test_a_slow_machine_is_told_once_a_second_and_counted_each_time(
    watch, clock, caplog
):
    await blocks(clock, 0.5)
    await blocks(clock, 0.25)
    await blocks(clock, 0.125)
    assert watch.report().count == 3
    assert len(caplog.records) == 1
    await blocks(clock, 0.75)
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "the loop was blocked for 500 ms",
        "the loop was blocked for 750 ms",
    ]
    assert watch.report().max_lag == 0.75


async def test_a_limit_of_ones_own(clock):
    watch = LoopWatch(lambda: START, 0.01, clock)
    trio.lowlevel.add_instrument(watch)
    await trio.lowlevel.checkpoint()
    await blocks(clock, 0.02)
    trio.lowlevel.remove_instrument(watch)
    assert watch.report().count == 1


async def test_a_real_block_is_seen_in_real_time():
    watch = LoopWatch(lambda: START, 0.02)
    trio.lowlevel.add_instrument(watch)
    await trio.lowlevel.checkpoint()
    time.sleep(0.03)  # noqa: ASYNC251 - that is the fault
    await trio.lowlevel.checkpoint()
    trio.lowlevel.remove_instrument(watch)
    assert watch.report().count == 1
    assert watch.report().max_lag >= 0.03


# An actor that takes nothing


async def test_an_empty_mailbox_is_watched_for_ever(autojump_clock):
    with trio.move_on_after(1000) as patience:
        await watch_mailbox(Mailbox("one", 10))
    assert patience.cancelled_caught


async def test_an_actor_that_takes_messages_slowly_is_left_alone(autojump_clock):
    mailbox = Mailbox("one", 100)
    for _ in range(100):
        mailbox.tell("message")
    with trio.move_on_after(1000) as patience:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_mailbox, mailbox)
            while True:
                await trio.sleep(29)
                await mailbox.receive()
    assert patience.cancelled_caught


@pytest.mark.parametrize("urgent", [False, True])
async def test_an_actor_that_takes_none_for_half_a_minute_is_crashed(
    autojump_clock, urgent
):
    mailbox = Mailbox("one", 10)
    mailbox.tell("taken")
    await mailbox.receive()
    await trio.sleep(100)
    mailbox.tell("waiting", urgent=urgent)
    with pytest.raises(Stalled, match="one took none of 1 messages for 30 s"):
        await watch_mailbox(mailbox)
    assert trio.current_time() == 100 + SILENCE


async def test_a_broker_that_hangs_is_restarted_and_takes_up_what_waits(
    autojump_clock, monkeypatch
):
    """Its first life hangs after its first message; the second one serves."""
    lives, run = [], Broker.run

    async def counted(self, **kwargs):
        lives.append(self)
        await run(self, **kwargs)

    stage = Stage()
    receive = stage.mailbox.receive

    async def hang():
        if len(lives) == 1 and stage.mailbox.taken >= 1:
            await trio.sleep_forever()
        return await receive()

    monkeypatch.setattr(Broker, "run", counted)
    monkeypatch.setattr(stage.mailbox, "receive", hang)
    async with stage.running():
        assert (await stage.report()).broker == "one"
        record = await stage.accept(resting())
        with trio.move_on_after(10) as patience:
            await stage.mailbox.ask(ReadBroker())
        assert patience.cancelled_caught
        order = await stage.send(record, within=60)
        assert len(lives) == 2
        assert [type(crash) for crash in _flat(stage.crashes)] == [Stalled]
        # Queued before the restart, and found unsent: denied, never guessed.
        assert (order.status, order.error_code) == ("denied", "not_sent")
        assert (await stage.place(resting())).status == "acked"
        assert len(stage.tags()) == 1


def _flat(crashes):
    for crash in crashes:
        yield from crash.exceptions if isinstance(crash, ExceptionGroup) else [crash]
