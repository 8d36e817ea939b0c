"""A WebSocket, as ASGI hands it over: opened, or refused with an answer of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from ordo.http.asgi import Answer, Receive, Send

MOST_AHEAD = 10
"""Frames that are read before they are wanted; then the client's own socket fills."""


class Socket:
    """A socket that is open, made by `opened`."""

    def __init__(self, frames: trio.MemoryReceiveChannel[str | bytes], send: Send):
        self._frames = frames
        self._send = send

    async def receive(self) -> str | bytes:
        """The next frame."""
        return await self._frames.receive()

    async def send(self, text: str) -> None:
        """Send a frame of text."""
        await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """Close it, and say why; once."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


@asynccontextmanager
async def opened(receive: Receive, send: Send) -> AsyncIterator[Socket]:
    """Open it; the body is cancelled when the client leaves."""
    out, frames = trio.open_memory_channel[str | bytes](MOST_AHEAD)

    async def read() -> None:
        while (event := await receive())["type"] != "websocket.disconnect":
            if event["type"] == "websocket.receive":
                text = event.get("text")
                await out.send(event["bytes"] if text is None else text)
        client.cancel_scope.cancel(reason="the client has left")

    async with trio.open_nursery() as client:
        client.start_soon(read)
        await send({"type": "websocket.accept"})
        yield Socket(frames, send)
        client.cancel_scope.cancel(reason="the socket is done with")


async def refuse(send: Send, answer: Answer) -> None:
    """Answer in HTTP instead of opening it."""
    await send(
        {
            "type": "websocket.http.response.start",
            "status": answer.status,
            "headers": answer.headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": answer.body})
