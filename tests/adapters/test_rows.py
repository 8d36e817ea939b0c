"""Rows of a long answer, translated so that others have their turn."""

import trio

from adapters.rows import AT_ONCE, translated


async def turns_during(number):
    """How often another task runs while so many rows are translated; and what came."""
    turns, made = 0, []

    async def others():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as tasks:
        tasks.start_soon(others)
        made = await translated(range(number), lambda row: row * 2)
        tasks.cancel_scope.cancel()
    return turns, made


async def test_every_row_is_translated_in_its_order(autojump_clock):
    for number in (0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE):
        _, made = await turns_during(number)
        assert made == [row * 2 for row in range(number)]


async def test_others_have_their_turn_in_between(autojump_clock):
    turns, _ = await turns_during(10 * AT_ONCE)
    assert turns >= 9 - 2  # who goes first is chance, at the start and at the end


async def test_a_short_answer_gives_nothing_away(autojump_clock):
    turns, _ = await turns_during(AT_ONCE)
    assert turns == 0
