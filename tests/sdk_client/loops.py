"""The two loops that the async client runs on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio


def on_asyncio(main: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(30):
            return await main()

    return asyncio.run(bounded())


def on_trio(main: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        with trio.fail_after(30):
            return await main()

    return trio.run(bounded)


both_loops = pytest.mark.parametrize("run", [on_asyncio, on_trio])
