"""The JSON API, in front of Quart: authenticate, hand to a handler, encode.

Quart takes 0.4 ms of the processor for a request that does nothing; an order's other
HTTP work takes less. So the calls of the table go this way, and all else goes to Quart:
pages, sockets, the life of the application. Nothing is decided here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import trio

from adapters import StoreFailed
from ordo.http import answers
from ordo.http.access import principal_of
from ordo.http.asgi import (
    Answer,
    App,
    Gone,
    Receive,
    Scope,
    Send,
    body_of,
    headers_of,
    query_of,
    send_answer,
)
from ordo.http.call import Call
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError
from ordo.http.matching import Table
from ordo.http.routes import ROUTES, Route

if TYPE_CHECKING:
    from ordo.system import System

log = logging.getLogger("ordo.http")

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,128}")


class Front:
    """An ASGI application.

    Args:
        system: what the handlers ask.
        rest: takes what is not in the table.
    """

    def __init__(self, system: System, rest: App) -> None:
        self._system = system
        self._rest = rest
        self._table = Table(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call, or pass it on."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
        elif self._is_ours(scope["path"]):
            await self._serve(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    def _is_ours(self, path: str) -> bool:
        return path.startswith("/api/") or self._table.find(path) is not None

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A client that leaves changes nothing: its order lives in the actors."""
        began = trio.current_time()
        headers = headers_of(scope)
        request_id = request_id_of(self._system, headers)
        try:
            answer = await self._answer(scope, receive, headers, request_id, began)
        except Gone:
            return
        if scope["http_version"].startswith("1") and answer.stream is None:
            await send_answer(send, answer)
        else:
            await _send_unless_gone(receive, send, answer)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give it to Quart with its body whole: Quart may answer without reading it."""
        began = trio.current_time()
        try:
            body = await body_of(receive)
        except Gone:
            return
        except ApiError as error:
            request_id = request_id_of(self._system, headers_of(scope))
            await send_answer(send, answers.failure(error, request_id, began))
            return
        whole = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_whole() -> Any:
            return whole.pop() if whole else await receive()

        await self._rest(scope, receive_whole, send)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[str, str],
        request_id: str,
        began: float,
    ) -> Answer:
        try:
            body = await body_of(receive)
            reply = await self._reply(scope, headers, request_id, body)
            return answers.success(reply, request_id, began)
        except ApiError as error:
            return answers.failure(error, request_id, began)
        except StoreFailed as failed:
            down = ApiError("storage_unavailable", f"the store failed: {failed}")
            return answers.failure(down, request_id, began)
        except Gone:
            raise
        except Exception:
            log.exception("a request failed", extra={"request_id": request_id})
            return answers.bug(request_id, began)

    async def _reply(
        self, scope: Scope, headers: Mapping[str, str], request_id: str, body: bytes
    ) -> Reply:
        route, parts = self._route(scope["method"], scope["path"])
        raw_query = scope["query_string"]
        call = Call(
            system=self._system,
            principal=principal_of(self._system, route, headers),
            request_id=request_id,
            headers=headers,
            query={} if route.page else query_of(raw_query, route.query),
            path=parts,
            body=body,
            raw_query=raw_query.decode("ascii", "replace") if route.page else "",
        )
        return await route.handler(call)

    def _route(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        match = self._table.find(path)
        if match is None:
            raise no_such_path(path)
        if (route := match.methods.get(method)) is None:
            raise ApiError(
                "method_not_allowed",
                f"{method[:16]!r} is not a method of {path[:128]!r}",
                headers={"Allow": ", ".join(sorted(match.methods))},
            )
        return route, match.parts


async def _send_unless_gone(receive: Receive, send: Send, answer: Answer) -> None:
    """Over HTTP/2 hypercorn would wait for ever until a client that left has read; and
    a stream has no end of its own."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        sending.cancel_scope.cancel(reason="the client has left")

    async with trio.open_nursery() as sending:
        sending.start_soon(watch)
        await send_answer(send, answer)
        sending.cancel_scope.cancel(reason="the answer is sent")


def no_such_path(path: str) -> ApiError:
    """A 404 that shows the path, as far as it is short."""
    return ApiError("not_found", f"no such path: {path[:128]!r}")


def request_id_of(system: System, headers: Mapping[str, str]) -> str:
    """The caller's, if it sent a sane one."""
    given = headers.get("x-request-id")
    if given is not None and REQUEST_ID.fullmatch(given):
        return given
    return system.clockwork.ids.new()
