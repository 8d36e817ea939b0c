"""Waiting for a rate slot: who gets one, who is told that there is none."""

from datetime import date

import pytest
import trio
import trio.testing

from actors.limiter import Limiter
from actors.pacer import NoSlot, Pacer, Withdrawn
from actors.windows import DAY, MINUTE, SECOND, Kind, Window, regulatory

TODAY = date(2026, 11, 23)
EIGHT = regulatory()


def make_pacer(*windows):
    return Pacer(Limiter(windows or (EIGHT,)), lambda: TODAY)


async def take(pacer, name, kind=Kind.PLACE, within=60.0, ends=None):
    """Take a slot, and write down when or why not."""
    try:
        slot = await pacer.take(name, kind, trio.current_time() + within)
    except NoSlot as none:
        slot = none.code
    except Withdrawn:
        slot = "withdrawn"
    if ends is not None:
        ends[name] = slot
    return slot


async def take_many(pacer, count, prefix="order", kind=Kind.PLACE, within=60.0):
    ends = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        async with trio.open_nursery() as takers:
            for index in range(count):
                takers.start_soon(take, pacer, f"{prefix}{index}", kind, within, ends)
                await trio.lowlevel.checkpoint()
        tree.cancel_scope.cancel()
    return ends


async def test_slots_come_as_the_windows_let_them_in_the_order_of_asking(
    autojump_clock,
):
    ends = await take_many(make_pacer(), 16)
    assert sorted(ends.values()) == [0] * 7 + [1.05] * 7 + [2.1] * 2
    assert (ends["order0"], ends["order7"], ends["order15"]) == (0, 1.05, 2.1)


async def test_one_that_would_come_too_late_is_refused_at_once(autojump_clock):
    pacer = make_pacer()
    for index in range(7):
        await take(pacer, f"order{index}")
    with pytest.raises(NoSlot) as refused:
        await pacer.take("late", Kind.PLACE, 1.0)
    assert refused.value.code == "deadline_exceeded"
    assert refused.value.retry_after == 1.05
    assert trio.current_time() == 0


async def test_the_five_hundred_and_first_finds_the_queue_full(autojump_clock):
    ends = await take_many(make_pacer(), 508, within=1000)
    assert [name for name, end in ends.items() if end == "rate_queue_full"] == [
        "order507"
    ]


async def test_a_day_that_is_used_up_names_no_time(autojump_clock):
    pacer = make_pacer(Window(1, DAY))
    await take(pacer, "order0")
    with pytest.raises(NoSlot) as refused:
        await pacer.take("order1", Kind.PLACE, 1e9)
    assert (refused.value.code, refused.value.retry_after) == ("rate_queue_full", None)


async def test_a_slot_is_taken_at_once_or_not_at_all(autojump_clock):
    pacer = make_pacer()
    taken = [pacer.try_take("order", Kind.PLACE) for _ in range(8)]
    assert taken == [0] * 7 + [None]
    assert pacer.depth == 0


async def test_who_comes_at_once_does_not_overtake_who_waits(autojump_clock):
    pacer = make_pacer()
    for index in range(7):
        await take(pacer, f"order{index}")
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        tree.start_soon(take, pacer, "waiting")
        await trio.sleep(0.5)
        assert pacer.depth == 1
        pacer.give_back(Kind.PLACE, 0.0)
        assert pacer.try_take("newcomer", Kind.PLACE) is None
        tree.cancel_scope.cancel()


async def test_a_slot_given_back_wakes_the_next(autojump_clock):
    pacer = make_pacer()
    for index in range(7):
        await take(pacer, f"order{index}")
    ends = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        async with trio.open_nursery() as takers:
            takers.start_soon(take, pacer, "waiting", Kind.PLACE, 60.0, ends)
            await trio.sleep(0.5)
            pacer.give_back(Kind.PLACE, 0.0)
        tree.cancel_scope.cancel()
    assert ends == {"waiting": 0.5}


async def test_cancels_pass_by_orders_that_wait(autojump_clock):
    pacer = make_pacer()
    ends = {}
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        async with trio.open_nursery() as takers:
            for index in range(20):
                takers.start_soon(take, pacer, f"order{index}", Kind.PLACE, 60.0, ends)
            await trio.sleep(0.5)
            takers.start_soon(take, pacer, "first", Kind.CANCEL, 60.0, ends)
            takers.start_soon(take, pacer, "second", Kind.CANCEL, 60.0, ends)
        tree.cancel_scope.cancel()
    assert sorted([ends["first"], ends["second"]]) == [0.5, 1.05]


async def test_one_taken_out_of_the_queue_is_told_and_frees_its_place(autojump_clock):
    pacer = make_pacer()
    ends = {}
    for index in range(7):
        await take(pacer, f"order{index}")
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        async with trio.open_nursery() as takers:
            takers.start_soon(take, pacer, "mine", Kind.PLACE, 60.0, ends)
            await trio.sleep(0.5)
            assert pacer.withdraw("mine") is True
            assert pacer.withdraw("mine") is False
            assert pacer.withdraw("order0") is False
        tree.cancel_scope.cancel()
    assert ends == {"mine": "withdrawn"}
    assert trio.current_time() == 0.5


async def test_a_taker_that_is_cancelled_leaves_no_slot_behind(autojump_clock):
    pacer = make_pacer()
    for index in range(7):
        await take(pacer, f"order{index}")
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        with trio.move_on_after(0.5):
            await pacer.take("gone", Kind.PLACE, 60.0)
        assert pacer.depth == 0
        tree.cancel_scope.cancel()


