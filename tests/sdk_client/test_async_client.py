"""The client to be awaited: the same calls, on either loop, cancelled at any time."""

import inspect

import httpx
import pytest
import trio

from ordo_client import AsyncOrdo, Ordo, Overloaded, calls
from tests.sdk_client.loops import both_loops, on_asyncio, on_trio
from tests.sdk_client.stub import SBIN, Stub, batch, envelope, refused

BOTH = (Ordo, AsyncOrdo)
BUSY = refused("overloaded", 503, retry_after="1")


def test_both_clients_have_every_call_under_the_same_name():
    for client in BOTH:
        assert [name for name in calls.__all__ if not hasattr(client, name)] == []
        assert hasattr(client, "events")
    public = [
        {name for name in vars(each) if name[0] != "_"} for each in (Ordo, AsyncOrdo)
    ]
    assert public[0] - {"close"} == public[1] - {"aclose"}


def test_the_arguments_are_the_same_too():
    for name in (*calls.__all__, "events"):
        signatures = [
            inspect.signature(getattr(each, name)) for each in (Ordo, AsyncOrdo)
        ]
        assert signatures[0].parameters == signatures[1].parameters


@both_loops
def test_an_order_is_tried_again_with_its_key(run):
    stub = Stub(httpx.ReadTimeout("late"), batch("acked"))

    async def main():
        async with stub.async_client() as ordo:
            return await ordo.place(SBIN, "b0")

    assert run(main).ok is True
    assert len(stub.keys) == 2
    assert len(set(stub.keys)) == 1


@both_loops
def test_a_real_ordo_answers_over_tls(secure, run):
    async def main():
        async with AsyncOrdo(*secure) as ordo:
            return await ordo.funds("one")

    [row] = run(main)
    assert (row.broker, row.currency) == ("one", "INR")


async def test_tries_end_ten_seconds_after_the_first_failure(autojump_clock):
    stub = Stub(BUSY)
    began = trio.current_time()
    async with stub.async_client() as ordo:
        with pytest.raises(Overloaded):
            await ordo.place(SBIN, "b0")
    assert 7 < trio.current_time() - began <= 10
    assert len(set(stub.keys)) == 1


async def test_a_caller_may_stop_waiting_at_any_time(autojump_clock):
    stub = Stub(BUSY)
    async with stub.async_client(retry_for=1000) as ordo:
        with trio.move_on_after(30) as patience:
            await ordo.place(SBIN, "b0", key="mine")
    assert patience.cancelled_caught is True
    assert trio.current_time() == 30
    assert set(stub.keys) == {"mine"}


def test_many_calls_may_wait_side_by_side():
    stub = Stub(envelope({"engaged": False}))

    async def main():
        async with stub.async_client() as ordo, trio.open_nursery() as asks:
            for _ in range(20):
                asks.start_soon(ordo.kill_switch)

    on_trio(main)
    assert len(stub.asked) == 20


def test_asyncio_needs_no_trio_running():
    async def main():
        async with Stub(envelope({"alive": True})).async_client() as ordo:
            return (await ordo.health()).alive

    assert on_asyncio(main) is True
