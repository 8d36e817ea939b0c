"""Answers of the venue, for tests that need no venue."""

import functools
from decimal import Decimal
from typing import Any

from tests.venues import mstock_rows
from tests.venues.mstock_book import Order
from tests.venues.mstock_market import Market
from tests.venues.mstock_rules import Terms

from .conftest import NOON

ID = "1131261130001"


@functools.cache
def _market() -> Market:
    """One for all rows, which only read it."""
    return Market()


def order(key: tuple[str, str] = ("NSE", "3045"), **changes: Any) -> Order:
    """The order of the tests as the venue keeps it."""
    terms = Terms(
        kind="LIMIT",
        side="BUY",
        quantity=Decimal(10),
        product="INTRADAY",
        validity="DAY",
        price=Decimal("812.35"),
        trigger=Decimal(0),
        disclosed=Decimal(0),
    )
    one, at = _market().instruments[key], NOON.timestamp()
    made = Order(ID, one, terms, "Pending", at, at)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def row(root: str, made: Order | None = None, **changes: Any) -> dict[str, Any]:
    """Its row, by the type of API that *root* is of."""
    made = order() if made is None else made
    if root.endswith("a"):
        return mstock_rows.order_a(made, "MA0000001", []) | changes
    return mstock_rows.order_b(made) | changes


def book(root: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """A book with these rows, or the one of the tests."""
    return {"status": "success", "data": list(rows) or [row(root)]}
