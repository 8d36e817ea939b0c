"""m.Stock's rows to the trading model: pure functions and tables, for both APIs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from adapters.brokers.mstock.symbols import Symbols
from adapters.brokers.mstock.wire import Row
from adapters.errors import SentUnknown, Unsupported
from adapters.model import (
    ZERO,
    BookOrder,
    BookStatus,
    Funds,
    Holding,
    OrderType,
    Position,
    Product,
    Side,
    Trade,
    Validity,
)

IST = timezone(timedelta(hours=5, minutes=30))

OPEN, DONE = BookStatus.OPEN, BookStatus.FILLED
STATUSES = {
    "transit": BookStatus.TRANSIT,
    "validated": OPEN,
    "pending": OPEN,
    "o-pending": OPEN,
    "open": OPEN,
    "confirmed": OPEN,
    "o-modified": OPEN,
    "modified": OPEN,
    "triggered": OPEN,
    "trigger pending": OPEN,
    "traded": DONE,
    "trade confirmed": DONE,
    "complete": DONE,
    "executed": DONE,
    "rejected": BookStatus.REJECTED,
    "o-rejected": BookStatus.REJECTED,
    "cancelled": BookStatus.CANCELLED,
    "canceled": BookStatus.CANCELLED,
    "o-cancelled": BookStatus.CANCELLED,
    "expired": BookStatus.EXPIRED,
}
"""There is no list of them: this is what samples show and others have seen. Any other
is read again, not guessed at. Source: dossier 8.3."""

# Dossier 6.1 and 8.2: more spellings come back than are sent.
TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "SL": OrderType.SL,
    "STOP_LOSS": OrderType.SL,
    "STOPLOSS_LIMIT": OrderType.SL,
    "SL-M": OrderType.SL_M,
    "STOP_LOSS_MARKET": OrderType.SL_M,
    "STOPLOSS_MARKET": OrderType.SL_M,
}
PRODUCTS = {
    "CNC": Product.CNC,
    "DELIVERY": Product.CNC,
    "MIS": Product.INTRADAY,
    "INTRADAY": Product.INTRADAY,
    "NRML": Product.MARGIN,
    "CARRYFORWARD": Product.MARGIN,
}
MARGIN = "MARGIN"
"""Of a derivative: what is carried forward; of a share: what is bought on credit."""
VALIDITIES = {validity.value: validity for validity in Validity}
SIDES = {side.value: side for side in Side}
CARRIERS = frozenset({"NFO", "BFO"})

TRADES = {
    "order_id": "ORDER_NUMBER",
    "trade_id": "TRADE_NUMBER",
    "exchange": "EXCHANGE",
    "name": "SYMBOL",
    "token": "SEC_ID",
    "kind": "INSTRUMENT_NAME",
    "segment": "SEGMENT",
    "side": "BUY_SELL",
    "quantity": "QUANTITY",
    "price": "PRICE",
    "product": "PRODUCT",
    "at": "ORDER_DATE_TIME",
}
FUNDS = {
    "available": "AVAILABLE_BALANCE",
    "used": "AMOUNT_UTILIZED",
    "total": "SUM_OF_ALL",
    "shares": "COLLATERALS",
    "funds": "MF_COLLATERAL",
}
"""The same in both APIs. Source: dossier 8.5, 9.5."""


def book_order(row: Row, symbols: Symbols) -> BookOrder:
    """A row of the order book.

    Raises:
        SentUnknown: what every order has is missing, or cannot be read.
    """
    order_id, quantity = row.wanted("order_id"), row.number("quantity")
    filled = row.number("filled")
    symbol = _symbol(row, symbols)
    return BookOrder(
        broker_order_id=order_id,
        tag=row.text("tag") or None,
        symbol=symbol,
        side=_side(row),
        quantity=quantity,
        filled_quantity=filled,
        status=_status(row.wanted("status"), quantity, filled),
        type=_type(row),
        product=_product(row, symbol),
        price=row.amount("price") or None,
        trigger_price=row.amount("trigger") or None,
        average_price=row.amount("average") or None,
        validity=VALIDITIES.get(row.text("validity").upper(), row.text("validity")),
        message=row.text("message") or None,
        placed_at=time_of(row.text("at")),
    )


def trade(row: Row, symbols: Symbols) -> Trade:
    """A row of the trade book; it bears no tag.

    Raises:
        SentUnknown: what every fill has is missing, or cannot be read.
    """
    order_id = row.wanted("order_id")
    symbol = _symbol(row, symbols)
    return Trade(
        # One trade number can be of two orders: ours on both sides.
        trade_id=f"{order_id}-{row.wanted('trade_id')}",
        broker_order_id=order_id,
        tag=None,
        symbol=symbol,
        side=_side(row),
        quantity=row.number("quantity"),
        price=row.number("price"),
        product=_product(row, symbol),
        traded_at=time_of(row.text("at")),
    )


def position(row: Row, symbols: Symbols, last: Decimal | None) -> Position:
    """A net position. What it has made is reckoned here: m.Stock's own figures stay 0
    or mean two things (dossier 9.1, 9.2).

    Args:
        last: the last price; without one nothing unrealised can be told, and it is 0.

    Raises:
        SentUnknown: a quantity is missing, or cannot be read.
    """
    net = row.number("net")
    bought, sold = row.number("bought"), row.number("sold")
    buy, sell = row.amount("buy_average") or ZERO, row.amount("sell_average") or ZERO
    average = buy if net > 0 else sell if net < 0 else ZERO
    symbol = _symbol(row, symbols)
    return Position(
        symbol=symbol,
        product=_product(row, symbol),
        quantity=net,
        day_quantity=net - _carried(row),
        average_price=average,
        last_price=last,
        realised_pnl=min(bought, sold) * (sell - buy),
        unrealised_pnl=ZERO if last is None else net * (last - average),
    )


def holding(row: Row, symbols: Symbols) -> Holding:
    """A holding, known by its number and ISIN: its name is the company's.

    Raises:
        SentUnknown: the quantity is missing, or cannot be read.
    """
    isin = row.text("isin")
    return Holding(
        symbol=symbols.held(isin, row.text("token"), row.text("name")),
        quantity=row.number("quantity"),
        t1_quantity=row.amount("t1") or ZERO,
        average_price=row.amount("average") or ZERO,
        last_price=row.amount("last") or None,
        isin=isin or None,
    )


def funds(row: Row) -> Funds:
    """What can be spent; `cash` is that without collateral.

    Raises:
        SentUnknown: a figure is missing; it is not taken for zero.
    """
    available = row.number("available")
    pledged = (row.amount("shares") or ZERO) + (row.amount("funds") or ZERO)
    return Funds(
        available=available,
        used=row.number("used"),
        cash=available - pledged,
        total=row.number("total"),
    )


CLOCK = re.compile(
    r"(\d{1,4})-(\d{1,2}|[A-Za-z]{3})-(\d{2,4})\s+"
    r"(\d{1,2}):\s*(\d{2}):\s*(\d{2})\s*([AaPp][Mm])?"
)
_NAMES = "janfebmaraprmayjunjulaugsepoctnovdec"
MONTHS = {_NAMES[3 * n : 3 * n + 3]: n + 1 for n in range(12)}


def time_of(text: str) -> datetime | None:
    """UTC from India time: `30-11-2026 09:20:04`, `2026-11-30 09:20:04`,
    `2026-Nov-30 09: 20: 04`, `23-01-2026 02:55:55 PM`.

    None for anything else.
    """
    found = CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    first, month, last, hour, minute, second, half = found.groups()
    year, day = (first, last) if len(first) == 4 else (last, first)
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    try:
        number = int(month) if month.isdecimal() else MONTHS[month.lower()]
        when = (int(year), number, int(day), hours, int(minute), int(second))
        return datetime(*when, tzinfo=IST).astimezone(UTC)
    except (ValueError, KeyError, OverflowError):
        return None


def check_units(quantity: Decimal | None) -> None:
    """Raises:
    Unsupported: a quantity is broken.
    """
    if quantity is not None and quantity != quantity.to_integral_value():
        raise Unsupported(f"quantity must be whole at m.Stock, was {quantity}")


def _status(text: str, quantity: Decimal, filled: Decimal) -> BookStatus:
    status = STATUSES.get(" ".join(text.lower().split()), BookStatus.UNCLEAR)
    # A fill is told in the same word whether it is a part or all.
    return OPEN if status is DONE and filled < quantity else status


def _symbol(row: Row, symbols: Symbols) -> str:
    # A trade tells its segment; a kind is told by it where the name of one is missing.
    kind = row.text("kind")
    if row.text("segment").upper() == "D" and not kind.upper().startswith("FUT"):
        kind = "OPT"
    return symbols.symbol(
        row.wanted("exchange"), row.wanted("token"), row.text("name"), kind
    )


def _side(row: Row) -> Side:
    text = row.wanted("side").upper()
    if text not in SIDES:
        raise SentUnknown(f"side must be BUY or SELL, was {text[:20]!r}")
    return SIDES[text]


def _type(row: Row) -> OrderType:
    """By its word; one that is not known shows by its prices what it is."""
    by_prices = {
        (True, False): OrderType.LIMIT,
        (False, False): OrderType.MARKET,
        (False, True): OrderType.SL_M,
        (True, True): OrderType.SL,
    }
    prices = (bool(row.amount("price")), bool(row.amount("trigger")))
    return TYPES.get(row.text("type").upper()) or by_prices[prices]


def _product(row: Row, symbol: str) -> Product | str:
    name = row.text("product").upper()
    if name == MARGIN:
        return Product.MARGIN if symbol.partition(":")[0] in CARRIERS else "MTF"
    return PRODUCTS.get(name, name)


def _carried(row: Row) -> Decimal:
    """What was there before today, signed, in the words of either API."""
    bought = row.amount("carried_bought") or ZERO
    sold = row.amount("carried_sold") or ZERO
    return (row.amount("carried") or ZERO) + bought - sold
