"""A supervisor starts its children in order and restarts them by policy."""

from contextlib import suppress

import pytest
import trio
import trio.testing

from actors.mailbox import Mailbox, MailboxClosed, MailboxError, NoReply
from actors.supervisor import (
    Child,
    ChildCrashed,
    ChildGivenUp,
    ChildRestarted,
    ChildState,
    ChildStatus,
    ChildStopped,
    Restart,
    RestartIntensityExceeded,
    StartTimedOut,
    Strategy,
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


async def test_children_start_in_order_each_when_the_one_before_is_ready(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary, ready_after=1),
        child("brokers", diary, ready_after=2),
        child("router", diary, ready_after=3),
    )
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        diary.write("all are up")
        supervisor.stop()
    assert diary[:4] == [
        (0, "audit starts"),
        (1, "brokers starts"),
        (3, "router starts"),
        (6, "all are up"),
    ]


async def test_a_crashed_child_is_restarted_and_its_siblings_are_left_alone(
    autojump_clock,
):
    diary = Diary()
    supervisor, events = make_supervisor(
        child("zerodha", diary, lives=[5]), child("sandbox", diary)
    )
    await run_for(10, supervisor)
    crash = events[0].exc
    assert isinstance(crash, Bug)
    assert events == [
        ChildCrashed("zerodha", crash, 0),
        ChildRestarted("zerodha", 1),
        ChildStopped("sandbox"),
        ChildStopped("zerodha"),
    ]
    assert diary == [
        (0, "zerodha starts"),
        (0, "sandbox starts"),
        (5, "zerodha ends"),
        (6, "zerodha starts"),
        (10, "sandbox ends"),
        (10, "zerodha ends"),
    ]


@pytest.mark.parametrize(
    ("restart", "ends", "starts"),
    [
        (Restart.PERMANENT, False, 2),
        (Restart.PERMANENT, True, 2),
        (Restart.TRANSIENT, False, 2),
        (Restart.TRANSIENT, True, 1),
        (Restart.TEMPORARY, False, 1),
        (Restart.TEMPORARY, True, 1),
    ],
)
async def test_what_follows_an_end_or_a_crash_is_the_policy_of_the_child(
    restart, ends, starts, autojump_clock
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("kafka", diary, lives=[5], ends=ends, restart=restart)
    )
    await run_for(10, supervisor)
    assert [text for _, text in diary].count("kafka starts") == starts


async def test_rest_for_one_takes_the_younger_along_in_reverse_and_spares_the_elder(
    autojump_clock,
):
    diary = Diary()
    supervisor, events = make_supervisor(
        child("audit", diary),
        child("brokers", diary, lives=[5]),
        child("router", diary, lingers=0.25),
        child("http", diary, lingers=0.5),
        strategy=Strategy.REST_FOR_ONE,
    )
    await run_for(10, supervisor)
    assert diary[4:10] == [
        (5, "brokers ends"),
        (5.5, "http ends"),
        (5.75, "router ends"),
        (6, "brokers starts"),
        (6, "router starts"),
        (6, "http starts"),
    ]
    assert "audit" not in {name for _, name in told(events[:-1])}
    assert told(events)[:6] == [
        ("ChildCrashed", "brokers"),
        ("ChildStopped", "http"),
        ("ChildStopped", "router"),
        ("ChildRestarted", "brokers"),
        ("ChildRestarted", "router"),
        ("ChildRestarted", "http"),
    ]


async def test_an_elder_that_crashes_during_the_backoff_of_a_younger_goes_first(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary, lives=[5.5]),
        child("brokers", diary, lives=[5, None]),
        strategy=Strategy.REST_FOR_ONE,
    )
    await run_for(10, supervisor)
    assert diary[2:6] == [
        (5, "brokers ends"),
        (5.5, "audit ends"),
        (6.5, "audit starts"),
        (6.5, "brokers starts"),
    ]


