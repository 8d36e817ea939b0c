"""The JSON API and the pages' files: authenticate, hand to a handler, encode.

Nothing is decided here. There is no framework below: one took 0.4 ms of the processor
for a request that does nothing, which is more than all of an order's HTTP work, and
8 MB of memory.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

import trio
from msgspec.structs import replace

from adapters import StoreFailed
from adapters.correlation import about
from ordo.http import answers, pages, sending
from ordo.http.access import principal_of
from ordo.http.asgi import (
    CLOSE,
    Answer,
    Gone,
    Receive,
    Scope,
    Send,
    body_of,
    headers_of,
    query_of,
    skip_body,
)
from ordo.http.call import Call, Principal
from ordo.http.crowd import Guest
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError
from ordo.http.matching import Table
from ordo.http.route import Route
from ordo.http.routes import ROUTES
from ordo.http.throttle import Throttles, address_of

if TYPE_CHECKING:
    from ordo.system import System

log = logging.getLogger("ordo.http")

FAULT = 500
"""Statuses from here on are told to whoever keeps Ordo running."""
SHOWING = ("GET", "HEAD")
"""The methods of a page's file."""
REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,128}")


class Front:
    """An ASGI application, for HTTP alone.

    Args:
        system: what the handlers ask.

    Attributes:
        throttles: what is counted at the edge.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._table = Table(ROUTES)
        self._files = pages.files()
        self.throttles = Throttles()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call: of a page's file, or of the API, found or not."""
        file = self._files.get(scope["path"])
        if file is not None and self._table.find(scope["path"]) is None:
            await self._show(file, scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A client that leaves changes nothing: its order lives in the actors."""
        began = trio.current_time()
        headers = headers_of(scope)
        request_id = request_id_of(self._system, headers)
        with about({"request_id": request_id}):
            try:
                answer = await self._answer(scope, receive, headers, request_id, began)
            except Gone:
                return
            self._count(scope, answer, trio.current_time() - began)
        await sending.send(scope, receive, send, answer)

    async def _show(
        self, file: pages.File, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A page's file: for anybody, as nothing in it is a secret."""
        began = trio.current_time()
        headers = headers_of(scope)
        request_id = request_id_of(self._system, headers)
        method = scope["method"]
        try:
            await self._body(receive, None)
            if method not in SHOWING:
                raise _no_method(method, scope["path"], SHOWING)
        except Gone:
            return
        except ApiError as error:
            answer = answers.failure(error, request_id, began)
        else:
            known = headers.get("if-none-match", "")
            answer = answers.shown(file, method, known, request_id, began)
        self._count(scope, answer, trio.current_time() - began)
        await sending.send(scope, receive, send, answer)

    def _count(self, scope: Scope, answer: Answer, took: float) -> None:
        """By route, never by path: what callers make up must not become a label."""
        match = self._table.find(scope["path"])
        route = match and match.methods.get(scope["method"])
        _tell(route, answer.status, took)
        if route is None:
            self._system.meters.request("other", "other", answer.status, took)
        else:
            inside = took - answer.broker_ms / 1000
            self._system.meters.request(
                route.method, route.path, answer.status, max(0.0, inside)
            )

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[str, str],
        request_id: str,
        began: float,
    ) -> Answer:
        try:
            reply = await self._reply(scope, receive, headers, request_id)
            return answers.success(reply, request_id, began)
        except ApiError as error:
            return answers.failure(error, request_id, began)
        except StoreFailed as failed:
            down = ApiError("storage_unavailable", f"the store failed: {failed}")
            return answers.failure(down, request_id, began)
        except Gone:
            raise
        except Exception:
            log.exception("a request failed", extra={"event": "http.failed"})
            return answers.bug(request_id, began)

    async def _reply(
        self,
        scope: Scope,
        receive: Receive,
        headers: Mapping[str, str],
        request_id: str,
    ) -> Reply:
        try:
            route, call = self._admitted(scope, headers, request_id)
        except ApiError as error:
            if not await skip_body(receive):
                error.headers |= CLOSE
            raise
        guest = _guest(scope, call.principal)
        body = await self._body(receive, route)
        with guest.working() if guest else nullcontext():
            return await route.handler(replace(call, body=body))

    async def _body(self, receive: Receive, route: Route | None) -> bytes:
        """What a call may have of a body: all of it, or nothing."""
        if route is not None and route.body is not None:
            return await body_of(receive)
        if not await skip_body(receive):
            raise ApiError("payload_too_large", "wanted no body", headers=CLOSE)
        return b""

    def _admitted(
        self, scope: Scope, headers: Mapping[str, str], request_id: str
    ) -> tuple[Route, Call]:
        """The call but for its body: nothing is kept of what a stranger sends."""
        route, parts = self._route(scope["method"], scope["path"])
        raw_query = scope["query_string"]
        address = address_of(scope.get("client"))
        principal = principal_of(
            self._system,
            route,
            headers,
            address=address,
            wrong=self.throttles.tokens,
        )
        return route, Call(
            system=self._system,
            principal=principal,
            request_id=request_id,
            headers=headers,
            query={} if route.page else query_of(raw_query, route.query),
            path=parts,
            raw_query=raw_query.decode("ascii", "replace") if route.page else "",
            address=address,
            throttles=self.throttles,
        )

    def _route(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        match = self._table.find(path)
        if match is None:
            raise no_such_path(path)
        if (route := match.methods.get(method)) is None:
            raise _no_method(method, path, match.methods)
        return route, match.parts


def _guest(scope: Scope, principal: Principal) -> Guest | None:
    """The connection that a trusted call came by, which is trusted from now on."""
    guest: Guest | None = scope.get("state", {}).get("guest")
    if guest is None or principal.scope == "none":
        return None
    guest.trusted = True
    return guest


def _tell(route: Route | None, status: int, took: float) -> None:
    """Reads are many and change nothing; paths and queries are what callers make up."""
    method, path = ("other", "other") if route is None else (route.method, route.path)
    log.log(
        logging.DEBUG
        if method in ("GET", "other") and status < FAULT
        else logging.INFO,
        "%s %s: %d",
        method,
        path,
        status,
        extra={
            "event": "http.answered",
            "method": method,
            "route": path,
            "status": status,
            "took_ms": round(took * 1000, 3),
        },
    )


def _no_method(method: str, path: str, there: Iterable[str]) -> ApiError:
    return ApiError(
        "method_not_allowed",
        f"{method[:16]!r} is not a method of {path[:128]!r}",
        headers={"Allow": ", ".join(sorted(there))},
    )


def no_such_path(path: str) -> ApiError:
    """A 404 that shows the path, as far as it is short."""
    return ApiError("not_found", f"no such path: {path[:128]!r}")


def request_id_of(system: System, headers: Mapping[str, str]) -> str:
    """The caller's, if it sent a sane one."""
    given = headers.get("x-request-id")
    if given is not None and REQUEST_ID.fullmatch(given):
        return given
    return system.clockwork.ids.new()
