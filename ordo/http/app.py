"""The application: the API's calls, and Quart for all else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import trio
from quart import Response, has_request_context, request, websocket
from quart.wrappers.base import BaseRequestWebsocket
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from ordo.http import answers
from ordo.http.asgi import App
from ordo.http.errors import ApiError
from ordo.http.front import Front, no_such_path, request_id_of

if TYPE_CHECKING:
    from ordo.http.asgi import Answer
    from ordo.system import System

log = logging.getLogger("ordo.http")


def create_app(system: System) -> QuartTrio:
    """The ASGI application over *system*."""
    # It needs all of this package, so it comes later.
    from ordo.http.console import CONSOLE, Consoles

    app = QuartTrio("ordo", static_folder=None)
    app.register_error_handler(ApiError, _denied(system))
    app.register_error_handler(HTTPException, _refused(system))
    app.register_error_handler(Exception, _bug(system))
    front = Front(system, cast(App, app.asgi_app))
    consoles = Consoles(system, front.throttles)
    app.add_websocket(CONSOLE.path, "console", consoles.serve)
    app.asgi_app = cast(Any, front)  # type: ignore[method-assign]  # Quart's own way
    return app


def _denied(system: System) -> Callable[[ApiError], Awaitable[Response]]:
    """What we refuse, in the envelope."""

    async def handler(error: ApiError) -> Response:
        request_id = request_id_of(system, _headers())
        return _response(answers.failure(error, request_id, trio.current_time()))

    return handler


def _refused(system: System) -> Callable[[HTTPException], Awaitable[Response]]:
    """What Quart refuses, in the envelope."""

    async def handler(refused: HTTPException) -> Response:
        error = (
            no_such_path(_asked().path)
            if refused.code == 404
            else ApiError("bad_request", str(refused.description))
        )
        request_id = request_id_of(system, _headers())
        return _response(answers.failure(error, request_id, trio.current_time()))

    return handler


def _bug(system: System) -> Callable[[Exception], Awaitable[Response]]:
    async def handler(error: Exception) -> Response:
        request_id = request_id_of(system, _headers())
        log.error(
            "a request failed",
            exc_info=error,
            extra={"event": "http.failed", "request_id": request_id},
        )
        return _response(answers.bug(request_id, trio.current_time()))

    return handler


def _asked() -> BaseRequestWebsocket:
    """What Quart is at: a request, or the opening of a socket."""
    return request if has_request_context() else websocket


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in _asked().headers.items()}


def _response(answer: Answer) -> Response:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return Response(answer.body, status=answer.status, headers=headers)
