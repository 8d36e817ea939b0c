"""A supervisor stops its children last started first, each with a bounded grace."""

import pytest
import trio

from actors.mailbox import Mailbox
from actors.supervisor import (
    Child,
    ChildCrashed,
    ChildStopped,
    ChildStuck,
    RestartIntensityExceeded,
    Strategy,
    check_grace,
)
from tests.actors.family import (
    STEADY,
    Bug,
    Diary,
    child,
    make_supervisor,
    run_for,
    told,
)


@pytest.mark.parametrize("strategy", Strategy)
async def test_cancelling_the_tree_stops_the_audit_last_after_all_others(
    strategy, autojump_clock
):
    """Pitfall 12: not all at once, and nobody before those who depend on him."""
    diary = Diary()
    supervisor, events = make_supervisor(
        child("audit", diary, lingers=1),
        child("brokers", diary, lingers=2),
        child("http", diary, lingers=4),
        strategy=strategy,
    )
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        tree.cancel_scope.cancel()
    assert diary[3:] == [(4, "http ends"), (6, "brokers ends"), (7, "audit ends")]
    assert events == [
        ChildStopped("http"),
        ChildStopped("brokers"),
        ChildStopped("audit"),
    ]


async def test_the_audit_still_commits_what_a_broker_learns_while_it_is_stopped(
    autojump_clock,
):
    mailbox = Mailbox("audit", 10)
    committed = []

    async def audit(*, task_status):
        task_status.started()
        while True:
            with await mailbox.receive() as request:
                await trio.sleep(0.5)
                committed.append((trio.current_time(), request.message))
                request.reply("committed")

    async def broker(*, task_status):
        task_status.started()
        with trio.move_on_after(5, shield=True):  # an order is on the wire
            await trio.sleep(3)
            await mailbox.ask("accepted")

    supervisor, _ = make_supervisor(
        Child("audit", audit, mailbox=mailbox), Child("broker", broker)
    )
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        tree.cancel_scope.cancel()
    assert committed == [(3.5, "accepted")]


async def test_an_outcome_queued_while_the_audit_is_down_waits_for_its_next_life(
    autojump_clock,
):
    """Pitfall 16: the broker is stopped first, and its wait for the ack is bounded."""
    mailbox = Mailbox("audit", 10)
    diary = Diary()
    crashes = iter([True])

    async def audit(*, task_status):
        task_status.started()
        if next(crashes, False):
            await trio.sleep(5)
            raise Bug
        while True:
            with await mailbox.receive() as request:
                diary.write(f"committed {request.message}")
                request.reply("committed")

    async def broker(*, task_status):
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(2, shield=True) as patience:  # a last outcome
                await mailbox.ask("accepted")
            if patience.cancelled_caught:
                diary.write("broker goes without the ack")

    supervisor, _ = make_supervisor(
        Child("audit", audit, mailbox=mailbox, backoff=STEADY),
        Child("broker", broker),
        strategy=Strategy.REST_FOR_ONE,
    )
    await run_for(10, supervisor)
    assert diary == [
        (7, "broker goes without the ack"),
        (7, "committed accepted"),
        (10, "committed accepted"),
    ]


async def test_stop_ends_the_run_without_an_error(autojump_clock):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary, lingers=1), child("http", diary, lingers=1)
    )
    await run_for(5, supervisor)
    assert diary[2:] == [(6, "http ends"), (7, "audit ends")]


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_supervisor_without_children_runs_until_it_is_stopped(
    strategy, autojump_clock
):
    supervisor, _ = make_supervisor(strategy=strategy)
    with trio.move_on_after(5) as patience:
        await supervisor.run()
    assert patience.cancelled_caught
    assert trio.current_time() == 5


async def test_a_stop_before_the_run_starts_nothing_and_the_next_run_is_whole(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(child("audit", diary))
    supervisor.stop()
    await supervisor.run()
    assert diary == []
    await run_for(5, supervisor)
    assert diary == [(0, "audit starts"), (5, "audit ends")]


async def test_a_stop_during_the_start_ends_what_was_started_and_half_started(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary),
        child("brokers", diary, ready_after=10, lingers=1),
        child("http", diary),
    )
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(5)
        supervisor.stop()
    assert diary[2:] == [(6, "brokers ends"), (6, "audit ends")]


async def test_a_stop_does_not_sit_out_a_backoff(autojump_clock):
    supervisor, _ = make_supervisor(child("kafka", Diary(), lives=[0, 0, 0, 0, 0]))
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(7.5)
        supervisor.stop()
    assert trio.current_time() == 7.5


async def test_a_child_due_for_restart_in_the_moment_of_the_stop_is_not_left_behind(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary, lives=[5]), child("http", diary, lingers=3)
    )
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(6)
        supervisor.stop()
        await trio.sleep(100)
    starts = [text for _, text in diary].count("audit starts")
    ends = [text for _, text in diary].count("audit ends")
    assert starts == ends
    assert diary[-1][0] == 9


