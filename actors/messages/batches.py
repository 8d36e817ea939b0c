"""Placing several orders at once, and all that can come of it."""

from __future__ import annotations

import msgspec

from actors.messages.admission import Admission
from actors.messages.denial import Denial
from actors.messages.store import StoreDown
from actors.request import Ask
from adapters import Batch, Order, OrderRecord, Slice

# The router ---------------------------------------------------------------------------


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One order for one broker.

    *cut*: into several, where it is larger than the exchange takes; *slice* says which
    of these it is then.
    """

    order_index: int
    broker: str
    order: Order
    cut: bool = False
    slice: Slice | None = None


class PlaceBatch(
    msgspec.Struct, Ask["BatchReply"], frozen=True, kw_only=True, tag=True
):
    """Send every leg, once. *key* is the client's, or made where it gave none.

    *route* is what the key is unique in. *exits*: the orders only take from positions,
    so that no funds are asked for. *sequential*: at each broker the buys wait until its
    sells are filled. *closes_for* is set by the closer alone: the version
    of the halt in force, which lets these orders go and no others.
    """

    principal: str
    request_id: str
    key: str
    key_given: bool
    fingerprint: str
    legs: tuple[Leg, ...]
    portfolio_id: str | int | None
    deadline_ms: int
    dry_run: bool = False
    route: str = "POST /api/v1/orders"
    exits: bool = False
    sequential: bool = False
    closes_for: int | None = None


class BatchDone(msgspec.Struct, frozen=True, kw_only=True):
    """The batch with its orders as they stand.

    *skipped* are the checks that were not made, for each order; none of a replay, which
    is not checked again. *checked_ms*: how long brokers were asked before the accept,
    *waited_ms*: how long buys waited for their sells; milliseconds.
    """

    batch: Batch
    orders: tuple[OrderRecord, ...]
    replayed: bool
    skipped: tuple[tuple[CheckSkipped, ...], ...] | None = None
    checked_ms: float = 0.0
    waited_ms: float = 0.0


class CheckSkipped(msgspec.Struct, frozen=True, kw_only=True):
    """A check that could not be made before an order went, and why."""

    check: str
    reason: str


class LegAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg would meet, or why it was denied before anything was stored.

    *checked_ms*: how long brokers were asked for this batch, in milliseconds.
    """

    order_id: str
    leg: Leg
    answer: Admission | Denial
    skipped: tuple[CheckSkipped, ...] = ()
    checked_ms: float = 0.0


class NothingAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """Every leg was denied, or it was a dry run: nothing stored, the key stays free."""

    legs: tuple[LegAnswer, ...]
    dry_run: bool


class KeyReused(msgspec.Struct, frozen=True, kw_only=True):
    """The key was used with another body; *expired*: and long ago."""

    expired: bool


class InProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The same request still runs."""

    batch_id: str | None
    retry_after: float


class TradingHalted(msgspec.Struct, frozen=True, kw_only=True):
    """The kill-switch is engaged; nothing was attempted."""

    reason: str | None


class Overloaded(msgspec.Struct, frozen=True, kw_only=True):
    """Too much at once; nothing was attempted."""

    message: str


BatchReply = (
    BatchDone
    | NothingAccepted
    | KeyReused
    | InProgress
    | TradingHalted
    | StoreDown
    | Overloaded
)
