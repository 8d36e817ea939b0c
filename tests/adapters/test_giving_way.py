"""Long work in slices: how long it rests between them."""

import pytest
import trio

from adapters.giving_way import LONGEST, REST, GivingWay


async def rested(way, *, slice_of=0.0, changes=0):
    """Seconds of the rest after such a slice."""
    await trio.sleep(slice_of)
    began = trio.current_time()
    await way.rest(changes)
    return round(trio.current_time() - began, 6)


async def test_a_rest_is_longer_than_its_slice_and_grows_with_what_changed(
    autojump_clock,
):
    way, slow = GivingWay(10), 0.005
    assert await rested(way) == 0
    assert await rested(way, slice_of=slow) == REST * slow
    assert await rested(way, slice_of=slow, changes=20) == REST * slow + 0.08
    assert await rested(way, changes=20) == 0.08


async def test_all_rests_together_have_an_end(autojump_clock):
    for slices in (1, 2, 4, 101):
        way, began = GivingWay(slices), trio.current_time()
        for _ in range(slices - 1):
            await way.rest(1000)
        assert trio.current_time() - began == pytest.approx(
            LONGEST if slices > 1 else 0
        )
