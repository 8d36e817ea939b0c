"""The trading model to FYERS's JSON and back: pure functions and tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from adapters.brokers.fyers.symbols import SymbolMap
from adapters.brokers.fyers.wire import (
    FundRow,
    HoldingRow,
    ModifyBody,
    OrderRow,
    PlaceBody,
    PositionRow,
    TradeRow,
)
from adapters.errors import SentUnknown, Unsupported
from adapters.model import (
    ZERO,
    BookOrder,
    BookStatus,
    Funds,
    Holding,
    Order,
    OrderType,
    Position,
    Product,
    Side,
    Trade,
    Validity,
)

IST = timezone(timedelta(hours=5, minutes=30))
_NAMES = "JanFebMarAprMayJunJulAugSepOctNovDec"
MONTHS = {_NAMES[3 * n : 3 * n + 3]: n + 1 for n in range(12)}
"""`strptime` knows these in the machine's language only, and is ten times slower."""

# Dossier 6.1.
TYPE_NUMBERS = {
    OrderType.LIMIT: 1,
    OrderType.MARKET: 2,
    OrderType.SL_M: 3,
    OrderType.SL: 4,
}
TYPES = {number: kind for kind, number in TYPE_NUMBERS.items()}
SIDE_NUMBERS = {Side.BUY: 1, Side.SELL: -1}
SIDES = {number: side for side, number in SIDE_NUMBERS.items()}
PRODUCTS = {product.value: product for product in Product}
VALIDITIES = {validity.value: validity for validity in Validity}

STATUSES = {
    1: BookStatus.CANCELLED,
    2: BookStatus.FILLED,
    4: BookStatus.TRANSIT,
    5: BookStatus.REJECTED,
    6: BookStatus.OPEN,
    7: BookStatus.EXPIRED,
}
"""Dossier 8.1; any other number is read again, not guessed at."""

OURS, UNTAGGED = "1:", "Untagged"
INDEX = "-INDEX"

# Rows of `fund_limit`, by id. Source: dossier 9.3.
TOTAL, USED, CASH, AVAILABLE = 1, 2, 3, 10


def place_body(order: Order, tag: str, symbols: SymbolMap) -> PlaceBody:
    """A new order.

    Raises:
        Unsupported: an index, a symbol without a ticker, a broken quantity.
    """
    ticker = symbols.ticker(order.symbol)
    if ticker.endswith(INDEX):
        raise Unsupported(f"{order.symbol}: an index cannot be ordered")
    return PlaceBody(
        symbol=ticker,
        qty=units(order.quantity),
        type=TYPE_NUMBERS[order.type],
        side=SIDE_NUMBERS[order.side],
        productType=order.product.value,
        limitPrice=_sent(order.price, order.type.has_price),
        stopPrice=_sent(order.trigger_price, order.type.has_trigger),
        disclosedQty=units(order.disclosed_quantity or ZERO),
        validity=order.validity.value,
        orderTag=tag,
    )


def modify_body(standing: OrderRow, order: Order) -> ModifyBody:
    """A change of *standing*, as the book shows it, to what *order* says.

    FYERS does not say whether a change's quantity counts what is filled (dossier 6.4),
    so it is sent only where both readings are the same. What is left out keeps its
    value: that is documented.

    Raises:
        Unsupported: a broken quantity, or a new one for an order filled in part.
    """
    total = units(order.quantity)
    body = ModifyBody(id=str(standing.id), type=TYPE_NUMBERS[order.type])
    if total != standing.qty:
        if standing.filledQty:
            raise Unsupported(
                f"order {standing.id} has {standing.filledQty} of {standing.qty}"
                f" filled, and FYERS does not say whether a new quantity ({total})"
                " counts them: cancel it and place what is still wanted"
            )
        body.qty = total
    if order.type.has_price:
        body.limitPrice = _sent(order.price, True)
    if order.type.has_trigger:
        body.stopPrice = _sent(order.trigger_price, True)
    if order.disclosed_quantity is not None:
        body.disclosedQty = units(order.disclosed_quantity)
    return body


def book_order(row: OrderRow, symbols: SymbolMap) -> BookOrder:
    """A row of the order book.

    Raises:
        SentUnknown: its side is neither of the two there are.
    """
    return BookOrder(
        broker_order_id=str(row.id),
        tag=tag_of(row.orderTag),
        symbol=symbols.symbol(row.symbol),
        side=_side(row.side, f"order {row.id}"),
        quantity=row.qty,
        filled_quantity=row.filledQty,
        status=STATUSES.get(row.status, BookStatus.UNCLEAR),
        type=_type(row),
        product=_product(row.productType),
        price=price_of(row.limitPrice),
        trigger_price=price_of(row.stopPrice),
        average_price=price_of(row.tradedPrice),
        validity=VALIDITIES.get(row.orderValidity, row.orderValidity),
        message=row.message or None,
        placed_at=time_of(row.orderDateTime),
    )


