"""A group of writes as one transaction: gathered write by write, put table by table."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from adapters.errors import StoreFailed
from adapters.model import AuditEntry, OrderRecord
from adapters.store_port import (
    Accept,
    Accepted,
    AcceptResult,
    Halted,
    KeyTaken,
    Note,
    SaveCursor,
    SaveDayCount,
    SaveOrder,
    SaveOrderCounts,
    SaveSession,
    SaveSwitch,
    Write,
)
from adapters.stores import rows
from adapters.stores.audit_chain import GENESIS, Head, Line, seal
from adapters.stores.inserting import Insert
from adapters.stores.keys import KEY_LIFE
from adapters.stores.schema import IDENTITY, ORDER
from adapters.stores.times import stamp

_COLUMNS = tuple(ORDER)
_HALTED = "SELECT engaged, close_positions, version FROM trading_switch WHERE id = 1"
_KEY = (
    "INSERT INTO idempotency (principal, route, key, fingerprint, batch_id, created_at,"
    " expires_at, expired) VALUES (?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
)
_TAKEN = (
    "SELECT fingerprint, batch_id, expired FROM idempotency"
    " WHERE principal = ? AND route = ? AND key = ?"
)
_BATCH = Insert("batches", 6)
_ORDER = Insert("orders", len(_COLUMNS))
_SAVE = (
    "UPDATE orders SET "  # noqa: S608
    + ", ".join(f"{column} = ?" for column in _COLUMNS[IDENTITY:])
    + " WHERE order_id = ?"
)
_EVENT = Insert(
    "order_events (order_id, at, status, cause, fill_price, fill_quantity)", 6
)
_SWITCH = "INSERT OR REPLACE INTO trading_switch VALUES (1, ?, ?, ?, ?, ?, ?, ?)"
_COUNT = "INSERT OR REPLACE INTO day_counts (broker, day, count) VALUES (?, ?, ?)"
_ORDER_COUNTS = (
    "INSERT OR REPLACE INTO order_counts"
    " (broker, day, sent, changed, cancelled, trades) VALUES (?, ?, ?, ?, ?, ?)"
)
_SESSION = "INSERT OR REPLACE INTO sessions (broker, sealed) VALUES (?, ?)"
_FORGET_SESSION = "DELETE FROM sessions WHERE broker = ?"
_CURSOR = "INSERT OR REPLACE INTO cursors (publisher, seq) VALUES (?, ?)"
_HEAD = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1"
_AUDIT = Insert("audit", 8)

Rows = list[tuple[Any, ...]]


class Seal(NamedTuple):
    """What audit records are sealed and stamped with."""

    key: bytes
    boot: str


class Group:
    """What one commit stores.

    Args:
        cursor: inside a transaction that holds the write lock.
        now: wall time, for the audit.
        seen: wall time that was never set back, for what expires.
    """

    def __init__(self, cursor: sqlite3.Cursor, now: datetime, seen: datetime) -> None:
        self._cursor = cursor
        self._now = stamp(now)
        self._seen = stamp(seen)
        self._expiry = stamp(seen + KEY_LIFE)
        self._switch: tuple[Any, ...] | None = None
        self._refused: set[str] = set()
        self._batches: Rows = []
        self._orders: Rows = []
        self._saves: Rows = []
        self._events: Rows = []
        self._counts: Rows = []
        self._audit: list[AuditEntry] = []

    def add(self, write: Write) -> AcceptResult | None:
        """Take one write up; a key or a switch is stored, and counts, at once."""
        match write:
            case Accept():
                return self._accept(write)
            case SaveOrder():
                self._save(write)
            case SaveSwitch():
                self._cursor.execute(_SWITCH, rows.switch_row(write.switch))
                self._switch = None  # an accept behind it reads it anew
                self._audit.extend(write.audit)
            case SaveDayCount():
                self._counts.append((write.broker, write.day, write.count))
            case SaveOrderCounts():
                self._cursor.execute(_ORDER_COUNTS, rows.counts_row(write))
            case SaveSession():
                self._save_session(write)
            case SaveCursor():
                self._cursor.execute(_CURSOR, (write.publisher, write.seq))
            case Note():
                self._audit.extend(write.audit)
            case _:
                assert_never(write)
        return None

    def put(self, seal_with: Seal) -> list[Line]:
        """Store all that was taken up; returns the audit lines made of it.

        Raises:
            StoreFailed: an order was saved that never was accepted.
        """
        cursor = self._cursor
        _BATCH.put(cursor, self._batches)
        _ORDER.put(cursor, self._orders)  # the saves may be of the same orders
        if self._saves:
            cursor.executemany(_SAVE, self._saves)
            if cursor.rowcount != len(self._saves):
                raise StoreFailed(f"no such order: {self._first_missing()}")
        _EVENT.put(cursor, self._events)
        cursor.executemany(_COUNT, self._counts)
        return self._put_audit(seal_with) if self._audit else []

    def _accept(self, write: Accept) -> AcceptResult:
        if not self._lets_pass(write):
            return self._refuse(write, Halted())
        batch, scope = write.batch, write.scope
        key = (scope.principal, scope.route, scope.key)
        stored = (write.fingerprint, batch.batch_id, self._seen, self._expiry)
        if not self._cursor.execute(_KEY, key + stored).rowcount:
            fingerprint, batch_id, expired = self._cursor.execute(
                _TAKEN, key
            ).fetchone()
            taken = KeyTaken(
                fingerprint=fingerprint, batch_id=batch_id, expired=bool(expired)
            )
            return self._refuse(write, taken)
        self._batches.append(rows.batch_row(batch))
        for record in write.orders:
            self._orders.append(
                rows.identity_row(record, batch) + rows.changing_row(record, self._seen)
            )
            self._events.append(rows.first_event_row(record))
        self._audit.extend(write.audit)
        return Accepted()

    def _refuse(self, write: Accept, answer: AcceptResult) -> AcceptResult:
        self._refused.update(record.order_id for record in write.orders)
        return answer

    def _save(self, write: SaveOrder) -> None:
        record: OrderRecord = write.order
        if record.order_id in self._refused:
            return  # nothing of a refused accept is stored, nor what follows from it
        row = rows.changing_row(record, self._seen)
        self._saves.append((*row, record.order_id))
        self._events.extend(map(rows.event_row, write.events))
        self._audit.extend(write.audit)

    def _save_session(self, write: SaveSession) -> None:
        if write.sealed is None:
            self._cursor.execute(_FORGET_SESSION, (write.broker,))
        else:
            self._cursor.execute(_SESSION, (write.broker, write.sealed))
        self._audit.extend(write.audit)

    def _lets_pass(self, write: Accept) -> bool:
        """Whether the switch as stored says yes; one that cannot be read says no.

        While it halts, only the closing of positions that this very halt wants.
        """
        if self._switch is None:
            self._switch = self._read_switch()
        engaged, *halt = self._switch
        if write.closes_for is None:
            return bool(engaged == 0)
        return engaged == 1 and halt == [1, write.closes_for]

    def _read_switch(self) -> tuple[Any, ...]:
        """Engaged, wants positions closed, version; of one that is unreadable: none."""
        try:
            row = self._cursor.execute(_HALTED).fetchone()
        except sqlite3.DatabaseError:
            if not self._cursor.connection.in_transaction:
                raise  # the error ended the transaction: nothing may follow in it
            row = None
        return (None,) if row is None else tuple(row)

    def _first_missing(self) -> str:
        one = "SELECT 1 FROM orders WHERE order_id = ?"
        ids = (row[-1] for row in self._saves)
        missing = (i for i in ids if not self._cursor.execute(one, (i,)).fetchone())
        return str(next(missing))

    def _put_audit(self, seal_with: Seal) -> list[Line]:
        # Read, not remembered: after a failed commit the head is that of the store.
        found = self._cursor.execute(_HEAD).fetchone()
        head = Head(*found) if found else GENESIS
        lines = []
        for entry in self._audit:
            line = seal(
                seal_with.key, head, at=self._now, boot=seal_with.boot, entry=entry
            )
            lines.append(line)
            head = line.head
        _AUDIT.put(self._cursor, list(map(rows.audit_row, lines, self._audit)))
        return lines