async def test_an_elder_that_crashes_while_a_younger_starts_interrupts_it(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary, lives=[5]),
        child("brokers", diary, ready_after=20),
        strategy=Strategy.REST_FOR_ONE,
    )
    await run_for(0, supervisor)
    assert diary[:6] == [
        (0, "audit starts"),
        (0, "brokers starts"),
        (5, "audit ends"),
        (5, "brokers ends"),
        (6, "audit starts"),
        (6, "brokers starts"),
    ]


async def test_an_elder_that_crashes_while_a_younger_is_stopped_goes_first(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("audit", diary, lives=[6]),
        child("brokers", diary, lives=[5]),
        child("router", diary, lingers=3),
        strategy=Strategy.REST_FOR_ONE,
    )
    await run_for(10, supervisor)
    assert diary[3:9] == [
        (5, "brokers ends"),
        (6, "audit ends"),
        (8, "router ends"),
        (8, "audit starts"),
        (8, "brokers starts"),
        (8, "router starts"),
    ]


async def test_a_child_slow_to_restart_does_not_hold_up_its_siblings(autojump_clock):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("slow", diary, lives=[1], ready_after=20),
        child("quick", diary, lives=[2]),
    )
    await run_for(15, supervisor)
    assert (22, "quick ends") in diary
    assert (22, "slow starts") in diary
    assert (23, "quick starts") in diary


async def test_the_backoff_grows_with_each_crash_and_starts_over_after_a_quiet_time(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("zerodha", diary, lives=[0, 0, 0, 60, 0]), intensity=99
    )
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(80)
        supervisor.stop()
    starts = [when for when, text in diary if text == "zerodha starts"]
    assert starts == [0, 1, 3, 7, 68, 70]


async def test_a_start_that_takes_long_and_fails_is_no_quiet_time(autojump_clock):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("zerodha", diary, ready_after=999, start_timeout=60), intensity=99
    )
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(200)
        supervisor.stop()
    starts = [when for when, text in diary if text == "zerodha starts"]
    assert starts == [0, 61, 123, 187]


async def test_a_crash_before_the_child_is_ready_is_not_waited_out(autojump_clock):
    diary = Diary()

    async def run(*, task_status):
        diary.write("starts")
        await trio.sleep(2)
        raise Bug

    supervisor, _ = make_supervisor(Child("zerodha", run, backoff=STEADY), intensity=1)
    with pytest.raises(RestartIntensityExceeded):
        await supervisor.run()
    assert diary == [(0, "starts"), (3, "starts")]
    assert trio.current_time() == 5


async def test_a_child_that_crashes_as_soon_as_it_is_ready_is_not_running(
    autojump_clock,
):
    async def run(*, task_status):
        task_status.started()
        raise Bug

    supervisor, events = make_supervisor(Child("zerodha", run, backoff=STEADY))
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(1.5)
        status = supervisor.children
        supervisor.stop()
    assert status == (ChildStatus("zerodha", ChildState.BACKING_OFF, 1, 1),)
    assert [type(event) for event in events] == [ChildCrashed, ChildCrashed]


async def test_a_child_that_always_crashes_never_spins(autojump_clock):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("kafka", diary, lives=[0] * 999), intensity=999
    )
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        await trio.sleep(3600)
        supervisor.stop()
    starts = [when for when, text in diary if text == "kafka starts"]
    assert starts == [0, 1, 3, *range(7, 3600, 8)]


async def test_too_many_restarts_stop_the_children_in_reverse_and_raise(autojump_clock):
    diary = Diary()
    supervisor, events = make_supervisor(
        child("audit", diary, lingers=2),
        child("router", diary, lives=[5, 5, 5]),
        child("http", diary, lingers=1),
        intensity=2,
    )
    with pytest.raises(RestartIntensityExceeded) as caught:
        await supervisor.run()
    assert str(caught.value) == "root: more than 2 restarts in 60 s, the last of router"
    assert isinstance(caught.value.__cause__, Bug)
    assert diary[-3:] == [(18, "router ends"), (19, "http ends"), (21, "audit ends")]
    assert events[-1] == ChildStopped("audit")


