"""The database's tables, and how an older database becomes this one.

Money is TEXT, as `Decimal` writes it; times are RFC 3339 UTC TEXT with microseconds,
which sort as they are. `application_id` says that a database is ours, `user_version`
which migrations it has had.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from sqlite_utils import Database

APPLICATION_ID = 0x4F72646F
"""ASCII "Ordo"."""
LIVE = "('placed', 'acked', 'partially_filled', 'unknown', 'not_placed')"
"""Of these more may be learnt; they are few, so a small index has just them."""

Migration = Callable[[Database], None]

ORDER = {
    "order_id": str,
    "batch_id": str,
    "order_index": int,
    "broker": str,
    "symbol": str,
    "created_at": str,
    "portfolio": str,
    "client_tag": str,
    "side": str,
    "quantity": str,
    "type": str,
    "price": str,
    "trigger_price": str,
    "product": str,
    "validity": str,
    "disclosed_quantity": str,
    "note": str,
    "status": str,
    "updated_at": str,
    "sending_at": str,
    "broker_order_id": str,
    "filled_quantity": str,
    "average_price": str,
    "error_code": str,
    "message": str,
    "broker_code": str,
    "broker_message": str,
    "http_status": int,
    "attempts": int,
    "latency_ms": float,
    "sent_type": str,
    "sent_price": str,
    "sent_trigger_price": str,
    "cancel_requested": int,
    "saved_at": str,
    "closes_for": int,
    "parent_id": str,
    "slice_number": int,
    "slice_count": int,
    "cancel_by": str,
}
LATER = frozenset(
    {"closes_for", "parent_id", "slice_number", "slice_count", "cancel_by"}
)
"""Columns that a later version has added, at the end."""
IDENTITY = 7
"""The first columns of an order are set once: writing them again costs index pages."""
_OPTIONAL = {
    *("portfolio", "price", "trigger_price", "disclosed_quantity", "note"),
    *("sending_at", "broker_order_id", "average_price", "error_code", "message"),
    *("broker_code", "broker_message", "http_status", "latency_ms"),
    *("sent_type", "sent_price", "sent_trigger_price"),
} | LATER


def _first(database: Database) -> None:
    _make_requests(database)
    _make_orders(database)
    _make_state(database)
    _make_audit(database)


def _make_requests(database: Database) -> None:
    batch = {
        "batch_id": str,
        "principal": str,
        "idempotency_key": str,
        "portfolio": str,
        "created_at": str,
        "deadline_ms": int,
    }
    needed = set(batch) - {"portfolio"}
    database.create_table("batches", batch, pk="batch_id", not_null=needed)
    key = {
        "principal": str,
        "route": str,
        "key": str,
        "fingerprint": str,
        "batch_id": str,
        "created_at": str,
        "expires_at": str,
        "expired": int,
    }
    pk = ("principal", "route", "key")
    database.create_table("idempotency", key, pk=pk, not_null=set(key))
    database.execute("CREATE INDEX idempotency_expiry ON idempotency (expires_at)")


def _make_orders(database: Database) -> None:
    database.create_table(
        "orders",
        {name: kind for name, kind in ORDER.items() if name not in LATER},
        pk="order_id",
        not_null=set(ORDER) - _OPTIONAL,
        foreign_keys=[("batch_id", "batches", "batch_id")],
    )
    event = {
        "number": int,
        "order_id": str,
        "at": str,
        "status": str,
        "cause": str,
        "fill_price": str,
        "fill_quantity": str,
    }
    database.create_table(
        "order_events",
        event,
        pk="number",
        not_null={"order_id", "at", "status", "cause"},
        foreign_keys=[("order_id", "orders", "order_id")],
    )
    for index in (
        "orders_by_batch ON orders (batch_id)",
        "orders_by_broker ON orders (broker, order_id)",
        "orders_by_symbol ON orders (symbol, order_id)",
        "orders_by_time ON orders (created_at, order_id)",
        "orders_by_portfolio ON orders (portfolio, order_id) "
        "WHERE portfolio IS NOT NULL",
        "orders_sent ON orders (broker, sending_at) WHERE sending_at IS NOT NULL",
        f"orders_live ON orders (broker, status, order_id) WHERE status IN {LIVE}",
        "order_events_by_order ON order_events (order_id, number)",
    ):
        database.execute(f"CREATE INDEX {index}")


def _make_state(database: Database) -> None:
    meta = {"name": str, "value": str}
    database.create_table("meta", meta, pk="name", not_null={"value"})
    count = {"broker": str, "day": str, "count": int}
    database.create_table("day_counts", count, pk=("broker", "day"), not_null={"count"})
    database.execute(
        "CREATE TABLE trading_switch (id INTEGER PRIMARY KEY CHECK (id = 1),"
        " engaged INTEGER NOT NULL, reason TEXT, since TEXT, switched_by TEXT,"
        " version INTEGER NOT NULL)"
    )
    # Made here and nowhere else: a row that is missing later means halted.
    database.execute("INSERT INTO trading_switch VALUES (1, 0, NULL, NULL, NULL, 0)")


def _make_audit(database: Database) -> None:
    record = {
        "seq": int,
        "at": str,
        "boot": str,
        "entry": str,
        "prev": str,
        "hash": str,
        "request_id": str,
        "order_id": str,
    }
    needed = set(record) - {"request_id", "order_id"}
    database.create_table("audit", record, pk="seq", not_null=needed)
    for index in (
        "audit_by_time ON audit (at)",
        "audit_by_request ON audit (request_id) WHERE request_id IS NOT NULL",
        "audit_by_order ON audit (order_id) WHERE order_id IS NOT NULL",
    ):
        database.execute(f"CREATE INDEX {index}")


def _add_sessions(database: Database) -> None:
    session = {"broker": str, "sealed": str}
    database.create_table("sessions", session, pk="broker", not_null={"sealed"})


def _add_cursors(database: Database) -> None:
    cursor = {"publisher": str, "seq": int}
    database.create_table("cursors", cursor, pk="publisher", not_null={"seq"})


def _index_ages(database: Database) -> None:
    """Keys by age within their state: pruning a few must not read through all."""
    database.execute("DROP INDEX idempotency_expiry")
    database.execute(
        "CREATE INDEX idempotency_ages ON idempotency (expired, expires_at)"
    )


def _add_closing(database: Database) -> None:
    """What a halt wants done, and which orders do it."""
    for column in ("cancel_open", "close_positions"):
        database.execute(
            f"ALTER TABLE trading_switch ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"
        )
    database.execute("ALTER TABLE orders ADD COLUMN closes_for INTEGER")
    database.execute(
        "CREATE INDEX orders_closing ON orders (closes_for, broker, order_id)"
        " WHERE closes_for IS NOT NULL"
    )


def _index_filled(database: Database) -> None:
    """Orders that are yet to be settled, by when they were filled."""
    database.execute(
        "CREATE INDEX orders_filled ON orders (updated_at, order_id)"
        " WHERE status = 'filled'"
    )


def _add_slices(database: Database) -> None:
    """Which part of a larger order an order is, and who asked for its cancel."""
    for column, kind in (
        ("parent_id", "TEXT"),
        ("slice_number", "INTEGER"),
        ("slice_count", "INTEGER"),
        ("cancel_by", "TEXT"),
    ):
        database.execute(f"ALTER TABLE orders ADD COLUMN {column} {kind}")


def _add_order_counts(database: Database) -> None:
    """What each account asked of its broker in a day, and traded."""
    counts: dict[str, type] = {"broker": str, "day": str}
    counts |= dict.fromkeys(("sent", "changed", "cancelled", "trades"), int)
    pk = ("broker", "day")
    database.create_table("order_counts", counts, pk=pk, not_null=set(counts))


MIGRATIONS: tuple[Migration, ...] = (
    _first,
    _add_sessions,
    _add_cursors,
    _index_ages,
    _add_closing,
    _index_filled,
    _add_slices,
    _add_order_counts,
)
"""Number n makes version n of n-1. Only ever add to the end."""
VERSION = len(MIGRATIONS)
TABLES = frozenset(
    {
        *("meta", "idempotency", "batches", "orders", "order_events"),
        *("trading_switch", "day_counts", "audit", "sessions"),
        *("cursors", "order_counts"),
    }
)


def version_of(connection: sqlite3.Connection) -> tuple[int, int]:
    """A database's (application_id, user_version)."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Bring a database up to date, each version whole or not at all."""
    database = Database(connection, recursive_triggers=False, execute_plugins=False)
    _, version = version_of(connection)
    for number, step in enumerate(migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            step(database)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
