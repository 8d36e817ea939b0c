"""The one shape of every JSON answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ordo.http.asgi import Stream

Status = Literal["success", "partial", "error", "pending"]


class BrokerResult(msgspec.Struct, kw_only=True):
    """What one broker did with the call. `latency_ms` is the broker's."""

    broker: str
    status: Literal["success", "error", "unknown"]
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

    `broker_ms` is how long the call waited for brokers, in milliseconds. With `stream`
    the answer is what that sends, as Server-Sent Events.
    """

    data: Any = {}
    results: Sequence[Any] = ()
    status: Status = "success"
    message: str | None = None
    http_status: int = 200
    headers: dict[str, str] = {}
    broker_ms: float = 0.0
    stream: Stream | None = None


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
