"""`watch events`: what happens, as it happens, and nothing left out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from actors.feed import Follower
from adapters import StoreFailed
from ordo.console import frames
from ordo.http.call import Call
from ordo.http.errors import ApiError
from ordo.http.events import MOST_READERS, stream_event
from ordo.http.legs import check_brokers

Send = Callable[[bytes], Awaitable[None]]


async def watch(call: Call, frame: frames.Watch, send: Send) -> bytes:
    """Send events until there are no more; give the last frame of it.

    Without *after* it begins with what comes next. Events of no broker always come.
    """
    feed = call.system.feed
    check_brokers(frame.brokers, call.system.broker_names, "$.brokers")
    if feed.readers >= MOST_READERS:
        raise ApiError("overloaded", f"{feed.readers} watch already")
    last = await feed.last()
    follower = Follower(feed, last if frame.after is None else min(frame.after, last))
    await send(frames.plain(frame.id, "Watching", {"after": follower.at}))
    wanted = {*frame.brokers, None} if frame.brokers else None
    with feed.reading():
        try:
            while True:
                for event in await follower.next():
                    if wanted is None or event.broker in wanted:
                        await send(frames.event(frame.id, stream_event(event)))
        except trio.EndOfChannel:
            return frames.end(frame.id, "Ordo stops")
        except StoreFailed as failed:
            return frames.end(frame.id, f"the store failed at {follower.at}: {failed}")
