"""The trading state, as senders read it."""

import pytest
import trio

from actors.trading import UNREADABLE, TradingState
from adapters import Stopped, TradingSwitch


def switch(*, engaged, version=1, reason="enough", **wants):
    return TradingSwitch(
        engaged=engaged, reason=reason, since=None, by="me", version=version, **wants
    )


def test_released_it_lets_an_order_depart_and_remembers_it_until_it_arrived():
    state = TradingState(switch(engaged=False))
    state.check()
    state.depart("A")
    state.depart("B")
    assert state.on_the_wire == ("A", "B")
    state.arrived("A")
    state.arrived("A")
    assert state.on_the_wire == ("B",)


def test_engaged_it_lets_nothing_depart_and_says_why():
    state = TradingState(switch(engaged=True))
    for look in (state.check, lambda: state.depart("A")):
        with pytest.raises(Stopped, match="halted: enough") as stopped:
            look()
        assert stopped.value.code == "kill_switch_engaged"
    assert state.on_the_wire == ()


def test_a_state_that_could_not_be_read_means_halted():
    state = TradingState(None)
    assert state.engaged
    assert state.switch.reason == UNREADABLE
    assert state.switch.by == "ordo"
    with pytest.raises(Stopped):
        state.check()


def test_cancels_are_wanted_by_the_halt_in_force_until_it_is_released():
    state = TradingState(switch(engaged=False))
    assert (state.cancel_open, state.cancels_wanted) == (False, 0)
    state.change(switch(engaged=True), cancel_open=True)
    assert (state.cancel_open, state.cancels_wanted) == (True, 1)
    state.change(switch(engaged=True))
    assert (state.cancel_open, state.cancels_wanted) == (True, 1)
    state.change(switch(engaged=False))
    assert (state.cancel_open, state.cancels_wanted) == (False, 1)
    state.change(switch(engaged=True))
    assert (state.cancel_open, state.cancels_wanted) == (False, 1)


async def test_all_who_wait_are_woken_by_each_change(autojump_clock):
    state = TradingState(switch(engaged=False))
    woken = []

    async def wait(name):
        await state.turned()
        woken.append((name, state.engaged))

    async with trio.open_nursery() as waiters:
        for name in "AB":
            waiters.start_soon(wait, name)
        await trio.sleep(1)
        state.change(switch(engaged=True))
    assert sorted(woken) == [("A", True), ("B", True)]


async def test_a_change_before_the_wait_does_not_wake_it(autojump_clock):
    state = TradingState(switch(engaged=False))
    state.change(switch(engaged=True))
    with trio.move_on_after(1) as patience:
        await state.turned()
    assert patience.cancelled_caught


def test_what_closes_for_a_halt_goes_while_that_very_halt_is_in_force():
    state = TradingState(switch(engaged=True, version=4, close_positions=True))
    assert state.closes_for == 4
    state.depart("A", 4)
    for halt in (None, 3, 5):
        assert not state.may_go(halt)
        with pytest.raises(Stopped):
            state.depart("B", halt)
    for after in (
        switch(engaged=True, version=5),
        switch(engaged=True, version=6, close_positions=True),
        switch(engaged=False, version=7, close_positions=True),
    ):
        state.change(after)
        with pytest.raises(Stopped, match="the halt it was to close") as stopped:
            state.check(4)
        assert stopped.value.code == "not_sent"
    assert state.may_go(None)
    assert state.on_the_wire == ("A",)


def test_a_stored_halt_goes_on_with_the_cancels_that_it_wanted():
    state = TradingState(switch(engaged=True, cancel_open=True))
    assert (state.cancel_open, state.cancels_wanted) == (True, 1)
    released = TradingState(switch(engaged=False, cancel_open=True))
    assert (released.cancel_open, released.cancels_wanted) == (False, 0)
