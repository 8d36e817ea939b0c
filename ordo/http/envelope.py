"""The one shape of every JSON answer, and its errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Status = Literal["success", "partial", "error", "pending"]

STATUS_OF = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "idempotency_in_progress": 409,
    "payload_too_large": 413,
    "validation_failed": 422,
    "idempotency_key_reused": 422,
    "idempotency_key_expired": 422,
    "rate_limited": 429,
    "internal": 500,
    "kill_switch_engaged": 503,
    "overloaded": 503,
    "shutting_down": 503,
    "storage_unavailable": 507,
}
"""HTTP status by global error code. Source: api.md, "The envelope"."""

RETRY_AFTER = 1.0
"""Seconds told with 429 and 503 where nothing better is known."""


class ApiError(Exception):
    """A global error: nothing was attempted.

    Args:
        code: a key of `STATUS_OF`.
        message: what was wanted, what was found.
        retry_after: seconds, for 409, 429 and 503.
        data: what else helps, such as a batch id.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data or {}
        self.status = STATUS_OF[code]
        self.headers = dict(headers or {})
        if self.status in (429, 503) or retry_after is not None:
            self.headers["Retry-After"] = f"{max(1, round(retry_after or RETRY_AFTER))}"


class BrokerResult(msgspec.Struct, kw_only=True):
    """What one broker did with the call. `latency_ms` is the broker's."""

    broker: str
    status: str
    error_code: str | None = None
    message: str | None = None
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    data: dict[str, Any] | None = None


class Envelope(msgspec.Struct, kw_only=True):
    """Every JSON answer."""

    status: Status
    request_id: str
    error_code: str | None = None
    message: str | None = None
    data: Any = {}
    results: Sequence[Any] = ()


class Reply(msgspec.Struct, kw_only=True):
    """What a handler gives back; the edge adds the request's id and timing.

    `broker_ms` is how long the call waited for brokers, in milliseconds.
    """

    data: Any = {}
    results: Sequence[Any] = ()
    status: Status = "success"
    message: str | None = None
    http_status: int = 200
    headers: dict[str, str] = {}
    broker_ms: float = 0.0


ENCODER = msgspec.json.Encoder(decimal_format="number")


def encode(envelope: Envelope) -> bytes:
    """The envelope as JSON; decimals as numbers, exactly."""
    return ENCODER.encode(envelope)


def overall(results: Sequence[BrokerResult]) -> Status:
    """One word for several brokers' results."""
    good = sum(result.status == "success" for result in results)
    if good == len(results):
        return "success"
    return "partial" if good else "error"