async def test_a_supervisor_that_failed_runs_again_as_if_new(autojump_clock):
    diary = Diary()
    supervisor, _ = make_supervisor(child("router", diary, lives=[5]), intensity=0)
    with pytest.raises(RestartIntensityExceeded):
        await supervisor.run()
    await run_for(10, supervisor)
    assert diary[-2:] == [(5, "router starts"), (15, "router ends")]


async def test_restarts_spread_over_more_than_the_period_are_not_too_many(
    autojump_clock,
):
    supervisor, _ = make_supervisor(
        child("router", Diary(), lives=[60] * 20), intensity=1, period=60
    )
    await run_for(620, supervisor)
    assert supervisor.children[0].restarts == 10


async def test_siblings_share_the_intensity_of_their_supervisor(autojump_clock):
    supervisor, _ = make_supervisor(
        child("router", Diary(), lives=[5]),
        child("http", Diary(), lives=[6]),
        intensity=1,
    )
    with pytest.raises(RestartIntensityExceeded, match="the last of http"):
        await supervisor.run()
    assert trio.current_time() == 6


async def test_a_child_with_its_own_intensity_is_given_up_and_its_siblings_trade_on(
    autojump_clock,
):
    diary = Diary()
    alerts = []
    supervisor, events = make_supervisor(
        child(
            "zerodha",
            diary,
            lives=[5, 5, 5],
            intensity=2,
            when_exhausted=lambda: alerts.append(trio.current_time()),
        ),
        child("sandbox", diary),
        intensity=0,
    )
    await run_for(100, supervisor)
    assert alerts == [18]
    assert told(events) == [
        ("ChildCrashed", "zerodha"),
        ("ChildRestarted", "zerodha"),
        ("ChildCrashed", "zerodha"),
        ("ChildRestarted", "zerodha"),
        ("ChildCrashed", "zerodha"),
        ("ChildGivenUp", "zerodha"),
        ("ChildStopped", "sandbox"),
    ]
    assert events[5] == ChildGivenUp("zerodha", 2)
    assert diary[-1] == (100, "sandbox ends")
    assert supervisor.children[0] == ChildStatus("zerodha", ChildState.GIVEN_UP, 2, 18)


async def test_a_child_given_up_while_starting_does_not_keep_the_rest_from_it(
    autojump_clock,
):
    diary = Diary()
    supervisor, _ = make_supervisor(
        child("zerodha", diary, ready_after=3, start_timeout=2, intensity=1),
        child("sandbox", diary),
    )
    await run_for(10, supervisor)
    assert diary == [
        (0, "zerodha starts"),
        (2, "zerodha ends"),
        (3, "zerodha starts"),
        (5, "zerodha ends"),
        (5, "sandbox starts"),
        (15, "sandbox ends"),
    ]


async def test_who_asks_a_child_given_up_is_told_at_once(autojump_clock):
    mailbox = Mailbox("zerodha", 10)
    outcomes = []

    async def ask():
        try:
            await mailbox.ask("place")
        except (NoReply, MailboxClosed) as exc:
            outcomes.append((trio.current_time(), type(exc)))

    supervisor, _ = make_supervisor(
        child("zerodha", Diary(), lives=[5], intensity=0, mailbox=mailbox)
    )
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        tree.start_soon(ask)
        await trio.sleep(6)
        tree.start_soon(ask)
        supervisor.stop()
    assert outcomes == [(5, NoReply), (6, MailboxClosed)]


async def test_a_child_that_is_not_ready_in_time_has_crashed(autojump_clock):
    diary = Diary()
    supervisor, events = make_supervisor(
        child("zerodha", diary, ready_after=9, start_timeout=4), intensity=1
    )
    with pytest.raises(RestartIntensityExceeded):
        await supervisor.run()
    assert [type(event.exc) for event in events] == [StartTimedOut, StartTimedOut]
    assert str(events[0].exc) == "zerodha was not ready in 4 s"
    assert [when for when, _ in diary] == [0, 4, 5, 9]


@pytest.mark.parametrize(
    ("times", "error"),
    [
        (0, "zerodha ended without calling started()"),
        (2, "zerodha called started() twice"),
    ],
)
async def test_a_child_says_once_that_it_is_ready_or_has_crashed(
    times, error, autojump_clock
):
    async def run(*, task_status):
        for _ in range(times):
            task_status.started()

    supervisor, events = make_supervisor(Child("zerodha", run), intensity=0)
    with pytest.raises(RestartIntensityExceeded):
        await supervisor.run()
    assert [str(event.exc) for event in events] == [error]


