"""Calls to an ASGI application, without a server between."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote

import httpx
import trio

from ordo.http.asgi import App


class Answer(NamedTuple):
    """What it answered."""

    status: int
    headers: httpx.Headers
    body: bytes


async def ask(
    app: App,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Make a call of a client that waits for the whole answer."""
    where, _, query = path.partition("?")
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    lines = {"Host": "localhost", **(headers or {})}
    got: list[Any] = []

    async def receive() -> Any:
        if not sent:
            await trio.sleep_forever()  # it stays
        return sent.pop()

    async def send(message: Any) -> None:
        got.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(where),
        "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in lines.items()],
        "client": ("127.0.0.1", 50_000),
    }
    await app(scope, receive, send)
    start, *parts = got
    text = b"".join(part.get("body", b"") for part in parts)
    return Answer(start["status"], httpx.Headers(start["headers"]), text)
