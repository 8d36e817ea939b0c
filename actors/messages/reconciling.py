"""A broker's book, held against Ordo's orders."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.messages.reads import FetchFailed
from actors.request import Ask

# A broker -----------------------------------------------------------------------------


class Reconcile(
    msgspec.Struct,
    Ask["Reconciled"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Hold the broker's book against Ordo's orders now."""

    by: str
    request_id: str | None = None


class LookAtBook(msgspec.Struct, Ask["Looked"], frozen=True, kw_only=True, tag=True):
    """Read the book now, and take over what it says."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """It was read, or could not be."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order and its broker's book differ: in *what*, a field of the order.

    *theirs* is None where the book does not show the order. *mended*: what the book
    says is so here now.
    """

    order_id: str
    broker_order_id: str | None
    symbol: str
    what: str
    ours: str | None
    theirs: str | None
    mended: bool


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. *orders* are the orders placed elsewhere, as book rows.

    *failure* says what could not be read. Without the book nothing was compared, and
    *rows_checked* is None.
    """

    broker: str
    orders_checked: int = 0
    rows_checked: int | None = None
    differences: tuple[Difference, ...] = ()
    orders: tuple[Any, ...] = ()
    attempts: int = 0
    latency_ms: float = 0.0
    failure: FetchFailed | None = None
