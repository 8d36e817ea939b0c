"""Orders and batches as Ordo shows them. Quantities are units, times aware UTC."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from ordo_client.answers import BrokerResult, Result, SentAs, Slice
from ordo_client.errors import LegsFailed

ENDED = frozenset(
    {"filled", "settled", "cancelled", "rejected", "denied", "not_placed"}
)
"""Statuses of orders of which nothing is left to cancel."""


class Batch(Result, frozen=True, kw_only=True):
    """What became of a placed batch. Without `batch_id` nothing is stored: a dry run,
    or every leg was denied.

    `ok`: every leg is good. `failed` and `unknown` are legs too; an unknown one may be
    at its broker, and settles by itself. `replayed`: the key was used before, nothing
    was sent now, and this is how the legs stand.
    """

    batch_id: str | None = None
    portfolio_id: str | int | None = None
    idempotency_key: str | None = None
    replayed: bool = False
    created_at: datetime | None = None
    dry_run: bool = False

    @property
    def legs(self) -> tuple[BrokerResult, ...]:
        """One for each order at each of its brokers, in the order of the request."""
        return tuple(one for one in self.answer.results if one.order_index is not None)

    def raise_for_legs(self) -> None:
        """Go on only where every leg is good.

        Raises:
            LegsFailed: one failed, or nobody knows yet.
        """
        bad = self.failed + self.unknown
        if not bad:
            return
        words = f"{len(bad)} of {len(self.answer.results)} legs are not good: "
        words += "; ".join(str(leg) for leg in bad)
        if self.unknown:
            words += "; what is unknown may have been placed, do not place it again"
        error = LegsFailed(
            words,
            failed=self.failed,
            unknown=self.unknown,
            results=self.answer.results,
            request_id=self.answer.request_id,
        )
        error.idempotency_key = self.idempotency_key
        raise error


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an order's status: when, to what, why."""

    at: datetime
    status: str
    cause: str
    fill_price: Decimal | None = None
    fill_quantity: Decimal | None = None


class OrderRecord(Result, frozen=True, kw_only=True):
    """An order at one broker, as Ordo has it.

    `status` is `placed`, `acked`, `partially_filled`, `filled`, `settled`, `cancelled`,
    `rejected` (by the broker), `denied` (by Ordo), `unknown` or `not_placed`. `events`
    is None in lists. `slice` says which part of a larger order it is, `parent_id` is
    common to all of them. Of a change or a cancel, `ok` says whether that was done, and
    `refused` why not.
    """

    order_id: str
    batch_id: str
    portfolio_id: str | int | None = None
    order_index: int = 0
    broker: str
    client_tag: str
    broker_order_id: str | None = None
    symbol: str
    side: str
    quantity: Decimal
    type: str
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: str
    validity: str
    disclosed_quantity: Decimal | None = None
    note: str | None = None
    status: str
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    cancel_requested: bool = False
    error_code: str | None = None
    message: str | None = None
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    sent_as: SentAs | None = None
    parent_id: str | None = None
    slice: Slice | None = None
    created_at: datetime
    updated_at: datetime
    events: tuple[OrderEvent, ...] | None = None

    @property
    def failed(self) -> tuple[BrokerResult, ...]:
        """Why the change or the cancel was not done."""
        return self.answer.results if self.answer.status == "error" else ()

    @property
    def unknown(self) -> tuple[BrokerResult, ...]:
        """What is said of a change or a cancel that is still under way."""
        return self.answer.results if self.pending else ()


class BatchRecord(Result, frozen=True, kw_only=True):
    """A batch with its legs as they stand."""

    batch_id: str
    portfolio_id: str | int | None = None
    idempotency_key: str
    created_at: datetime
    orders: tuple[OrderRecord, ...]


class Cancelled(Result, frozen=True, kw_only=True):
    """Orders that were open, counted: `done` have ended, `refused` could not be
    cancelled; the others are under way. `failed` and `unknown` show each of them."""

    wanted: int
    done: int
    refused: int = msgspec.field(name="failed")

    @property
    def failed(self) -> tuple[BrokerResult, ...]:
        """The orders that could not be cancelled, and why."""
        return tuple(
            one for one in self._left() if one.error_code not in (None, "unknown")
        )

    @property
    def unknown(self) -> tuple[BrokerResult, ...]:
        """The orders whose cancel is under way."""
        return tuple(one for one in self._left() if one.error_code in (None, "unknown"))

    def _left(self) -> list[BrokerResult]:
        return [one for one in self.answer.results if one.status not in ENDED]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order and its broker's book differ: in `what`, a field of the order.

    `theirs` is None where the book does not show the order. `mended`: what the book
    says stands in Ordo now.
    """

    broker: str
    order_id: str
    broker_order_id: str | None = None
    symbol: str
    what: str
    ours: str | None = None
    theirs: str | None = None
    mended: bool


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How much was compared: books read, unsettled orders, rows of the books."""

    brokers: int
    orders: int
    rows: int


class Reconciled(Result, frozen=True, kw_only=True):
    """Ordo's orders against the brokers' books. `orders` are book rows of orders that
    were placed elsewhere; they are shown and never touched."""

    differences: tuple[Difference, ...] = ()
    orders: tuple[dict[str, Any], ...] = ()
    checked: Checked | None = None


class ReconcileReport(Result, frozen=True, kw_only=True):
    """What a batch wanted and what it got.

    `expected_pnl` is at the prices asked, `actual_pnl` at the prices filled, buys and
    sells of a symbol matched first in, first out; what stays open is valued at the last
    price in `unrealised_pnl`, None where one is missing. Amounts are of the market's
    currency. `rejected_orders` counts what Ordo denied and what never arrived, too.
    """

    batch_id: str
    portfolio_id: str | int | None = None
    total_orders: int
    filled_orders: int
    pending_orders: int
    cancelled_orders: int
    rejected_orders: int
    unknown_orders: int
    total_qty: Decimal
    filled_qty: Decimal
    total_value: Decimal
    filled_value: Decimal
    expected_pnl: Decimal
    actual_pnl: Decimal
    unrealised_pnl: Decimal | None = None
    orders: tuple[OrderRecord, ...]
    differences: tuple[Difference, ...]
