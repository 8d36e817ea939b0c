"""Without tags: one order of a kind on its way or in doubt at a time."""

from functools import partial

import pytest
import trio

from actors.one_of_a_kind import OneOfAKind
from adapters import Stopped
from adapters.brokers.paper import Fault
from tests.support.gateway import an_order, make_paper
from tests.support.records import a_record
from tests.support.stage import Stage, Watched, resting
from tests.support.untagged import untagged


def an_id(number, **changes):
    order = an_order(**changes)
    return a_record(order_id=f"ORDER{number}", order=order)


async def places(stage, ends, name, order=None, *, within=5.0):
    """Place an order, and write down how and when that ended."""
    record = await stage.place(order or resting(), within=within)
    ends[name] = (record.status, round(trio.current_time(), 1))
    return record


# The turns themselves


async def test_the_first_of_a_kind_goes_at_once_and_the_second_after_it(
    autojump_clock,
):
    turns, went = OneOfAKind(needed=True), []

    async def go(number):
        assert await turns.turn(an_id(number), deadline=60)
        went.append((number, trio.current_time()))

    async with trio.open_nursery() as tasks:
        for number in range(3):
            tasks.start_soon(go, number)
            await trio.sleep(1)
        assert went == [(0, 0)]
        assert turns.depth == 2
        turns.release("ORDER0")
        await trio.sleep(1)
        turns.release("ORDER1")
    assert went == [(0, 0), (1, 3), (2, 4)]
    assert turns.depth == 0
    assert [turns.began(f"ORDER{n}") for n in range(3)] == [None, None, 4]


async def test_whoever_comes_while_others_wait_does_not_go_before_them(autojump_clock):
    turns, went = OneOfAKind(needed=True), []

    async def go(number):
        await turns.turn(an_id(number), deadline=60)
        went.append(number)
        turns.release(f"ORDER{number}")

    async with trio.open_nursery() as tasks:
        await turns.turn(an_id(0), deadline=60)
        tasks.start_soon(go, 1)
        await trio.sleep(1)
        turns.release("ORDER0")
        tasks.start_soon(go, 2)
    assert went == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": "NSE:TCS"},
        {"side": "SELL"},
        {"quantity": 11},
        {"price": 814},
        {"type": "SL", "trigger_price": 810},
        {"product": "INTRADAY"},
        {"validity": "IOC"},
    ],
)
async def test_another_kind_is_not_held_up(autojump_clock, other):
    turns = OneOfAKind(needed=True)
    await turns.turn(an_id(0), deadline=60)
    assert await turns.turn(an_id(1, **other), deadline=0)
    assert sorted(turns) == ["ORDER0", "ORDER1"]


async def test_the_trigger_of_a_stop_order_is_part_of_its_kind(autojump_clock):
    turns, stop = OneOfAKind(needed=True), {"type": "SL", "trigger_price": 810}
    await turns.turn(an_id(0, **stop), deadline=60)
    assert await turns.turn(an_id(1, **stop | {"trigger_price": 809}), deadline=0)
    with pytest.raises(Stopped):
        await turns.turn(an_id(2, **stop), deadline=1)


async def test_a_wait_ends_at_its_deadline_and_says_why(autojump_clock):
    turns = OneOfAKind(needed=True)
    await turns.turn(an_id(0), deadline=60)
    with pytest.raises(Stopped) as caught:
        await turns.turn(an_id(1), deadline=3)
    assert trio.current_time() == 3
    assert (caught.value.code, caught.value.message) == (
        "deadline_exceeded",
        "it was not sent: what became of ORDER0, an equal order, was not certain by the"
        " deadline, and this broker shows no tags to tell two apart",
    )
    assert turns.depth == 0
    turns.release("ORDER0")
    assert list(turns) == []  # nothing is handed to one who has gone


async def test_who_waits_can_be_withdrawn_and_closing_ends_all(autojump_clock):
    turns, ends = OneOfAKind(needed=True), {}

    async def go(number):
        try:
            ends[number] = await turns.turn(an_id(number), deadline=60)
        except Stopped as stopped:
            ends[number] = (stopped.code, stopped.message)

    await turns.turn(an_id(0), deadline=60)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(go, 1)
        tasks.start_soon(go, 2)
        await trio.sleep(1)
        assert turns.withdraw("ORDER1")
        assert not turns.withdraw("ORDER0")
        await trio.sleep(1)
        assert not turns.withdraw("ORDER1")
        turns.close("stopping")
    assert ends == {1: False, 2: ("not_sent", "stopping")}
    assert trio.current_time() == 2
    with pytest.raises(Stopped) as caught:
        await turns.turn(an_id(3, price=1), deadline=60)
    assert caught.value.code == "not_sent"