async def test_a_group_of_crashes_is_one_crash(autojump_clock):
    diary = Diary()

    async def run(*, task_status):
        async with trio.open_nursery() as nursery:
            for name in ("sender", "stream"):
                await nursery.start(child(name, diary, lives=[5]).start)
            task_status.started()

    supervisor, events = make_supervisor(Child("zerodha", run, backoff=STEADY))
    await run_for(5.5, supervisor)
    assert told(events) == [("ChildCrashed", "zerodha")]
    assert {str(exc) for exc in events[0].exc.exceptions} == {"sender", "stream"}


@pytest.mark.parametrize("grouped", [False, True])
async def test_an_interrupt_in_a_child_is_nobodys_to_keep(grouped, autojump_clock):
    diary = Diary()

    async def run(*, task_status):
        task_status.started()
        await trio.sleep(5)
        interrupt = KeyboardInterrupt()
        raise BaseExceptionGroup("", [interrupt, Bug()]) if grouped else interrupt

    supervisor, events = make_supervisor(
        child("audit", diary, lingers=2),
        Child("router", run),
        child("http", diary, lingers=1),
    )
    with pytest.raises(BaseExceptionGroup) as caught:
        await supervisor.run()
    assert caught.value.subgroup(KeyboardInterrupt)
    assert diary[2:] == [(6, "http ends"), (8, "audit ends")]
    assert told(events) == [("ChildStopped", "http"), ("ChildStopped", "audit")]


async def test_what_a_crashed_child_had_in_hand_ends_and_what_is_queued_is_served(
    autojump_clock,
):
    """Pitfalls 1 and 2: the mailbox outlives the actor, and no asker hangs."""
    mailbox = Mailbox("doubler", 10)
    outcomes = {}

    async def run(*, task_status):
        task_status.started()
        while True:
            request = await mailbox.receive()
            await trio.sleep(1)  # not yet inside `with request:`
            if request.message == "poison":
                raise Bug
            with request:
                request.reply(request.message * 2)

    async def ask(message):
        try:
            outcomes[message] = (await mailbox.ask(message), trio.current_time())
        except NoReply:
            outcomes[message] = (NoReply, trio.current_time())

    supervisor, _ = make_supervisor(
        Child("doubler", run, mailbox=mailbox, backoff=STEADY)
    )
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        for message in ("poison", 21):
            tree.start_soon(ask, message)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(10)
        supervisor.stop()
    assert outcomes == {"poison": (NoReply, 1), 21: (42, 3)}


async def test_a_loop_with_child_tasks_leaves_no_asker_waiting_when_it_crashes(
    autojump_clock,
):
    mailbox = Mailbox("broker", 10)
    outcomes = {}

    async def answer(request):
        with request:
            await trio.sleep(request.message)
            if request.message == 2:
                raise Bug
            request.reply("done")

    async def run(*, task_status):
        async with trio.open_nursery() as lookups:
            task_status.started()
            while True:
                lookups.start_soon(answer, await mailbox.receive())

    async def ask(message):
        try:
            outcomes[message] = (await mailbox.ask(message), trio.current_time())
        except NoReply:
            outcomes[message] = (NoReply, trio.current_time())

    supervisor, _ = make_supervisor(Child("broker", run, mailbox=mailbox))
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        for message in (1, 2, 3):
            tree.start_soon(ask, message)
        await trio.sleep(10)
        supervisor.stop()
    assert outcomes == {1: ("done", 1), 2: (NoReply, 2), 3: (NoReply, 2)}


