"""What the actors need of a store: what is written, what it answers, what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from adapters.model import AuditEntry, Batch, OrderEvent, OrderRecord, OrderStatus


class KeyScope(msgspec.Struct, frozen=True, kw_only=True):
    """What an idempotency key is unique in: the caller and the route."""

    principal: str
    route: str
    key: str


class TradingSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """The kill-switch as stored; `version` grows with each change.

    `cancel_open`, `close_positions`: the halt wants open orders cancelled and positions
    squared off, and goes on with that after a restart.
    """

    engaged: bool
    reason: str | None
    since: datetime | None
    by: str | None
    version: int
    cancel_open: bool = False
    close_positions: bool = False


class Accept(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store one request whole: key, batch, a record a leg; gives `AcceptResult`.

    `closes_for` is the version of a halt that wants positions closed: then it is taken
    only while that very halt is stored. Without it, only while none is.
    """

    scope: KeyScope
    fingerprint: str
    batch: Batch
    orders: tuple[OrderRecord, ...]
    audit: tuple[AuditEntry, ...]
    closes_for: int | None = None


class SaveOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store an order as it now stands, with the events that brought it there."""

    order: OrderRecord
    events: tuple[OrderEvent, ...]
    audit: tuple[AuditEntry, ...]


class SaveSwitch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store the kill-switch's new state."""

    switch: TradingSwitch
    audit: tuple[AuditEntry, ...]


class SaveDayCount(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store how many calls a broker has had on a trading day (`YYYY-MM-DD`)."""

    broker: str
    day: str
    count: int


class OrderCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Of one account on one trading day: orders sent, changed, cancelled, and fills."""

    sent: int = 0
    changed: int = 0
    cancelled: int = 0
    trades: int = 0


class SaveOrderCounts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store a broker's counts of a trading day (`YYYY-MM-DD`)."""

    broker: str
    day: str
    counts: OrderCounts


class SaveSession(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store a broker's session as sealed text; None forgets it."""

    broker: str
    sealed: str | None
    audit: tuple[AuditEntry, ...]


class SaveCursor(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Store up to which event a publisher has told everything."""

    publisher: str
    seq: int


class Note(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Write to the audit log alone."""

    audit: tuple[AuditEntry, ...]


Write = (
    Accept
    | SaveOrder
    | SaveSwitch
    | SaveDayCount
    | SaveOrderCounts
    | SaveSession
    | SaveCursor
    | Note
)


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The request is stored: from here on nothing of it is lost."""


class KeyTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The key names an earlier request. `expired`: only its tombstone is left."""

    fingerprint: str
    batch_id: str
    expired: bool


class Halted(msgspec.Struct, frozen=True, kw_only=True):
    """The stored kill-switch does not allow it: nothing was accepted."""


AcceptResult = Accepted | KeyTaken | Halted


class OrderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders to list, newest first; None means any. `cursor` is an `order_id`."""

    broker: str | None = None
    status: OrderStatus | None = None
    symbol: str | None = None
    batch_id: str | None = None
    portfolio_id: str | None = None
    since: datetime | None = None
    cursor: str | None = None
    limit: int = 100


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which audit records to list, oldest first, after number `after`."""

    since: datetime | None = None
    request_id: str | None = None
    order_id: str | None = None
    after: int = 0
    limit: int = 100


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit log: an entry, numbered, timed and chained."""

    seq: int
    at: datetime
    boot: str
    entry: AuditEntry
    prev: str
    hash: str


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What a pruning did. `more`: it stopped early and should be called again."""

    expired: int
    forgotten: int
    more: bool


class OldFile(NamedTuple):
    """An audit file that may be deleted: its name, the number of its last record."""

    name: str
    through: int


class Store(Protocol):
    """Where Ordo remembers. Plain synchronous code: the actors run it in a thread.

    `commit` and `close` are called by one thread at a time; the reads may run beside
    them in another, and see only what is committed.
    """

    def commit(self, writes: Sequence[Write]) -> list[AcceptResult | None]:
        """Do all writes in one transaction, durably, and answer for each in order.

        Raises:
            StoreFailed: the transaction failed; nothing of it is stored.
        """

    def release_reserve(self) -> None:
        """Free the disk space kept back: cancels must be stored on a full disk too."""

    def restore_reserve(self) -> None:
        """Keep that space back again.

        Raises:
            StoreFailed: there is none.
        """

    def prune(self, now: datetime, most: int) -> Pruned:
        """Age at most *most* idempotency keys; a part of the writer's work.

        Raises:
            StoreFailed: nothing has changed.
        """

    def drop_audit(self, files: Sequence[OldFile]) -> None:
        """Delete audit files, once it is on record; a part of the writer's work.

        Raises:
            StoreFailed: it is not recorded, or not all is deleted.
        """

    def old_audit(self, now: datetime, keep_days: int, most: int) -> Sequence[OldFile]:
        """At most *most* audit files older than *keep_days*, whole; in any thread.

        Raises:
            StoreFailed: they cannot be read.
        """

    def check(self) -> list[str]:
        """Read every page; what is wrong, a line each. In any thread: may take long.

        Raises:
            StoreFailed: it cannot be read at all.
        """

    def close(self) -> None: ...

    def order(self, order_id: str) -> OrderRecord | None: ...

    def orders(self, query: OrderQuery) -> list[OrderRecord]: ...

    def unsettled(self, broker: str) -> list[OrderRecord]: ...

    def filled_before(
        self, before: datetime, limit: int, after: OrderRecord | None = None
    ) -> list[OrderRecord]:
        """At most *limit* orders that are filled and not settled, and that were last
        updated before that moment, oldest first; *after*: the last one of the page
        before."""

    def closing(self, broker: str, version: int) -> list[OrderRecord]:
        """All orders that close positions for that halt, oldest first."""

    def sent_since(self, broker: str, since: datetime) -> list[datetime]: ...

    def events(self, order_id: str) -> list[OrderEvent]: ...

    def batch(self, batch_id: str) -> tuple[Batch, list[OrderRecord]] | None: ...

    def key(self, scope: KeyScope) -> KeyTaken | None: ...

    def switch(self) -> TradingSwitch | None: ...

    def day_count(self, broker: str, day: str) -> int: ...

    def order_counts(self, broker: str, day: str) -> OrderCounts: ...

    def sessions(self) -> dict[str, str]: ...

    def audit(self, query: AuditQuery) -> list[AuditRecord]: ...

    def cursor(self, publisher: str) -> int | None:
        """Up to which event a publisher has told everything; None: it is a new one."""

    def oldest_unknown(self) -> dict[str, datetime]:
        """Since when each broker's oldest unknown order is so."""

    def last_seq(self) -> int:
        """The number of the newest audit record; 0 where there is none."""
