"""A store in memory: the port kept to the letter, for simulations and clock tests."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from adapters import (
    Accept,
    Accepted,
    AcceptResult,
    AuditQuery,
    AuditRecord,
    Batch,
    Halted,
    KeyScope,
    KeyTaken,
    OldFile,
    OrderCounts,
    OrderEvent,
    OrderQuery,
    OrderRecord,
    OrderStatus,
    Pruned,
    SaveCursor,
    SaveDayCount,
    SaveOrder,
    SaveOrderCounts,
    SaveSession,
    SaveSwitch,
    StoreFailed,
    TradingSwitch,
    Write,
)

START = datetime(2026, 11, 23, 3, 45, tzinfo=UTC)


class MemoryStore:
    """Remembers in dictionaries. `failing`: every commit and probe fails while set."""

    def __init__(self) -> None:
        self.failing: str | None = None
        self.commits: list[list[Write]] = []
        self._keys: dict[KeyScope, KeyTaken] = {}
        self._batches: dict[str, Batch] = {}
        self._orders: dict[str, OrderRecord] = {}
        self._events: list[OrderEvent] = []
        self._days: dict[tuple[str, str], int] = {}
        self._traffic: dict[tuple[str, str], OrderCounts] = {}
        self._sessions: dict[str, str] = {}
        self._cursors: dict[str, int] = {}
        self._audit: list[AuditRecord] = []
        self._switch = TradingSwitch(
            engaged=False, reason=None, since=None, by=None, version=0
        )

    def commit(self, writes: Sequence[Write]) -> list[AcceptResult | None]:
        if self.failing:
            raise StoreFailed(self.failing)
        self.commits.append(list(writes))
        return [self._write(write) for write in writes]

    def _write(self, write: Write) -> AcceptResult | None:
        answer: AcceptResult | None = None
        match write:
            case Accept():
                answer = self._accept(write)
                if not isinstance(answer, Accepted):
                    return answer
            case SaveOrder(order=order, events=events):
                self._orders[order.order_id] = order
                self._events += events
            case SaveSwitch(switch=switch):
                self._switch = switch
            case SaveDayCount():
                self._days[write.broker, write.day] = write.count
            case SaveOrderCounts():
                self._traffic[write.broker, write.day] = write.counts
            case SaveCursor(publisher=publisher, seq=seq):
                self._cursors[publisher] = seq
            case SaveSession():
                self._sessions.pop(write.broker, None)
                if write.sealed is not None:
                    self._sessions[write.broker] = write.sealed
        for entry in getattr(write, "audit", ()):
            seq = len(self._audit) + 1
            self._audit.append(
                AuditRecord(
                    seq=seq, at=START, boot="test", entry=entry, prev="", hash=""
                )
            )
        return answer

    def _accept(self, write: Accept) -> AcceptResult:
        switch = self._switch
        halt = switch.version if switch.engaged else None
        if write.closes_for != halt or (
            halt is not None and not switch.close_positions
        ):
            return Halted()
        if write.scope in self._keys:
            return self._keys[write.scope]
        self._keys[write.scope] = KeyTaken(
            fingerprint=write.fingerprint, batch_id=write.batch.batch_id, expired=False
        )
        self._batches[write.batch.batch_id] = write.batch
        for order in write.orders:
            self._orders[order.order_id] = order
            self._events.append(
                OrderEvent(
                    order_id=order.order_id,
                    at=order.created_at,
                    status=order.status,
                    cause=order.message or "accepted",
                )
            )
        return Accepted()

    def release_reserve(self) -> None:
        """There is none."""

    def restore_reserve(self) -> None:
        if self.failing:
            raise StoreFailed(self.failing)

    def prune(self, now: datetime, most: int) -> Pruned:
        return Pruned(expired=0, forgotten=0, more=False)

    def old_audit(self, now: datetime, keep_days: int, most: int) -> list[OldFile]:
        return []

    def drop_audit(self, files: Sequence[OldFile]) -> None:
        """There are none."""

    def check(self) -> list[str]:
        return []

    def close(self) -> None:
        """Nothing to close."""

    def order(self, order_id: str) -> OrderRecord | None:
        return self._orders.get(order_id)

    def orders(self, query: OrderQuery) -> list[OrderRecord]:
        wanted: dict[str, Any] = {
            "broker": query.broker,
            "status": query.status,
            "batch_id": query.batch_id,
        }
        rows = [
            row
            for row in sorted(
                self._orders.values(), key=lambda row: row.order_id, reverse=True
            )
            if all(
                value is None or getattr(row, name) == value
                for name, value in wanted.items()
            )
            and (query.symbol is None or row.order.symbol == query.symbol)
            and (query.since is None or row.created_at >= query.since)
            and (query.cursor is None or row.order_id < query.cursor)
        ]
        return rows[: query.limit]

    def unsettled(self, broker: str) -> list[OrderRecord]:
        return [
            row
            for row in self._orders.values()
            if row.broker == broker
            and (not row.is_settled or row.status is OrderStatus.NOT_PLACED)
        ]

    def filled_before(
        self, before: datetime, limit: int, after: OrderRecord | None = None
    ) -> list[OrderRecord]:
        rows = [
            row
            for row in sorted(
                self._orders.values(), key=lambda row: (row.updated_at, row.order_id)
            )
            if row.status is OrderStatus.FILLED
            and row.updated_at < before
            and (
                after is None
                or (row.updated_at, row.order_id) > (after.updated_at, after.order_id)
            )
        ]
        return rows[:limit]

    def closing(self, broker: str, version: int) -> list[OrderRecord]:
        return [
            row
            for row in sorted(self._orders.values(), key=lambda row: row.order_id)
            if row.broker == broker and row.closes_for == version
        ]

    def sent_since(self, broker: str, since: datetime) -> list[datetime]:
        return [
            row.sending_at
            for row in self._orders.values()
            if row.broker == broker
            and row.sending_at is not None
            and row.sending_at >= since
        ]

    def events(self, order_id: str) -> list[OrderEvent]:
        return [event for event in self._events if event.order_id == order_id]

    def batch(self, batch_id: str) -> tuple[Batch, list[OrderRecord]] | None:
        if batch_id not in self._batches:
            return None
        rows = [row for row in self._orders.values() if row.batch_id == batch_id]
        return self._batches[batch_id], rows

    def key(self, scope: KeyScope) -> KeyTaken | None:
        return self._keys.get(scope)

    def switch(self) -> TradingSwitch | None:
        return self._switch

    def day_count(self, broker: str, day: str) -> int:
        return self._days.get((broker, day), 0)

    def order_counts(self, broker: str, day: str) -> OrderCounts:
        return self._traffic.get((broker, day), OrderCounts())

    def sessions(self) -> dict[str, str]:
        return dict(self._sessions)

    def audit(self, query: AuditQuery) -> list[AuditRecord]:
        return [
            row
            for row in self._audit[query.after :]  # their numbers begin with 1
            if query.order_id in (None, row.entry.order_id)
            and query.request_id in (None, row.entry.request_id)
        ][: query.limit]

    def cursor(self, publisher: str) -> int | None:
        return self._cursors.get(publisher)

    def oldest_unknown(self) -> dict[str, datetime]:
        found: dict[str, datetime] = {}
        for row in self._orders.values():
            if row.status is OrderStatus.UNKNOWN:
                since = found.get(row.broker, row.updated_at)
                found[row.broker] = min(since, row.updated_at)
        return found

    def last_seq(self) -> int:
        return len(self._audit)

    def copied(self) -> MemoryStore:
        """The same bytes, as a restart after a crash finds them."""
        return copy.deepcopy(self)
