"""`WS /api/v1/console`: who may open a console, and how many there may be.

Refused in the envelope, before the upgrade: a socket that is open has shown its token.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import trio

from ordo.console.session import Session
from ordo.http import answers
from ordo.http.access import principal_of
from ordo.http.asgi import Receive, Scope, Send, headers_of
from ordo.http.call import Call
from ordo.http.crowd import Guest
from ordo.http.errors import ApiError
from ordo.http.front import no_such_path, request_id_of
from ordo.http.socket import opened, refuse
from ordo.http.throttle import Throttles, address_of

if TYPE_CHECKING:
    from ordo.system import System

log = logging.getLogger("ordo.http")

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
    """An ASGI application, for sockets: opens consoles, a few at once.

    Args:
        system: what they ask.
        throttles: counts wrong tokens and log-ins, together with HTTP's.
    """

    def __init__(self, system: System, throttles: Throttles) -> None:
        self._system, self._throttles = system, throttles
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the console that is about to be opened, or refuse it."""
        headers = headers_of(scope)
        request_id = request_id_of(self._system, headers)
        try:
            call = self._call(scope, headers, request_id)
        except ApiError as error:
            answer = answers.failure(error, request_id, trio.current_time())
            await refuse(send, answer)
        except Exception:
            log.exception(
                "a console was not opened",
                extra={"event": "http.failed", "request_id": request_id},
            )
            await refuse(send, answers.bug(request_id, trio.current_time()))
        else:
            try:
                await self._serve(call, scope, headers, receive, send)
            except Exception:  # the server closes it, with the code of a fault of ours
                log.exception(
                    "a console failed",
                    extra={"event": "http.failed", "request_id": request_id},
                )

    async def _serve(
        self,
        call: Call,
        scope: Scope,
        headers: Mapping[str, str],
        receive: Receive,
        send: Send,
    ) -> None:
        token = headers["authorization"].partition(" ")[2].strip()
        book = self._system.tokens
        guest: Guest | None = scope.get("state", {}).get("guest")
        with self._place(), guest.working() if guest else nullcontext():
            async with opened(receive, send) as socket:
                session = Session(
                    call,
                    lambda: book.principal(token) == call.principal,
                    socket.receive,
                    lambda frame: socket.send(frame.decode()),
                )
                ending = await session.run()
                with trio.move_on_after(CLOSE_SECONDS):
                    await socket.close(ending.code, ending.reason)

    def _call(self, scope: Scope, headers: Mapping[str, str], request_id: str) -> Call:
        """Who opens it: the call that all its messages are made in the name of.

        Raises:
            ApiError: it is not opened: `not_found`, `unauthorized`, `forbidden`,
                `rate_limited`, `overloaded`, `shutting_down`.
        """
        if scope["path"] != CONSOLE.path:
            raise no_such_path(scope["path"])
        address = address_of(scope.get("client"))
        principal = principal_of(
            self._system,
            CONSOLE,
            headers,
            address=address,
            wrong=self._throttles.tokens,
        )
        if self._system.stopping or self._system.feed.closed:
            raise ApiError("shutting_down", "Ordo is stopping")
        if self._open >= MOST:
            raise ApiError("overloaded", f"{self._open} consoles are open, the limit")
        return Call(
            system=self._system,
            principal=principal,
            request_id=request_id,
            headers={},  # a key comes with its message, not with the console
            query={},
            path={},
            address=address,
            throttles=self._throttles,
        )

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the few that there are; no await since one was free."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