async def test_a_slot_granted_to_one_cancelled_in_the_same_moment_is_given_back(
    autojump_clock,
):
    pacer = make_pacer()
    for index in range(7):
        await take(pacer, f"order{index}")
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        for _ in range(4):  # which of the two comes first is up to Trio
            at = trio.current_time()
            due = pacer.limiter.next_time(Kind.PLACE, at, TODAY.toordinal())
            with trio.move_on_at(due):
                await pacer.take("gone", Kind.PLACE, 60.0)
            used = pacer.headroom().windows[0].used
            assert used == 0
            for index in range(7):
                await take(pacer, f"order{index}")
        tree.cancel_scope.cancel()


async def test_one_whose_deadline_comes_in_the_queue_is_told_then(autojump_clock):
    pacer = make_pacer()
    ends = {}
    for index in range(7):
        await take(pacer, f"order{index}")
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        async with trio.open_nursery() as takers:
            takers.start_soon(take, pacer, "mine", Kind.PLACE, 1.06, ends)
            await trio.sleep(0.5)
            pacer.limited(30)
        assert trio.current_time() == 1.06
        tree.cancel_scope.cancel()
    assert ends == {"mine": "deadline_exceeded"}


async def test_a_429_stops_all_until_the_time_it_names(autojump_clock):
    pacer = make_pacer()
    pacer.limited(12)
    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        assert await take(pacer, "order") == 12
        assert await take(pacer, "cancel", Kind.CANCEL) == 12
        tree.cancel_scope.cancel()


async def test_closed_it_refuses_who_waits_and_who_comes(autojump_clock):
    pacer = make_pacer()
    ends = {}
    for index in range(7):
        await take(pacer, f"order{index}")
    async with trio.open_nursery() as takers:
        takers.start_soon(take, pacer, "waiting", Kind.PLACE, 60.0, ends)
        await trio.sleep(0.5)
        pacer.close("stopping")
    assert ends == {"waiting": "not_sent"}
    await trio.sleep(10)
    assert pacer.try_take("new", Kind.PLACE) is None
    with pytest.raises(NoSlot, match="stopping") as refused:
        await pacer.take("new", Kind.CANCEL, 60.0)
    assert refused.value.code == "not_sent"


async def test_closed_it_takes_no_slot_back_that_was_just_granted(autojump_clock):
    """Both are granted at once; the one that runs first closes it."""
    pacer = make_pacer()
    slots = []
    for index in range(7):
        await take(pacer, f"order{index}")

    async def take_and_close(name):
        slots.append(await pacer.take(name, Kind.PLACE, 60.0))
        pacer.close("stopping")

    async with trio.open_nursery() as tree:
        tree.start_soon(pacer.run)
        async with trio.open_nursery() as takers:
            takers.start_soon(take_and_close, "one")
            takers.start_soon(take_and_close, "two")
        tree.cancel_scope.cancel()
    assert slots == [1.05, 1.05]


# A call that leaves later than its slot says


async def test_a_slot_holds_for_a_moment(autojump_clock):
    pacer = make_pacer()
    slot = await take(pacer, "order")
    await trio.sleep(0.02)
    assert pacer.redate(Kind.PLACE, slot) == slot


async def test_who_leaves_late_is_counted_when_it_leaves(autojump_clock):
    pacer = make_pacer()
    for index in range(7):
        await take(pacer, f"order{index}")
    await trio.sleep(1)
    for _ in range(7):
        assert pacer.redate(Kind.PLACE, 0.0) == 1
    await trio.sleep(0.5)
    assert pacer.try_take("eighth", Kind.PLACE) is None
    await trio.sleep(0.55)
    assert pacer.try_take("eighth", Kind.PLACE) == 2.05


async def test_who_leaves_late_waits_again_where_others_have_the_slots(
    autojump_clock,
):
    pacer = make_pacer()
    late = [await take(pacer, f"order{index}") for index in range(7)]
    await trio.sleep(1.05)
    assert [pacer.try_take("new", Kind.PLACE) for _ in range(7)] == [1.05] * 7
    assert pacer.redate(Kind.PLACE, late[0]) is None
    assert pacer.headroom().windows[0].used == 7


async def test_who_holds_a_slot_does_not_leave_into_a_pause(autojump_clock):
    pacer = make_pacer()
    slot = await take(pacer, "order")
    await trio.sleep(0.5)
    pacer.limited(5)
    assert pacer.redate(Kind.PLACE, slot) is None
    assert pacer.headroom().windows[0].used == 0


async def test_headroom_tells_what_is_left(autojump_clock):
    pacer = make_pacer(EIGHT, Window(200, MINUTE), Window(10, SECOND))
    await take(pacer, "order")
    assert [window.used for window in pacer.headroom().windows] == [1, 1, 1]


async def test_one_whose_turn_is_now_but_who_would_wait_takes_nothing(autojump_clock):
    pacer = make_pacer()
    async with trio.open_nursery() as takers:
        for index in range(8):
            takers.start_soon(take, pacer, f"order{index}")
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(1.05)  # a slot is free, and the first who waits has it
        assert pacer.depth == 1
        assert pacer.try_take("newcomer", Kind.PLACE) is None
        assert pacer.depth == 1
        takers.cancel_scope.cancel()
