"""A console to a gateway that listens, frame by frame."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from tests.ordo.http.serving import TOKEN


class Talk:
    """An open console. `hello` is its greeting."""

    def __init__(self, socket: WebSocketConnection, hello: Any) -> None:
        self.socket, self.hello = socket, hello
        self._numbers = iter(range(1, 10_000))

    async def send(self, **frame: Any) -> int:
        """Send a frame, and give its id."""
        number = next(self._numbers)
        await self.socket.send_message(json.dumps({"id": number, **frame}))
        return number

    async def next(self) -> Any:
        """The next frame, whatever it answers."""
        return json.loads(await self.socket.get_message())

    async def do(self, **frame: Any) -> Any:
        """Send a frame; the next one that answers it."""
        number = await self.send(**frame)
        while (answer := await self.next()).get("id") != number:
            pass
        return answer

    async def ask(self, to: str, message: str, *args: str, **more: Any) -> Any:
        frame = {"do": "ask", "to": to, "message": message, "args": args}
        return await self.do(**frame, **more)

    async def tell(self, to: str, message: str, *args: str, **more: Any) -> Any:
        frame = {"do": "tell", "to": to, "message": message, "args": args}
        return await self.do(**frame, **more)


def url_of(gateway: Any) -> str:
    return gateway.url.replace("http", "ws", 1) + "/api/v1/console"


@asynccontextmanager
async def talking(gateway: Any, token: str = TOKEN) -> AsyncIterator[Talk]:
    """A console of whoever has *token*."""
    context = gateway.ca and ssl.create_default_context(cafile=gateway.ca)
    headers = [(b"Authorization", b"Bearer " + token.encode())]
    async with open_websocket_url(
        url_of(gateway), ssl_context=context, extra_headers=headers
    ) as socket:
        try:
            yield Talk(socket, json.loads(await socket.get_message()))
        finally:  # after a close by the server it would stay open
            await trio.aclose_forcefully(socket._stream)
