"""A book that changes many orders: stored together, and none of them overwritten."""

from contextlib import asynccontextmanager

import msgspec
import trio

from actors.comparing import AT_ONCE
from adapters import BookStatus, SaveOrder
from tests.support.gateway import make_paper
from tests.support.stage import Seldom, Stage, resting


@asynccontextmanager
async def stage_with(number):
    """A broker with so many open orders, whose book is read when asked for."""
    async with Stage(Seldom(make_paper(fill="manual"))).running() as stage:
        orders = [await stage.place(resting()) for _ in range(number)]
        await trio.sleep(10)
        yield stage, orders


def look(stage):
    return stage.brokers[0]._reconciler.look()


def saved(stage, status):
    """How many orders became so in each commit that has any."""
    counts = [
        sum(
            event.status == status
            for write in commit
            if isinstance(write, SaveOrder)
            for event in write.events
        )
        for commit in stage.store.commits
    ]
    return [count for count in counts if count]


async def test_what_a_book_changes_is_stored_in_commits_of_many(autojump_clock):
    async with stage_with(2 * AT_ONCE + 3) as (stage, orders):
        for order in orders:
            stage.paper.fill(order.broker_order_id, 10, 700)
        await look(stage)
        assert saved(stage, "filled") == [AT_ONCE, AT_ONCE, 3]
        stories = {tuple(stage.story(order.order_id)) for order in orders}
        assert stories == {("placed", "acked", "filled")}


async def test_what_could_not_be_stored_together_is_stored_later(autojump_clock):
    async with stage_with(3) as (stage, orders):
        for order in orders:
            stage.paper.fill(order.broker_order_id, 10, 700)
        stage.store.failing = "disk full"
        await look(stage)
        assert saved(stage, "filled") == []
        stage.store.failing = None
        await trio.sleep(2)
        stories = {tuple(stage.story(order.order_id)) for order in orders}
        assert stories == {("placed", "acked", "filled")}


async def test_a_change_of_the_book_is_made_to_the_order_as_it_is_by_then(
    autojump_clock,
):
    """The commit of some takes long; one of the others has changed meanwhile."""
    async with stage_with(AT_ONCE + 1) as (stage, (first, *_, last)):
        for order in (first, last):
            stage.paper.fill(order.broker_order_id, 10, 700)
        stage.commit_takes = 1
        async with trio.open_nursery() as tasks:
            tasks.start_soon(look, stage)
            await trio.sleep(0.5)  # the round is storing the first
            await stage.cancel(last.order_id)
        assert stage.stored(last.order_id).cancel_requested
        assert stage.story(last.order_id) == ["placed", "acked", "filled"]


async def test_what_is_told_while_a_book_is_stored_comes_behind_it(autojump_clock):
    async with stage_with(2) as (stage, orders):
        for order in orders:
            stage.paper.fill(order.broker_order_id, 4, 700)
        stage.commit_takes = 1
        async with trio.open_nursery() as tasks:
            tasks.start_soon(look, stage)
            await trio.sleep(0.5)
            row, *_ = await stage.paper.order_book()
            whole = msgspec.structs.replace(
                row, status=BookStatus.FILLED, filled_quantity=row.quantity
            )
            await stage.brokers[0]._updates._pushed.take(whole)
        first, second = (stage.story(order.order_id) for order in orders)
        assert first == ["placed", "acked", "partially_filled", "filled"]
        assert second == ["placed", "acked", "partially_filled"]
