"""Replies and errors, encoded: the envelope, and the headers every answer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import trio

from ordo.http.asgi import Answer
from ordo.http.envelope import Envelope, Reply, encode
from ordo.http.errors import ApiError
from ordo.http.pages import File

COMMON = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


PAGE = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]


class Page(str):
    """An answer for a browser: HTML, instead of the envelope."""

    __slots__ = ()


METRICS = [
    (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


class Text(str):
    """An answer for Prometheus, instead of the envelope."""

    __slots__ = ()


EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def success(reply: Reply, request_id: str, began: float) -> Answer:
    """A reply. *began* is when the call came in, by Trio's clock."""
    if reply.stream is not None:
        return _streamed(reply, request_id, began)
    common = COMMON
    if isinstance(reply.data, Page):
        body, common = reply.data.encode(), PAGE
    elif isinstance(reply.data, Text):
        body, common = reply.data.encode(), METRICS
    elif isinstance(reply.data, msgspec.Raw):  # the OpenAPI document stands for itself
        body = bytes(reply.data)
    else:
        body = encode(
            Envelope(
                status=reply.status,
                request_id=request_id,
                message=reply.message,
                data=reply.data,
                results=reply.results,
            )
        )
    headers = _headers(body, request_id, began, reply.broker_ms, reply.headers, common)
    status, waited = reply.http_status, reply.broker_ms
    return Answer(status=status, headers=headers, body=body, broker_ms=waited)


def failure(error: ApiError, request_id: str, began: float) -> Answer:
    """A global error."""
    body = encode(
        Envelope(
            status="error",
            request_id=request_id,
            error_code=error.code,
            message=error.message,
            data=error.data,
        )
    )
    headers = _headers(body, request_id, began, 0.0, error.headers)
    return Answer(status=error.status, headers=headers, body=body)


def _streamed(reply: Reply, request_id: str, began: float) -> Answer:
    headers = _headers(None, request_id, began, 0.0, reply.headers, EVENTS)
    return Answer(
        status=reply.http_status, headers=headers, body=b"", stream=reply.stream
    )


def shown(
    file: File, method: str, if_none_match: str, request_id: str, began: float
) -> Answer:
    """A page's file; to a browser that has it, only word that it is unchanged."""
    known = file.is_known(if_none_match)
    body = None if known else file.body
    kind = [] if known else [(b"content-type", file.kind.encode())]
    headers = _headers(body, request_id, began, 0.0, file.headers(), kind)
    sent = b"" if body is None or method == "HEAD" else body
    return Answer(status=304 if known else 200, headers=headers, body=sent)


def bug(request_id: str, began: float) -> Answer:
    """A fault of ours: no detail for clients, all of it in the log."""
    words = f"a fault in Ordo; it is logged under request id {request_id}"
    return failure(ApiError("internal", words), request_id, began)


def _headers(
    body: bytes | None,
    request_id: str,
    began: float,
    broker_ms: float,
    more: Mapping[str, str],
    common: Sequence[tuple[bytes, bytes]] = COMMON,
) -> list[tuple[bytes, bytes]]:
    inside = max(0.0, (trio.current_time() - began) * 1000 - broker_ms)
    timing = f"ordo;dur={inside:.3f}, broker;dur={broker_ms:.3f}"
    length = [] if body is None else [(b"content-length", b"%d" % len(body))]
    return [
        *common,
        *length,
        (b"x-request-id", request_id.encode()),
        (b"server-timing", timing.encode()),
        *((name.lower().encode(), value.encode()) for name, value in more.items()),
    ]