async def test_why_one_waits_is_told_of_it_alone(autojump_clock):
    turns = OneOfAKind(needed=True)
    async with trio.open_nursery() as tasks:
        for number in range(3):
            tasks.start_soon(partial(turns.turn, an_id(number), deadline=60))
            await trio.sleep(1)
        assert turns.hindrance("ORDER0") is None
        assert turns.hindrance("ORDER9") is None
        assert "ORDER0" in turns.hindrance("ORDER2")
        tasks.cancel_scope.cancel()


async def test_two_that_an_earlier_run_left_are_both_waited_for(autojump_clock):
    turns = OneOfAKind(needed=True)
    turns.hold(an_id(0))
    turns.hold(an_id(1))
    turns.release("ORDER0")
    with pytest.raises(Stopped):
        await turns.turn(an_id(2), deadline=1)
    turns.release("ORDER1")
    assert await turns.turn(an_id(2), deadline=2)
    assert (turns.began("ORDER1"), turns.began("ORDER2")) == (None, 1)


async def test_where_tags_are_shown_nobody_waits(autojump_clock):
    turns = OneOfAKind(needed=False)
    turns.hold(an_id(0))
    assert await turns.turn(an_id(1), deadline=0)
    assert await turns.turn(an_id(2), deadline=0)
    assert list(turns) == []


# At a broker


async def test_the_second_waits_for_the_first_ones_answer_and_then_goes(autojump_clock):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.delay(3), nth=1)
        ends = {}
        async with trio.open_nursery() as tasks:
            tasks.start_soon(places, stage, ends, "first")
            await trio.sleep(0.5)
            tasks.start_soon(places, stage, ends, "equal")
            tasks.start_soon(places, stage, ends, "other", resting(price=701))
            await trio.sleep(1)
            assert (await stage.report()).queue_depth == 1
            assert len(stage.tags()) == 2
    assert ends == {
        "other": ("acked", 2.5),
        "first": ("acked", 5),
        "equal": ("acked", 5),
    }


async def test_where_tags_are_shown_equal_orders_go_side_by_side(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("place", Fault.delay(3), times=2)
        ends = {}
        async with trio.open_nursery() as tasks:
            tasks.start_soon(places, stage, ends, "first")
            tasks.start_soon(places, stage, ends, "second")
    assert ends == {"first": ("acked", 5), "second": ("acked", 5)}


async def test_while_the_first_is_in_doubt_the_second_is_denied_and_not_sent(
    autojump_clock,
):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=60))
        first = await stage.place(resting())
        second = await stage.place(resting())
        assert first.status == "unknown"
        assert (second.status, second.error_code) == ("denied", "deadline_exceeded")
        assert second.message == (
            f"it was not sent: what became of {first.order_id}, an equal order, was not"
            " certain by the deadline, and this broker shows no tags to tell two apart"
        )
        stored = stage.stored(second.order_id)
        assert (stored.status, stored.sending_at) == ("denied", None)
        assert len(stage.tags()) == 1
        assert stage.story(second.order_id) == ["placed", "denied"]


async def test_the_answer_at_the_deadline_says_why_whoever_gives_it(autojump_clock):
    async with untagged().running() as stage, trio.open_nursery() as tasks:
        stage.paper.script.on("place", Fault.lose_answer(hidden_for=60))
        await stage.place(resting())
        record = await stage.accept(resting())
        tasks.start_soon(stage.send, record)
        await trio.sleep(1)
        flights = stage.brokers[-1]._flights
        order = await flights._sender.overdue(flights._aloft[record.order_id])
        assert order.error_code == "deadline_exceeded"
        assert order.message.startswith("it was not sent: what became of")


async def test_the_second_goes_as_soon_as_the_first_is_found(autojump_clock):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        ends = {}
        async with trio.open_nursery() as tasks:
            tasks.start_soon(places, stage, ends, "first")
            await trio.sleep(0.1)
            tasks.start_soon(places, stage, ends, "second")
    assert ends == {"first": ("unknown", 2), "second": ("acked", 3)}


