"""`WS /api/v1/console`: who may open a console, and how many there may be.

Refused in the envelope, before the upgrade: a socket that is open has shown its token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple, cast

import trio
from quart import websocket

from ordo.console.session import Session
from ordo.http.access import principal_of
from ordo.http.asgi import Scope, headers_of
from ordo.http.call import Call
from ordo.http.crowd import Guest
from ordo.http.errors import ApiError
from ordo.http.front import request_id_of
from ordo.http.throttle import Throttles, address_of

if TYPE_CHECKING:
    from ordo.system import System

MOST = 8
"""Consoles at once: people, and a script or two."""
MOST_FRAME = 64 * 1024
"""Bytes; 50 legs take about 15 kB."""
CLOSE_SECONDS = 5.0
"""For the close to be sent, to a client that may not read any more."""


class Path(NamedTuple):
    """What is guarded as a route is."""

    path: str
    scope: str


CONSOLE = Path("/api/v1/console", "admin")


class Consoles:
    """Opens consoles, a few at once.

    Args:
        system: what they ask.
        throttles: counts wrong tokens and log-ins, together with HTTP's.
    """

    def __init__(self, system: System, throttles: Throttles) -> None:
        self._system, self._throttles = system, throttles
        self._open = 0

    async def serve(self) -> None:
        """Serve the console that is about to be opened.

        Raises:
            ApiError: it is not opened: `unauthorized`, `forbidden`, `rate_limited`,
                `overloaded`, `shutting_down`.
        """
        headers = headers_of(cast(Scope, websocket.scope))
        call = self._call(headers)
        token = headers["authorization"].partition(" ")[2].strip()
        book = self._system.tokens
        guest: Guest | None = websocket.scope.get("state", {}).get("guest")
        with self._place(), guest.working() if guest else nullcontext():
            await websocket.accept()
            session = Session(
                call,
                lambda: book.principal(token) == call.principal,
                websocket.receive,
                lambda frame: websocket.send(frame.decode()),
            )
            ending = await session.run()
            with trio.move_on_after(CLOSE_SECONDS):
                await websocket.close(ending.code, ending.reason)

    def _call(self, headers: Mapping[str, str]) -> Call:
        """Who opens it: the call that all its messages are made in the name of."""
        address = address_of(websocket.scope.get("client"))
        principal = principal_of(
            self._system,
            CONSOLE,
            headers,
            address=address,
            wrong=self._throttles.tokens,
        )
        if self._system.stopping or self._system.feed.closed:
            raise ApiError("shutting_down", "Ordo is stopping")
        return Call(
            system=self._system,
            principal=principal,
            request_id=request_id_of(self._system, headers),
            headers={},  # a key comes with its message, not with the console
            query={},
            path={},
            address=address,
            throttles=self._throttles,
        )

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._open >= MOST:
            raise ApiError("overloaded", f"{self._open} consoles are open, the limit")
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
