"""An answer on its way to a client that may leave, or never read."""

from __future__ import annotations

from typing import Any

import trio

from ordo.http import asgi
from ordo.http.asgi import Answer, Receive, Scope, Send, send_answer

CLOSES = (b"connection", b"close")


async def send(scope: Scope, receive: Receive, put: Send, answer: Answer) -> None:
    """Send an answer, in a way that comes to an end whatever the client does."""
    if answer.stream is not None or not scope["http_version"].startswith("1"):
        await _send_unless_gone(receive, put, answer)
    elif CLOSES in answer.headers:
        await _send_while_reading(receive, put, answer)
    else:
        await send_answer(put, answer)


async def _send_unless_gone(receive: Receive, send: Send, answer: Answer) -> None:
    """Over HTTP/2 hypercorn would wait for ever until a client that left has read; and
    a stream has no end of its own."""

    watching = trio.CancelScope()

    async def watch() -> None:
        with watching:
            await _until_gone(receive)
            sending.cancel_scope.cancel(reason="the client has left")

    async def send_soon(message: Any) -> None:
        if message["type"] == "http.response.body" and not message["body"]:
            # The end of a stream: hypercorn itself says now that the client has left,
            # and to be cancelled in the middle would leave it a connection for ever.
            watching.cancel(reason="all is sent")
        with trio.move_on_after(asgi.TAKE_SECONDS) as patience:
            await send(message)
        if patience.cancelled_caught:
            sending.cancel_scope.cancel(reason="the client does not read")

    async with trio.open_nursery() as sending:
        sending.start_soon(watch)
        await send_answer(send_soon, answer)
        sending.cancel_scope.cancel(reason="the answer is sent")


async def _send_while_reading(receive: Receive, send: Send, answer: Answer) -> None:
    """Hypercorn waits until what came of the body is taken, before it closes."""
    async with trio.open_nursery() as sending:
        sending.start_soon(_until_gone, receive)
        await send_answer(send, answer)
        sending.cancel_scope.cancel(reason="the answer is sent")


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
