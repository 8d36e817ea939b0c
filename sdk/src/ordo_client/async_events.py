"""The event stream for asyncio and Trio."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType

import anyio
import httpx

from ordo_client.connecting import request_of, unreachable
from ordo_client.errors import OrdoError
from ordo_client.following import Following
from ordo_client.gateway import Event

CLOSING = 1.0
"""Seconds to close a connection, cancelled or not."""


class AsyncEvents:
    """Yields each event once and in order; connects again by itself.

    Closed by `async with`, or by `aclose()`. For one task.

    Attributes:
        last_id: of the last event given out: what to pass as `after` another day.

    Raises:
        OrdoError: Ordo refuses, or nothing came for longer than was wanted.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, following: Following) -> None:
        self.last_id: int | None = None
        self._http, self._url, self._following = http, url, following
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._waiting: deque[Event] = deque()
        self._closed = False

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            await self._more()
        event = self._waiting.popleft()
        self.last_id = event.id
        return event

    async def __aenter__(self) -> AsyncEvents:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the connection; iterating ends after what has come already."""
        self._closed = True
        await self._hang_up()

    async def _more(self) -> None:
        """Take what comes next: some events, none, or a reason to connect again."""
        try:
            chunk = await anext(self._chunks or await self._connect(), b"")
            self._waiting.extend(self._following.received(chunk))
            return
        except httpx.HTTPError as exc:
            lost: OrdoError = unreachable(self._url, exc)
        except OrdoError as refused:
            lost = refused
        await self._hang_up()
        await anyio.sleep(self._following.lost(lost))

    async def _connect(self) -> AsyncIterator[bytes]:
        request = request_of(self._http, self._following.connect())
        self._response = response = await self._http.send(request, stream=True)
        ok = response.status_code == httpx.codes.OK
        content = b"" if ok else await response.aread()
        self._following.check(response.status_code, response.headers, content)
        self._chunks = response.aiter_bytes()
        return self._chunks

    async def _hang_up(self) -> None:
        response, self._response = self._response, None
        chunks, self._chunks = self._chunks, None
        if response is None:
            return
        # Without the shield a cancelled reader would leave its connection open.
        with anyio.move_on_after(CLOSING, shield=True):
            if chunks is not None:
                await _run_dry(response, chunks)
            await response.aclose()


async def _run_dry(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """Let httpx's readers end by themselves, at a socket that is closed under them.

    They are async generators inside of each other: closing the outermost drops the
    others in the middle, of which Trio warns.
    """
    stream = response.extensions.get("network_stream")
    if stream is None:
        return
    await stream.aclose()
    with suppress(httpx.HTTPError):
        async for _ in chunks:
            pass