async def test_the_second_goes_once_it_is_stored_that_the_first_was_found(
    autojump_clock,
):
    """After a crash in between, two orders would seek one number each, at one price."""
    watched = Watched(make_paper())
    async with untagged(watched).running() as stage:
        stage.paper.script.on("place", Fault.lose_answer())
        first = await stage.accept(resting())
        watched.look = lambda tag: str(stage.stored(first.order_id).status)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(stage.send, first)
            await trio.sleep(0.1)
            second = await stage.accept(resting(), sending=True)
            tasks.start_soon(partial(stage.send, second, within=20))
            await trio.sleep(0.1)
            stage.commit_takes = 1
    assert [state for _, _, state in watched.departures] == ["placed", "acked"]


async def test_the_second_goes_after_the_first_is_refused_denied_or_not_placed(
    autojump_clock,
):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.refuse("RMS", "no"))
        assert (await stage.place(resting())).status == "rejected"
        stage.paper.script.on("place", Fault.connect_failure(), times=3)
        assert (await stage.place(resting())).error_code == "not_sent"
        stage.paper.script.on("place", Fault.lose_request())
        lost = await stage.place(resting())
        await trio.sleep(180)
        assert stage.stored(lost.order_id).status == "not_placed"
        assert (await stage.place(resting())).status == "acked"


async def test_one_that_waits_for_its_turn_is_cancelled_at_once(autojump_clock):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.delay(9))
        async with trio.open_nursery() as tasks:
            tasks.start_soon(places, stage, {}, "first")
            await trio.sleep(0.5)
            record = await stage.accept(resting())
            tasks.start_soon(stage.send, record)
            await trio.sleep(0.5)
            answer = await stage.cancel(record.order_id)
            assert answer.record.status == "cancelled"
            assert trio.current_time() == 3
        assert len(stage.tags()) == 1


async def test_a_halt_takes_out_whoever_waits_for_a_turn(autojump_clock):
    async with untagged().running() as stage:
        stage.paper.script.on("place", Fault.delay(3))
        ends = {}
        async with trio.open_nursery() as tasks:
            tasks.start_soon(places, stage, {}, "first")
            await trio.sleep(0.5)
            tasks.start_soon(places, stage, ends, "second")
            await trio.sleep(0.5)
            await stage.halt()
            await trio.sleep(0.1)
            assert ends == {"second": ("denied", 3)}
        assert len(stage.tags()) == 1


async def test_a_stop_ends_whoever_waits_for_a_turn_as_not_sent(autojump_clock):
    ends = {}
    async with trio.open_nursery() as tasks:
        async with untagged().running() as stage:
            stage.paper.script.on("place", Fault.lose_answer(hidden_for=99))
            await stage.place(resting())
            tasks.start_soon(lambda: places(stage, ends, "second", within=50))
            await trio.sleep(1)
        assert ends == {"second": ("denied", 3)}
        (denied,) = [
            row for row in stage.store._orders.values() if row.status == "denied"
        ]
        assert denied.error_code == "not_sent"


async def test_no_slot_is_given_before_the_turn_so_a_kill_leaves_nothing_in_doubt(
    autojump_clock,
):
    async with untagged().running() as stage:
        assert (await stage.admit(resting())).slot is None
    async with Stage().running() as stage:
        assert (await stage.admit(resting())).slot is not None


async def test_a_kill_while_the_second_waits_denies_it_and_keeps_the_first_in_doubt(
    autojump_clock,
):
    first = untagged()
    first.paper.script.on("place", Fault.never(hidden_for=30))
    async with first.running(), trio.open_nursery() as tasks:
        one = await first.accept(resting())
        two = await first.accept(resting())
        tasks.start_soon(first.send, one)
        await trio.sleep(0.1)
        tasks.start_soon(first.send, two)
        await trio.sleep(0.1)
        left = first.store.copied()
        tasks.cancel_scope.cancel()
    async with Stage(first.paper, left).running() as second:
        assert second.stored(one.order_id).status == "unknown"
        assert second.stored(two.order_id).status == "denied"
        three = await second.place(resting(), within=5)
        assert (three.status, three.error_code) == ("denied", "deadline_exceeded")
        await trio.sleep(40)
        assert second.stored(one.order_id).status == "acked"
        assert (await second.place(resting())).status == "acked"
