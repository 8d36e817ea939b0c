"""Replies and errors, encoded: the envelope, and the headers every answer has."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import trio

from ordo.http.asgi import Answer
from ordo.http.envelope import Envelope, Reply, encode
from ordo.http.errors import ApiError

COMMON = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def success(reply: Reply, request_id: str, began: float) -> Answer:
    """A reply. *began* is when the call came in, by Trio's clock."""
    if isinstance(reply.data, msgspec.Raw):  # the OpenAPI document stands for itself
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
    headers = _headers(body, request_id, began, reply.broker_ms, reply.headers)
    return Answer(status=reply.http_status, headers=headers, body=body)


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


def bug(request_id: str, began: float) -> Answer:
    """A fault of ours: no detail for clients, all of it in the log."""
    words = f"a fault in Ordo; it is logged under request id {request_id}"
    return failure(ApiError("internal", words), request_id, began)


def _headers(
    body: bytes,
    request_id: str,
    began: float,
    broker_ms: float,
    more: Mapping[str, str],
) -> list[tuple[bytes, bytes]]:
    inside = max(0.0, (trio.current_time() - began) * 1000 - broker_ms)
    timing = f"ordo;dur={inside:.3f}, broker;dur={broker_ms:.3f}"
    return [
        *COMMON,
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
        (b"server-timing", timing.encode()),
        *((name.lower().encode(), value.encode()) for name, value in more.items()),
    ]