async def test_a_failing_tree_is_restarted_by_the_tree_above_with_fresh_counts(
    autojump_clock,
):
    diary = Diary()
    mailbox = Mailbox("sandbox", 10)
    brokers, _ = make_supervisor(
        child("zerodha", diary, lives=[5, 5]),
        child("sandbox", diary, lives=[1], intensity=0, mailbox=mailbox),
        intensity=1,
        name="brokers",
    )
    root, events = make_supervisor(
        Child("brokers", brokers.run, grace=brokers.longest_stop + 1, backoff=STEADY)
    )
    async with trio.open_nursery() as tree:
        await tree.start(root.run)
        await trio.sleep(10)
        was = (mailbox.closed, brokers.children)
        await trio.sleep(10)
        now = (mailbox.closed, brokers.children)
        root.stop()
    assert was == (
        True,
        (
            ChildStatus("zerodha", ChildState.RUNNING, 1, 6),
            ChildStatus("sandbox", ChildState.GIVEN_UP, 0, 1),
        ),
    )
    assert now == (
        False,
        (
            ChildStatus("zerodha", ChildState.RUNNING, 0, 12),
            ChildStatus("sandbox", ChildState.RUNNING, 0, 12),
        ),
    )
    assert isinstance(events[0].exc, RestartIntensityExceeded)
    assert told(events)[:2] == [
        ("ChildCrashed", "brokers"),
        ("ChildRestarted", "brokers"),
    ]


async def test_the_status_of_a_child_follows_its_life(autojump_clock):
    supervisor, _ = make_supervisor(child("zerodha", Diary(), lives=[5], ready_after=2))
    before = supervisor.children
    seen = []
    async with trio.open_nursery() as tree:
        tree.start_soon(supervisor.run)
        for seconds in (1, 2, 4.5, 1, 2):
            await trio.sleep(seconds)
            seen += supervisor.children
        supervisor.stop()
    assert before == ()
    assert seen == [
        ChildStatus("zerodha", ChildState.STARTING, 0, 0),
        ChildStatus("zerodha", ChildState.RUNNING, 0, 2),
        ChildStatus("zerodha", ChildState.BACKING_OFF, 0, 7),
        ChildStatus("zerodha", ChildState.STARTING, 1, 8),
        ChildStatus("zerodha", ChildState.RUNNING, 1, 10),
    ]
    assert supervisor.children == (ChildStatus("zerodha", ChildState.STOPPED, 1, 10.5),)


async def test_a_listener_that_fails_is_logged_and_changes_nothing(
    autojump_clock, caplog
):
    diary = Diary()

    def listener(event):
        raise LookupError(event.name)

    supervisor, _ = make_supervisor(
        child("zerodha", diary, lives=[5]), on_event=listener
    )
    await run_for(10, supervisor)
    assert diary[1:] == [
        (5, "zerodha ends"),
        (6, "zerodha starts"),
        (10, "zerodha ends"),
    ]
    assert [record.exc_info[0] for record in caplog.records] == [LookupError] * 3


def test_children_of_one_name_are_refused():
    with pytest.raises(ValueError, match="must differ in name, were"):
        make_supervisor(child("zerodha", Diary()), child("zerodha", Diary()))


def test_an_intensity_that_makes_no_sense_is_refused_before_anything_starts():
    with pytest.raises(ValueError, match="was -1 in 60 s"):
        make_supervisor(child("zerodha", Diary()), intensity=-1)


async def test_who_asks_an_actor_that_is_down_does_not_hold_up_its_return(
    autojump_clock,
):
    """The second of a chain asks the first, shielded, and must end before that."""
    mailbox, diary = Mailbox("first", 10), Diary()

    async def first(*, task_status):
        task_status.started()
        diary.write("first starts")
        await trio.sleep(5)
        if trio.current_time() < 6:
            raise Bug("first")
        await trio.sleep_forever()

    async def second(*, task_status):
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(100, shield=True), suppress(MailboxError):
                await mailbox.ask("is it stored?")

    supervisor, _ = make_supervisor(
        Child("first", first, mailbox=mailbox, backoff=STEADY, suspends=True),
        Child("second", second, backoff=STEADY),
        strategy=Strategy.REST_FOR_ONE,
    )
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        await trio.sleep(10)
        mailbox.close()  # else the second would wait at the end as well
        supervisor.stop()
    assert diary == [(0, "first starts"), (6, "first starts")]
