"""How the brokers' own books and accounts look to clients."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from actors.messages import Fetched, FetchFailed
from ordo.http.envelope import BrokerResult
from ordo.http.numbers import at_most_4_decimals
from ordo.http.views import stamp


def read_result(answer: Fetched | FetchFailed) -> BrokerResult:
    """The entry of `results` for one broker's read."""
    if isinstance(answer, Fetched):
        return BrokerResult(
            broker=answer.broker,
            status="success",
            attempts=answer.attempts,
            latency_ms=answer.latency_ms,
        )
    return BrokerResult(
        broker=answer.broker,
        status="error",
        error_code=answer.denial.code,
        message=answer.denial.message,
        broker_code=answer.broker_code,
        broker_message=answer.broker_message,
        http_status=answer.http_status,
        attempts=answer.attempts,
        latency_ms=answer.latency_ms,
    )


def rows_of(answers: tuple[Fetched | FetchFailed, ...]) -> list[dict[str, Any]]:
    """All brokers' rows in one list, each with its own `broker`."""
    return [
        {"broker": answer.broker, **plain(row)}
        for answer in answers
        if isinstance(answer, Fetched)
        for row in answer.rows
    ]


def plain(row: msgspec.Struct) -> dict[str, Any]:
    """A row of the model as JSON has it."""
    return {
        key: _shown(key, value) for key, value in msgspec.structs.asdict(row).items()
    }


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Decimal) and not name.endswith(("quantity", "volume")):
        return at_most_4_decimals(value)
    return value
