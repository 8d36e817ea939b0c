"""More than can be recorded is refused at once, and a burst is taken whole."""

import trio
import trio.lowlevel

from actors.congestion import FEW, PATIENCE, QUICK, Congestion
from actors.messages import BatchDone, Overloaded
from adapters import Accept
from tests.support.gateway import a_batch, inline, make_paper, make_system, running
from tests.support.memory_store import MemoryStore


def on_their_way(number, now=0.0):
    """So many requests that set out at *now*."""
    congestion = Congestion()
    for _ in range(number):
        congestion.enter(now)
    return congestion


def test_a_burst_is_no_overload():
    congestion = on_their_way(500)
    assert not congestion.refuses(PATIENCE)


def test_many_that_wait_for_long_let_no_other_in():
    congestion = on_their_way(500)
    assert congestion.refuses(PATIENCE + 0.01)


def test_one_quick_accept_shows_that_there_is_room():
    congestion = on_their_way(500)
    congestion.leave(QUICK, 0.25)
    assert not congestion.refuses(0.5)
    congestion.leave(QUICK + 0.01, 0.5)
    assert congestion.refuses(0.6)


def test_a_few_are_always_let_in_however_slow_it_is():
    assert not on_their_way(FEW - 1).refuses(1000.0)
    assert on_their_way(FEW).refuses(1000.0)


def test_after_a_rest_nothing_is_held_against_the_first_ones():
    congestion = on_their_way(FEW)
    for _ in range(FEW):
        congestion.leave(5.0, 20.0)
    for _ in range(FEW):
        congestion.enter(100.0)
    assert not congestion.refuses(100.0 + PATIENCE)


async def slow_accepts(commit, writes):
    """A store that takes two seconds over a commit with an accept in it."""
    if any(isinstance(write, Accept) for write in writes):
        await trio.sleep(2)
    return await inline(commit, writes)


async def test_the_router_refuses_what_would_only_wait_and_takes_it_later(
    autojump_clock,
):
    system = make_system({"one": make_paper()}, MemoryStore())
    system.means = system.means._replace(write_sync=slow_accepts)
    ends = []

    async def order(number):
        message = a_batch("one", key=f"key-{number}", deadline_ms=30_000)
        ends.append(await system.router.ask(message))

    async with running(system):
        async with trio.open_nursery() as clients:
            for number in range(FEW):
                clients.start_soon(order, number)
            await trio.sleep(PATIENCE + 0.1)
            began = trio.current_time()
            await order("refused")
            took = trio.current_time() - began
            refused = ends.pop()
        await order("refused")  # its key is free: nothing of it was kept
    assert (took, refused) == (
        0,
        Overloaded(message="more comes in than can be recorded"),
    )
    assert [type(end) for end in ends] == [BatchDone] * (FEW + 1)


async def test_the_router_takes_all_that_waits_in_one_pass_of_the_loop(autojump_clock):
    system = make_system({"one": make_paper()}, MemoryStore())
    async with running(system):
        for number in range(50):
            system.router.tell(a_batch("one", key=f"key-{number}"))
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        assert system.router.depth == 0
