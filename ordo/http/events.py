"""`GET /events`: what happens, as Server-Sent Events, from wherever one left off.

Source of the format: the HTML standard, "Server-sent events". A reader that comes back
says in `Last-Event-ID` what it saw last; nothing between is missed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import trio

from actors.feed import AT_ONCE, Follower
from adapters import Event, StoreFailed
from ordo.http.asgi import SendPart
from ordo.http.call import Call
from ordo.http.envelope import ENCODER, Reply
from ordo.http.errors import ApiError, query_error
from ordo.http.views import stamp

KEEP_ALIVE = 15.0
"""Seconds of quiet after which a comment shows both ends that the other is there."""
RETRY_MS = 2000
"""What clients wait before they connect again."""
MOST_BEHIND = 10_000
"""Records that a reader may fall behind while it is served: it is told and let go."""
MOST_READERS = 100
NUMBER = re.compile(r"[0-9]{1,18}")

HELLO = b"retry: %d\n: every event bears the id to resume from\n\n" % RETRY_MS
QUIET = b": quiet\n\n"


class StreamEvent(msgspec.Struct, kw_only=True):
    """One event, as `data` of a Server-Sent Event; `id` is also the event's id."""

    id: int
    version: int
    type: str
    at: str
    broker: str | None
    batch_id: str | None
    order_id: str | None
    by: str
    data: dict[str, Any]


async def stream(call: Call) -> Reply:
    """Order status changes, session, breaker and kill-switch events, as they happen.

    Without `Last-Event-ID` (or `after`) it begins with what comes next. `brokers`
    leaves out other brokers' events; those of no broker always come.
    """
    feed = call.system.feed
    if feed.readers >= MOST_READERS:
        raise ApiError("overloaded", f"{feed.readers} read the stream already")
    after = _after(call)
    last = await feed.last()
    follower = Follower(feed, last if after is None else min(after, last))
    wanted = set(call.brokers()) | {None} if "brokers" in call.query else None

    async def run(send: SendPart) -> None:
        with feed.reading():
            # Who is cut off before the first event comes back to here.
            await send(b"id: %d\n\n" % follower.at)
            await _serve(follower, send, lambda e: wanted is None or e.broker in wanted)

    headers = {"X-Accel-Buffering": "no"}  # a proxy must not hold events back
    return Reply(stream=run, headers=headers)


async def _serve(
    follower: Follower, send: SendPart, wanted: Callable[[Event], bool]
) -> None:
    await send(HELLO)
    lag = 0
    while True:
        events: list[Event] | None = None
        try:
            with trio.move_on_after(KEEP_ALIVE):
                events = await follower.next()
            if events is not None and len(events) > AT_ONCE // 2:
                before, lag = lag, await follower.behind()
                if lag > max(before, MOST_BEHIND):
                    await send(_dropped(follower.at, lag))
                    return
        except trio.EndOfChannel:
            return
        except StoreFailed as failed:
            await send(_notice("unavailable", {"message": str(failed)}))
            return  # it comes back with the id that it has, and misses nothing
        text = (
            QUIET if events is None else b"".join(map(text_of, filter(wanted, events)))
        )
        if text:
            await send(text)


def text_of(event: Event) -> bytes:
    """One event in the stream's own words."""
    data = ENCODER.encode(stream_event(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.encode(), data)


def stream_event(event: Event) -> StreamEvent:
    """One event as clients see it."""
    return StreamEvent(**{**msgspec.structs.asdict(event), "at": stamp(event.at)})


def _dropped(last: int, lag: int) -> bytes:
    words = f"{lag} records behind and falling back: connect again from {last}"
    return _notice("dropped", {"last_event_id": last, "message": words})


def _notice(name: str, data: dict[str, object]) -> bytes:
    """About the stream itself: without an id, so that it is not resumed from."""
    return b"event: stream.%s\ndata: %s\n\n" % (name.encode(), ENCODER.encode(data))


def _after(call: Call) -> int | None:
    header, query = call.header("last-event-id"), call.query.get("after")
    text = query if header is None else header
    if text is None or NUMBER.fullmatch(text):
        return None if text is None else int(text)
    if header is None:
        raise query_error("after", f"wanted an event's id, found {text[:40]!r}")
    raise ApiError(
        "bad_request", f"Last-Event-ID: wanted a number, found {text[:40]!r}"
    )
