"""What a program gives to Ordo: an order, whose numbers are numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

Number = Decimal | int | float
"""A price or a quantity. A float goes out as Python prints it; Decimal says what it
means."""
Side = Literal["BUY", "SELL"]
OrderType = Literal["MARKET", "LIMIT", "SL", "SL-M"]
Product = Literal["CNC", "INTRADAY", "MARGIN"]
Validity = Literal["DAY", "IOC"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order. Quantities are units, not lots; `symbol` is `EXCHANGE:NAME`.

    SL is stop-limit, SL-M stop-market. CNC is delivery, MARGIN carries derivatives
    forward. `brokers` replaces those of the request. `slice`: cut up where it is over
    the exchange's freeze quantity, instead of being denied.

    Raises:
        ValueError: a number is none, such as NaN.
    """

    symbol: str
    side: Side
    quantity: Number
    type: OrderType
    price: Number | None = None
    trigger_price: Number | None = None
    product: Product = "CNC"
    validity: Validity = "DAY"
    disclosed_quantity: Number | None = None
    brokers: tuple[str, ...] | None = None
    note: str | None = None
    slice: bool = False

    def __post_init__(self) -> None:
        for name in ("quantity", "price", "trigger_price", "disclosed_quantity"):
            check_number(getattr(self, name), name)


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """A fill to be simulated: a price, and units."""

    fill_price: Number
    fill_qty: Number

    def __post_init__(self) -> None:
        check_number(self.fill_price, "fill_price")
        check_number(self.fill_qty, "fill_qty")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What changes of an open order; what is left out stays."""

    quantity: Number | UnsetType = UNSET
    price: Number | UnsetType | None = UNSET
    trigger_price: Number | UnsetType | None = UNSET
    type: OrderType | UnsetType = UNSET
    validity: Validity | UnsetType = UNSET
    deadline_ms: int | None = None

    def __post_init__(self) -> None:
        for name in ("quantity", "price", "trigger_price"):
            check_number(getattr(self, name), name)


def check_number(value: Number | UnsetType | None, name: str) -> None:
    """Refuse what JSON has no number for: it would go out as null.

    Raises:
        ValueError: naming the field.
    """
    if value is None or value is UNSET:
        return
    if not math.isfinite(value):
        raise ValueError(f"{name}: wanted a finite number, found {value}")


def names(given: str | Iterable[str] | None) -> list[str]:
    """One name or several, as a list."""
    if isinstance(given, str):
        return [given]
    return list(given or ())
