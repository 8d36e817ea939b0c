"""The application: authenticate, hand to a handler, encode. Nothing is decided here."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import msgspec
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from adapters import StoreFailed
from ordo.http.call import Call, Principal
from ordo.http.envelope import ApiError, Envelope, Reply, encode
from ordo.http.routes import ROUTES, Route

if TYPE_CHECKING:
    from ordo.system import System

log = logging.getLogger("ordo.http")

MOST_BYTES = 1_000_000
"""Largest body; 50 legs take about 15 kB."""
REQUEST_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,128}")
SCOPES = ("none", "read", "trade", "admin")


class Nobody:
    """Who calls where no token is asked for."""

    id = "anonymous"
    scope = "none"


def create_app(system: System) -> QuartTrio:
    """The ASGI application over *system*."""
    app = QuartTrio("ordo", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    for route in ROUTES:
        app.add_url_rule(
            re.sub(r"{(\w+)}", r"<\1>", route.path),
            endpoint=f"{route.method} {route.path}",
            view_func=_view(system, route),
            methods=[route.method],
            provide_automatic_options=False,
        )
    app.register_error_handler(HTTPException, _http_error(system))
    app.register_error_handler(Exception, _bug(system))
    return app


def _view(system: System, route: Route) -> Callable[..., Awaitable[Response]]:
    async def view(**path: str) -> Response:
        started = time.perf_counter()
        request_id = _request_id(system)
        try:
            call = Call(
                system=system,
                principal=_principal(system, route),
                request_id=request_id,
                headers=dict(request.headers),
                query=_query(),
                path=path,
                body=await _body(route),
            )
            reply = await route.handler(call)
        except ApiError as error:
            return _error(error, request_id, started)
        except StoreFailed as error:
            down = ApiError("storage_unavailable", f"the store failed: {error}")
            return _error(down, request_id, started)
        return _answer(reply, request_id, started)

    return view


async def _body(route: Route) -> bytes:
    if route.body is None:
        return b""
    try:
        return cast(bytes, await request.get_data(cache=False, as_text=False))
    except RequestEntityTooLarge:
        raise _too_large() from None


def _too_large() -> ApiError:
    return ApiError("payload_too_large", f"wanted at most {MOST_BYTES} bytes")


def _query() -> dict[str, str]:
    if not request.query_string:
        return {}
    query = {}
    for name, values in request.args.to_dict(flat=False).items():
        if len(values) > 1:
            raise ApiError("validation_failed", f"?{name[:64]}: is given twice")
        query[name] = values[0]
    return query


def _principal(system: System, route: Route) -> Principal:
    """Who calls, if they may.

    Raises:
        ApiError: `unauthorized` or `forbidden`.
    """
    if route.scope == "none" or (
        system.settings.server.public_status and route.path == "/api/v1/status"
    ):
        return Nobody()
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ApiError(
            "unauthorized",
            "wanted the header Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
    principal = system.tokens.principal(token.strip())
    if principal is None:
        raise ApiError(
            "unauthorized",
            "this token is not known, revoked or expired",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    if SCOPES.index(principal.scope) < SCOPES.index(route.scope):
        raise ApiError(
            "forbidden", f"wanted scope {route.scope}, found {principal.scope}"
        )
    return principal


def _request_id(system: System) -> str:
    given = request.headers.get("X-Request-ID")
    if given is not None and REQUEST_ID.fullmatch(given):
        return given
    return system.clockwork.ids.new()


def _answer(reply: Reply, request_id: str, started: float) -> Response:
    if isinstance(reply.data, msgspec.Raw):  # the OpenAPI document stands for itself
        return _response(
            bytes(reply.data), reply.http_status, request_id, started, {}, 0.0
        )
    envelope = Envelope(
        status=reply.status,
        request_id=request_id,
        message=reply.message,
        data=reply.data,
        results=reply.results,
    )
    return _response(
        encode(envelope),
        reply.http_status,
        request_id,
        started,
        reply.headers,
        reply.broker_ms,
    )


def _error(error: ApiError, request_id: str, started: float) -> Response:
    envelope = Envelope(
        status="error",
        request_id=request_id,
        error_code=error.code,
        message=error.message,
        data=error.data,
    )
    return _response(
        encode(envelope), error.status, request_id, started, error.headers, 0.0
    )


def _response(
    body: bytes,
    status: int,
    request_id: str,
    started: float,
    headers: dict[str, str],
    broker_ms: float,
) -> Response:
    inside = max(0.0, (time.perf_counter() - started) * 1000 - broker_ms)
    timing = f"ordo;dur={inside:.3f}, broker;dur={broker_ms:.3f}"
    return Response(
        body,
        status=status,
        headers={
            "Content-Type": "application/json",
            "X-Request-ID": request_id,
            "Server-Timing": timing,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **headers,
        },
    )


def _http_error(system: System) -> Callable[[HTTPException], Awaitable[Response]]:
    """What the framework refuses, in the envelope."""
    known: dict[int, str] = {404: "not_found", 405: "method_not_allowed"}

    async def handler(error: HTTPException) -> Response:
        request_id, started = _request_id(system), time.perf_counter()
        if isinstance(error, RequestEntityTooLarge):
            return _error(_too_large(), request_id, started)
        code = known.get(error.code or 0, "bad_request")
        words = {
            404: f"no such path: {request.path[:128]!r}",
            405: f"{request.method[:16]} is not a method of {request.path[:128]!r}",
        }.get(error.code or 0, str(error.description))
        headers: dict[str, str] = {}
        allowed: Any = getattr(error, "valid_methods", None)
        if allowed:
            headers["Allow"] = ", ".join(sorted(allowed))
        return _error(ApiError(code, words, headers=headers), request_id, started)

    return handler


def _bug(system: System) -> Callable[[Exception], Awaitable[Response]]:
    async def handler(error: Exception) -> Response:
        request_id = _request_id(system)
        log.error("a request failed", exc_info=error, extra={"request_id": request_id})
        words = f"a fault in Ordo; it is logged under request id {request_id}"
        return _error(ApiError("internal", words), request_id, time.perf_counter())

    return handler