async def test_a_child_stuck_beyond_its_grace_is_reported_and_still_not_overtaken(
    autojump_clock,
):
    diary = Diary()
    supervisor, events = make_supervisor(
        child("audit", diary),
        child("broker", diary, lingers=20, grace=10),
        on_event=lambda event: diary.write(event),
    )
    await run_for(5, supervisor)
    assert diary[2:] == [
        (15, ChildStuck("broker", 10)),
        (25, "broker ends"),
        (25, ChildStopped("broker")),
        (25, "audit ends"),
        (25, ChildStopped("audit")),
    ]
    assert events == []


async def test_a_grace_above_the_longest_shield_raises_no_alarm(autojump_clock):
    """Pitfall 13: the wiring checks it, so that stuck means stuck."""
    check_grace(10, longest_shield=9.9)
    supervisor, events = make_supervisor(
        child("broker", Diary(), lingers=9.9, grace=10)
    )
    await run_for(5, supervisor)
    assert events == [ChildStopped("broker")]


@pytest.mark.parametrize("longest_shield", [10, 11])
def test_a_grace_within_the_longest_shield_is_refused(longest_shield):
    with pytest.raises(
        ValueError,
        match=rf"exceed the longest shield, {longest_shield} s, was 10 s",
    ):
        check_grace(10, longest_shield)


async def test_a_child_too_late_to_start_and_stuck_is_reported(autojump_clock):
    supervisor, events = make_supervisor(
        child("broker", Diary(), ready_after=9, start_timeout=5, lingers=20, grace=10),
        intensity=0,
    )
    with pytest.raises(RestartIntensityExceeded):
        await supervisor.run()
    assert told(events) == [("ChildStuck", "broker"), ("ChildCrashed", "broker")]
    assert trio.current_time() == 25


async def test_a_child_that_drains_is_asked_before_it_is_cancelled(autojump_clock):
    diary = Diary()
    drained = trio.Event()

    async def run(*, task_status):
        task_status.started()
        await drained.wait()
        await trio.sleep(3)
        diary.write("drained")

    supervisor, events = make_supervisor(Child("kafka", run, stop=drained.set))
    await run_for(5, supervisor)
    assert diary == [(8, "drained")]
    assert events == [ChildStopped("kafka")]


async def test_a_child_that_drains_beyond_its_grace_is_cancelled(autojump_clock):
    diary = Diary()
    supervisor, events = make_supervisor(
        child("kafka", diary, lingers=2, grace=10, stop=lambda: diary.write("asked"))
    )
    await run_for(5, supervisor)
    assert diary[1:] == [(5, "asked"), (17, "kafka ends")]
    assert events == [ChildStopped("kafka")]
    assert supervisor.longest_stop == 20


async def test_a_half_started_child_is_cancelled_without_being_asked(autojump_clock):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("kafka", diary, ready_after=9, stop=lambda: diary.write("asked"))
    )
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(5)
        supervisor.stop()
    assert diary == [(0, "kafka starts"), (5, "kafka ends")]


async def test_a_crash_on_the_way_out_is_reported_and_not_restarted(autojump_clock):
    async def fail_on_the_way_out():
        try:
            await trio.sleep_forever()
        finally:
            raise Bug

    async def run(*, task_status):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_on_the_way_out)
            nursery.start_soon(trio.sleep_forever)  # ends Cancelled beside the Bug
            task_status.started()

    diary = Diary()
    supervisor, events = make_supervisor(
        child("audit", diary), Child("broker", run), intensity=0
    )
    await run_for(5, supervisor)
    crash = events[0].exc
    assert [type(exc) for exc in crash.exceptions] == [Bug]
    assert events == [
        ChildCrashed("broker", crash, 0),
        ChildStopped("broker"),
        ChildStopped("audit"),
    ]


async def test_a_tree_in_a_tree_is_stopped_whole_before_what_it_stands_on(
    autojump_clock,
):
    diary = Diary()
    brokers, _ = make_supervisor(
        child("zerodha", diary, lingers=2, grace=3),
        child("sandbox", diary, lingers=1, grace=3),
    )
    root, events = make_supervisor(
        child("audit", diary), Child("brokers", brokers.run, grace=7)
    )
    async with trio.open_nursery() as tree:
        await tree.start(root.run)
        tree.cancel_scope.cancel()
    assert brokers.longest_stop == 6
    assert diary[3:] == [(1, "sandbox ends"), (3, "zerodha ends"), (3, "audit ends")]
    assert events == [ChildStopped("brokers"), ChildStopped("audit")]


async def test_an_interrupt_during_the_stop_cancels_all_that_are_left(autojump_clock):
    diary = Diary()

    def interrupt():
        raise KeyboardInterrupt

    supervisor, _ = make_supervisor(
        child("audit", diary), child("http", diary, stop=interrupt)
    )
    supervised = run_for(5, supervisor)
    with pytest.raises(BaseExceptionGroup) as caught:
        await supervised
    assert caught.value.subgroup(KeyboardInterrupt)
    assert sorted(diary[2:]) == [(5, "audit ends"), (5, "http ends")]