def trade(row: TradeRow, symbols: SymbolMap) -> Trade:
    """A row of the trade book.

    `trade_id` is order and exchange number, as newer answers have it: older ones give
    the bare number, and all must agree on what is one fill (dossier 8.2).

    Raises:
        SentUnknown: its side is neither of the two there are.
    """
    order_id = str(row.orderNumber)
    number = str(row.tradeNumber).rpartition("-")[2]
    return Trade(
        trade_id=f"{order_id}-{number}",
        broker_order_id=order_id,
        tag=tag_of(row.orderTag),
        symbol=symbols.symbol(row.symbol),
        side=_side(row.side, f"trade {order_id}-{number}"),
        quantity=row.tradedQty,
        price=row.tradePrice,
        product=_product(row.productType),
        traded_at=time_of(row.orderDateTime),
    )


def position(row: PositionRow, symbols: SymbolMap) -> Position:
    """A net position."""
    return Position(
        symbol=symbols.symbol(row.symbol),
        product=_product(row.productType),
        quantity=row.netQty,
        day_quantity=row.dayBuyQty - row.daySellQty,
        average_price=row.netAvg,
        last_price=price_of(row.ltp),
        realised_pnl=row.realized_profit,
        unrealised_pnl=row.unrealized_profit,
    )


def holding(row: HoldingRow, symbols: SymbolMap) -> Holding:
    """A holding. A row of type T1 is shares that are still to come, all of them."""
    to_come = row.holdingType == "T1"
    return Holding(
        symbol=symbols.symbol(row.symbol),
        quantity=ZERO if to_come else row.quantity,
        t1_quantity=(row.qty_t1 or row.quantity) if to_come else row.qty_t1,
        average_price=row.costPrice,
        last_price=price_of(row.ltp),
        isin=row.isin or None,
    )


def funds(rows: Iterable[FundRow]) -> Funds:
    """The equity ledger; the commodity ledger is a separate one.

    Raises:
        SentUnknown: a figure is missing; it is not taken for zero.
    """
    amounts = {row.id: row.equityAmount for row in rows}
    try:
        return Funds(
            available=amounts[AVAILABLE],
            used=amounts[USED],
            cash=amounts[CASH],
            total=amounts[TOTAL],
        )
    except KeyError as exc:
        raise SentUnknown(f"funds: wanted row {exc}, found {sorted(amounts)}") from exc


def tag_of(text: str | None) -> str | None:
    """The tag as we sent it; None where the order bears none of a client's.

    `1:` marks a client's tag, `2:` one that FYERS made. A bare one is taken as it is.
    """
    mark, colon, rest = (text or "").partition(":")
    tag = rest if f"{mark}{colon}" == OURS else "" if colon else mark
    return None if tag in ("", UNTAGGED) else tag


def time_of(text: str | int) -> datetime | None:
    """UTC from India time (`09-Mar-2023 09:34:38`, `09-03-2023 09:34:38`) or epoch.

    None for anything else: when an order was placed decides nothing.
    """
    try:
        if isinstance(text, int):
            return datetime.fromtimestamp(text, UTC)
        date, _, clock = text.partition(" ")
        day, month, year = date.split("-")
        hour, minute, second = clock.split(":")
        number = MONTHS[month] if month in MONTHS else int(month)
        when = (int(year), number, int(day), int(hour), int(minute), int(second))
        return datetime(*when, tzinfo=IST).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def price_of(price: Decimal | None) -> Decimal | None:
    """FYERS writes 0 for a price that is not there."""
    return price or None


def units(quantity: Decimal) -> int:
    """Whole units.

    Raises:
        Unsupported: it is broken.
    """
    if quantity != quantity.to_integral_value():
        raise Unsupported(f"quantity must be whole at FYERS, was {quantity}")
    return int(quantity)


def _sent(price: Decimal | None, wanted: bool) -> Decimal:
    return price if wanted and price is not None else ZERO


def _side(number: int, whose: str) -> Side:
    if number not in SIDES:
        raise SentUnknown(f"{whose}: side must be 1 or -1, was {number}")
    return SIDES[number]


def _type(row: OrderRow) -> OrderType:
    """By its number; one that is not documented shows by its prices what it is."""
    by_prices = {
        (True, False): OrderType.LIMIT,
        (False, False): OrderType.MARKET,
        (False, True): OrderType.SL_M,
        (True, True): OrderType.SL,
    }
    prices = (bool(row.limitPrice), bool(row.stopPrice))
    return TYPES.get(row.type) or by_prices[prices]


def _product(name: str) -> Product | str:
    return PRODUCTS.get(name, name)
