"""What every answer has: the envelope, and what each broker said."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

Row = TypeVar("Row")

GOOD = frozenset(
    {
        "success",
        "acked",
        "partially_filled",
        "filled",
        "settled",
        "cancelled",
    }
)
FAILED = frozenset({"error", "rejected", "denied", "not_placed"})


class SentAs(msgspec.Struct, frozen=True, kw_only=True):
    """What went out where market protection changed the order."""

    type: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None


class SkippedCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check that could not be made before the order went, and why."""

    check: str
    reason: str


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a larger order it is: `number` of `of`, from 1, and its units."""

    number: int
    of: int
    quantity: Decimal


class BrokerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one broker did with the call; for an order, one of its legs.

    `status` is `success`, `error` or `unknown`; of a leg, the order's status.
    `latency_ms` is the broker's. The fields from `order_index` on are an order's; parts
    of one order have the same `order_index` and `parent_id`.
    """

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
    order_index: int | None = None
    order_id: str | None = None
    client_tag: str | None = None
    broker_order_id: str | None = None
    sent_as: SentAs | None = None
    checks_skipped: tuple[SkippedCheck, ...] | None = None
    parent_id: str | None = None
    slice: Slice | None = None

    @property
    def ok(self) -> bool:
        """The broker did it, or has the order."""
        return self.status in GOOD

    @property
    def failed(self) -> bool:
        """It ended without: there is no order."""
        return self.status in FAILED

    @property
    def unknown(self) -> bool:
        """Nobody knows yet. A status that this client does not know counts here."""
        return not (self.ok or self.failed)

    def __str__(self) -> str:
        words = self.broker_message or self.message or self.error_code
        told = f"{self.broker} {self.status}"
        return f"{told}: {words}" if words else told


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope: `status` is `success`, `partial`, `error` or `pending`."""

    status: str = "success"
    request_id: str = ""
    message: str | None = None
    results: tuple[BrokerResult, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a call came to. `answer` is the envelope that it came in."""

    # No name that the API may once use, as it is no part of the data.
    answer: Answer = msgspec.field(default_factory=Answer, name="$answer")

    @property
    def ok(self) -> bool:
        """Everything that was asked is done."""
        return self.answer.status == "success"

    @property
    def pending(self) -> bool:
        """Something is still under way, or not known yet."""
        return self.answer.status == "pending"

    @property
    def failed(self) -> tuple[BrokerResult, ...]:
        """What the brokers said that did not do it."""
        return tuple(result for result in self.answer.results if result.failed)

    @property
    def unknown(self) -> tuple[BrokerResult, ...]:
        """The brokers of which nobody knows yet."""
        return tuple(result for result in self.answer.results if result.unknown)


class Rows(Result, Generic[Row], frozen=True, kw_only=True):
    """A list, of one broker's rows after the other's; where one is down, its reason is
    in `failed`. `next_cursor` asks for the next page, None after the last."""

    rows: tuple[Row, ...] = ()
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]
