"""What ASGI hands over, taken apart: headers, query, body; and an answer, sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import trio

from ordo.http.errors import CONTROL, ApiError, query_error

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 1_000_000
"""Largest body; 50 legs take about 15 kB."""
MOST_DISCARDED = 32_000_000
"""Bytes read of a body that is too large: cut off, its client would see a reset
connection and not the answer."""
BODY_SECONDS = 30.0
"""For the whole body to arrive: a slow one holds a connection."""
UNWANTED_SECONDS = 5.0
"""For a body that nobody wants to arrive: a stranger's, or one for a page."""
TAKE_SECONDS = 30.0
"""For a client to take a part of an answer, over HTTP/2: it says itself how much may be
sent, and may say nothing."""
MOST_PARAMETERS = 50
CLOSE = {"Connection": "close"}
"""Goes with an answer to a request that was not read to its end."""


SendPart = Callable[[bytes], Awaitable[None]]
"""Sends a part of an answer whose end is not known yet."""
Stream = Callable[[SendPart], Awaitable[None]]
"""Sends an answer part by part, and returns at its end."""


class Gone(Exception):
    """The client left before its request was whole."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response before it is sent; one with a `stream` has no body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    broker_ms: float = 0.0
    stream: Stream | None = None


def headers_of(scope: Scope) -> dict[str, str]:
    """Headers by name in small letters; one sent twice is joined, as HTTP has it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def query_of(raw: bytes, known: Iterable[str]) -> dict[str, str]:
    """The query's parameters.

    Args:
        raw: as it came.
        known: the names that this call has.

    Raises:
        ApiError: `validation_failed`, for one that is unknown, twice, or no clean text.
    """
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise query_error("", "wanted UTF-8, percent-encoded") from None
    except ValueError:
        words = f"wanted at most {MOST_PARAMETERS} parameters"
        raise query_error("", words) from None
    query: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            there = ", ".join(known) or "none"
            raise query_error(name, f"not a parameter here; there are: {there}")
        if name in query:
            raise query_error(name, "is given twice")
        if CONTROL.search(value):
            raise query_error(name, "wanted text without control characters")
        query[name] = value
    return query


async def body_of(receive: Receive) -> bytes:
    """The whole body.

    Raises:
        ApiError: `payload_too_large`; `bad_request` where it does not come in time.
        Gone: the client has left.
    """
    body = bytearray()
    size = 0
    with trio.move_on_after(BODY_SECONDS):
        while True:
            chunk, more = await _part(receive)
            size += len(chunk)
            if size <= MOST_BYTES:
                body += chunk
            if size > MOST_BYTES and (not more or size > MOST_DISCARDED):
                words = f"wanted at most {MOST_BYTES} bytes"
                raise ApiError(
                    "payload_too_large", words, headers=CLOSE if more else {}
                )
            if not more:
                return bytes(body)
    words = f"the body did not arrive within {BODY_SECONDS:g} s"
    raise ApiError("bad_request", words, headers=CLOSE)


async def skip_body(receive: Receive) -> bool:
    """Read a body that nobody wants, and keep nothing of it: what is left unread keeps
    the connection from its next request. False where that was not its end.

    Raises:
        Gone: the client has left.
    """
    size = 0
    with trio.move_on_after(UNWANTED_SECONDS):
        while size <= MOST_DISCARDED:
            chunk, more = await _part(receive)
            size += len(chunk)
            if not more:
                return True
    return False


async def _part(receive: Receive) -> tuple[bytes, bool]:
    """A part of the body, and whether more of it comes."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send it, in two messages as ASGI wants."""
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": answer.headers,
        }
    )
    if answer.stream is not None:

        async def send_part(part: bytes) -> None:
            message = {"type": "http.response.body", "body": part, "more_body": True}
            await send(message)

        await answer.stream(send_part)
    await send({"type": "http.response.body", "body": answer.body})
