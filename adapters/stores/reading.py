"""What the store answers: its reads, each on its own, of committed rows only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from adapters.errors import StoreFailed
from adapters.model import Batch, OrderEvent, OrderRecord, OrderStatus
from adapters.store_port import (
    AuditQuery,
    AuditRecord,
    KeyScope,
    KeyTaken,
    OrderCounts,
    OrderQuery,
    TradingSwitch,
)
from adapters.stores import rows
from adapters.stores.schema import LIVE
from adapters.stores.times import stamp, time_of

OVERTURNED_WITHIN = timedelta(hours=24)
"""For so long an order that was `not_placed` is still looked for at its broker."""

_LIVE_ORDERS = "orders INDEXED BY orders_live"  # wants the index's own WHERE beside it
_NEWEST = "ORDER BY order_id DESC LIMIT :limit"
# The lowest number first, from an index alone: the rows after it are then read in
# order, and nothing is sorted, however many there are. Left to itself, SQLite would
# look for that number through the table, from its start.
_SINCE_ORDER = (
    "created_at >= :since AND order_id >= (SELECT min(order_id)"
    " FROM orders INDEXED BY orders_by_time WHERE created_at >= :since)"
)
_SINCE_AUDIT = (
    "+at >= :since AND seq >= (SELECT min(seq)"
    " FROM audit INDEXED BY audit_by_time WHERE at >= :since)"
)


class Reader:
    """The reads of a store, through a connection of their own.

    Every method raises `StoreFailed` where the database cannot be read.
    """

    def __init__(
        self, connection: sqlite3.Connection, wall: Callable[[], datetime]
    ) -> None:
        self._connection = connection
        self._wall = wall
        self._database = Database(
            connection, recursive_triggers=False, execute_plugins=False
        )

    def order(self, order_id: str) -> OrderRecord | None:
        """The order as it stands."""
        found = self._rows("SELECT * FROM orders WHERE order_id = ?", [order_id])
        return rows.record_of(found[0]) if found else None

    def orders(self, query: OrderQuery) -> list[OrderRecord]:
        """The orders that match, newest first."""
        asked: dict[str, Any] = {
            "broker": query.broker,
            "symbol": query.symbol,
            "batch_id": query.batch_id,
            "portfolio": query.portfolio_id,
            "status": query.status and query.status.value,
        }
        asked = {name: value for name, value in asked.items() if value is not None}
        wanted = [f"{name} = :{name}" for name in asked]
        table = "orders"
        if query.status is not None and f"'{query.status}'" in LIVE:
            table = _LIVE_ORDERS
            wanted.append(f"status IN {LIVE}")
        if query.since is not None:
            wanted.append(_SINCE_ORDER)
            asked["since"] = stamp(query.since)
        if query.cursor is not None:
            wanted.append("order_id < :cursor")
            asked["cursor"] = query.cursor
        where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        sql = f"SELECT * FROM {table} {where} {_NEWEST}"  # noqa: S608
        found = self._rows(sql, asked | {"limit": query.limit})
        return [rows.record_of(row) for row in found]

    def unsettled(
        self, broker: str, *, overturned_within: timedelta = OVERTURNED_WITHIN
    ) -> list[OrderRecord]:
        """What may yet change at a broker, oldest first.

        That is what is not settled, and what was found `not_placed` lately: it can be
        overturned.
        """
        found = self._rows(
            f"SELECT * FROM {_LIVE_ORDERS} WHERE broker = :broker AND status IN {LIVE}"  # noqa: S608
            " AND (status <> :doubtful OR updated_at >= :lately) ORDER BY order_id",
            {
                "broker": broker,
                "doubtful": OrderStatus.NOT_PLACED.value,
                "lately": stamp(self._wall() - overturned_within),
            },
        )
        return [rows.record_of(row) for row in found]

    def filled_before(
        self, before: datetime, limit: int, after: OrderRecord | None = None
    ) -> list[OrderRecord]:
        """The filled orders last updated before a moment, oldest first, in pages."""
        wanted: dict[str, Any] = {"before": stamp(before), "limit": limit}
        page = ""
        if after is not None:
            page = "AND (updated_at, order_id) > (:updated_at, :order_id)"
            wanted["updated_at"] = stamp(after.updated_at)
            wanted["order_id"] = after.order_id
        found = self._rows(
            "SELECT * FROM orders INDEXED BY orders_filled WHERE status = 'filled'"  # noqa: S608
            f" AND updated_at < :before {page}"
            " ORDER BY updated_at, order_id LIMIT :limit",
            wanted,
        )
        return [rows.record_of(row) for row in found]

    def closing(self, broker: str, version: int) -> list[OrderRecord]:
        """All orders that close positions for that halt, oldest first."""
        found = self._rows(
            "SELECT * FROM orders WHERE closes_for = ? AND broker = ?"
            " ORDER BY order_id",
            [version, broker],
        )
        return [rows.record_of(row) for row in found]

    def sent_since(self, broker: str, since: datetime) -> list[datetime]:
        """When orders were let go to a broker, oldest first."""
        found = self._rows(
            "SELECT sending_at FROM orders WHERE broker = ? AND sending_at >= ?"
            " ORDER BY sending_at",
            [broker, stamp(since)],
        )
        return [time_of(row["sending_at"]) for row in found]

    def events(self, order_id: str) -> list[OrderEvent]:
        """What happened to an order, in the order in which it was stored."""
        found = self._rows(
            "SELECT * FROM order_events WHERE order_id = ? ORDER BY number", [order_id]
        )
        return [rows.event_of(row) for row in found]

    def batch(self, batch_id: str) -> tuple[Batch, list[OrderRecord]] | None:
        """A batch with its legs as they stand, in the order of the request."""
        found = self._rows("SELECT * FROM batches WHERE batch_id = ?", [batch_id])
        if not found:
            return None
        legs = self._rows(
            "SELECT * FROM orders WHERE batch_id = ? ORDER BY rowid", [batch_id]
        )
        return rows.batch_of(found[0]), [rows.record_of(row) for row in legs]

    def key(self, scope: KeyScope) -> KeyTaken | None:
        """What a key is taken by."""
        found = self._rows(
            "SELECT * FROM idempotency WHERE principal = ? AND route = ? AND key = ?",
            [scope.principal, scope.route, scope.key],
        )
        return rows.key_of(found[0]) if found else None

    def switch(self) -> TradingSwitch | None:
        """The kill-switch; None, and that means halted, where it cannot be read."""
        try:
            found = self._rows("SELECT * FROM trading_switch WHERE id = 1", [])
        except StoreFailed:
            return None
        return rows.switch_of(found[0]) if found else None

    def day_count(self, broker: str, day: str) -> int:
        """Calls that a broker has had on a day; 0 where none were stored."""
        found = self._rows(
            "SELECT count FROM day_counts WHERE broker = ? AND day = ?", [broker, day]
        )
        return int(found[0]["count"]) if found else 0

    def order_counts(self, broker: str, day: str) -> OrderCounts:
        """What a broker's account asked for and traded on a day; zeros: nothing."""
        found = self._rows(
            "SELECT * FROM order_counts WHERE broker = ? AND day = ?", [broker, day]
        )
        return rows.counts_of(found[0]) if found else OrderCounts()

    def sessions(self) -> dict[str, str]:
        """The stored sessions, as sealed text by the name of the broker."""
        found = self._rows("SELECT broker, sealed FROM sessions", [])
        return {row["broker"]: row["sealed"] for row in found}

    def audit(self, query: AuditQuery) -> list[AuditRecord]:
        """The audit records that match, oldest first."""
        asked: dict[str, Any] = {"after": query.after, "limit": query.limit}
        wanted = ["seq > :after"]
        for name in ("request_id", "order_id"):
            if (value := getattr(query, name)) is not None:
                wanted.append(f"{name} = :{name}")
                asked[name] = value
        if query.since is not None:
            wanted.append(_SINCE_AUDIT)
            asked["since"] = stamp(query.since)
        sql = (
            f"SELECT * FROM audit WHERE {' AND '.join(wanted)}"  # noqa: S608
            " ORDER BY seq LIMIT :limit"
        )
        return [rows.audit_record_of(row) for row in self._rows(sql, asked)]

    def cursor(self, publisher: str) -> int | None:
        """Up to which event a publisher has told everything; None: it is a new one."""
        found = self._rows("SELECT seq FROM cursors WHERE publisher = ?", [publisher])
        return int(found[0]["seq"]) if found else None

    def oldest_unknown(self) -> dict[str, datetime]:
        """Since when each broker's oldest unknown order is so."""
        found = self._rows(
            f"SELECT broker, min(updated_at) AS since FROM {_LIVE_ORDERS}"  # noqa: S608
            f" WHERE status = :unknown AND status IN {LIVE} GROUP BY broker",
            {"unknown": OrderStatus.UNKNOWN.value},
        )
        return {row["broker"]: time_of(row["since"]) for row in found}

    def last_seq(self) -> int:
        """The number of the newest audit record; 0 where there is none."""
        return int(self._rows("SELECT max(seq) AS last FROM audit", [])[0]["last"] or 0)

    def _rows(
        self, sql: str, values: list[Any] | dict[str, Any]
    ) -> list[dict[str, Any]]:
        with read_errors():
            return list(self._database.query(sql, values))


@contextmanager
def read_errors() -> Iterator[None]:
    """SQLite's errors as the store's."""
    try:
        yield
    except sqlite3.Error as exc:
        raise StoreFailed(f"the database cannot be read: {exc}") from exc
