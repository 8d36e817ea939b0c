"""How often others have their turn while something is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Turns:
    """`number` counts them."""

    number = 0


@asynccontextmanager
async def counted() -> AsyncIterator[Turns]:
    """Count the turns of another task, as long as the body runs."""
    turns = Turns()

    async def others() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            turns.number += 1

    async with trio.open_nursery() as tasks:
        tasks.start_soon(others)
        yield turns
        tasks.cancel_scope.cancel()
