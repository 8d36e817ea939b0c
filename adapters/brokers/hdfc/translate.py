"""The trading model to HDFC's JSON and back: pure functions and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from adapters.brokers.hdfc.session import IST
from adapters.brokers.hdfc.symbols import Symbols, of_terms
from adapters.brokers.hdfc.wire import (
    ChangeBody,
    OrderBody,
    OrderRow,
    PositionRow,
    TradeRow,
)
from adapters.errors import SentUnknown, Unsupported
from adapters.instruments import Instrument, InstrumentKind
from adapters.model import (
    ZERO,
    BookOrder,
    BookStatus,
    Order,
    OrderType,
    Product,
    Side,
    Trade,
    Validity,
)

LONGEST_TAG = 15
"""Digits that survive being read as a floating-point number. Source: dossier 8."""

# Dossier 7.1.
PRODUCT_WORDS = {
    Product.CNC: "DELIVERY",
    Product.INTRADAY: "INTRADAY",
    Product.MARGIN: "OVERNIGHT",
}
PRODUCTS = {word: product for product, word in PRODUCT_WORDS.items()}
TYPES = {kind.value: kind for kind in OrderType} | {"SL-L": OrderType.SL}
VALIDITIES = {validity.value: validity for validity in Validity}
SIDES = {side.value: side for side in Side}

# Dossier 9.2.
_OPEN_WORDS = (
    *("PENDING", "OPEN", "PLACED", "ACCEPTED", "ACTIVE", "CONFIRMED", "RECEIVED"),
    *("MODIFIED", "OPEN PENDING", "TRANSIT", "PUT ORDER REQ RECEIVED"),
    *("VALIDATION PENDING", "AFTER MARKET ORDER REQ RECEIVED", "TRIGGER PENDING"),
    *("SL TRIGGER PENDING", "MODIFY PENDING", "CANCEL PENDING"),
    *("PARTIALLY TRADED", "PARTIAL TRADE", "CANCEL REJECTED", "MODIFY REJECTED"),
)
STATUSES = {
    **dict.fromkeys(_OPEN_WORDS, BookStatus.OPEN),
    **dict.fromkeys(
        ("TRADED", "EXECUTED", "COMPLETE", "COMPLETED", "FULLY EXECUTED", "FILLED"),
        BookStatus.FILLED,
    ),
    **dict.fromkeys(
        ("CANCELLED", "CANCELED", "CANCEL CONFIRMED"), BookStatus.CANCELLED
    ),
    "EXPIRED": BookStatus.EXPIRED,
    **dict.fromkeys(("REJECTED", "FAILED", "ERROR"), BookStatus.REJECTED),
}
"""Only TRADED, CANCELLED and REJECTED are documented; any other text is read again."""


def place_body(order: Order, tag: str, instrument: Instrument) -> OrderBody:
    """A new order.

    Raises:
        Unsupported: an index, or a broken quantity.
    """
    if instrument.kind is InstrumentKind.INDEX:
        raise Unsupported(f"{order.symbol}: an index cannot be ordered")
    row = instrument.extra
    body = OrderBody(
        exchange=row["exchange"],
        security_id=row["security_id"],
        instrument_segment=row["segment"],
        transaction_type=order.side.value,
        product=PRODUCT_WORDS[order.product],
        order_type=order.type.value,
        price=_sent(order.price, order.type.has_price),
        trigger_price=_sent(order.trigger_price, order.type.has_trigger),
        quantity=units(order.quantity),
        disclosed_quantity=units(order.disclosed_quantity or ZERO),
        validity=order.validity.value,
        amo=False,
        external_reference_number=reference(tag),
    )
    if instrument.expiry is not None:
        body.underlying_symbol = row["underlying"]
        body.expiry_date = instrument.expiry.strftime("%Y%m%d")
    if instrument.strike is not None:
        body.strike_price = instrument.strike
        body.option_type = instrument.kind.value
    return body


def reference(tag: str) -> int:
    """The client tag as the number it goes out as, and comes back as the same text.

    Raises:
        Unsupported: it would come back as another one, or not at all.
    """
    if not tag.isascii() or not tag.isdecimal() or tag[0] == "0":
        raise Unsupported(f"a reference is digits after no zero, was {tag[:24]!r}")
    if len(tag) > LONGEST_TAG:
        raise Unsupported(f"a reference has {LONGEST_TAG} digits, was {tag[:24]!r}")
    return int(tag)


def change_body(order: Order) -> ChangeBody:
    """A change to what *order* says; its quantity is the total (dossier 7.2, peers)."""
    return ChangeBody(
        quantity=units(order.quantity),
        order_type=order.type.value,
        price=_sent(order.price, order.type.has_price),
        trigger_price=_sent(order.trigger_price, order.type.has_trigger),
        disclosed_quantity=units(order.disclosed_quantity or ZERO),
        validity=order.validity.value,
        product=PRODUCT_WORDS[order.product],
    )


def book_order(row: OrderRow, symbols: Symbols) -> BookOrder:
    """A row of the order book.

    Raises:
        SentUnknown: its side is neither of the two there are.
    """
    text = row.status_message or row.status_message_raw
    return BookOrder(
        broker_order_id=str(row.order_id),
        tag=tag_of(row),
        symbol=symbol_of(row, symbols),
        side=_side(row.transaction_type, f"order {row.order_id}"),
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        status=status_of(row),
        type=TYPES.get(row.order_type.upper()) or _type_by_prices(row),
        product=product_of(row.product),
        price=row.price or None,
        trigger_price=row.trigger_price or None,
        average_price=_average(row),
        validity=VALIDITIES.get((row.validity or "").upper(), row.validity or ""),
        message=text or None,
        placed_at=time_of(row.order_timestamp),
    )


def status_of(row: OrderRow) -> BookStatus:
    """By the quantities, which are stronger than the text. Source: dossier 9.2."""
    words = " ".join(row.status.upper().replace("_", " ").replace("-", " ").split())
    said = STATUSES.get(words, BookStatus.UNCLEAR)
    if row.quantity > 0 and row.filled_quantity >= row.quantity:
        return BookStatus.FILLED
    if said is BookStatus.FILLED:  # and yet not all of it
        return BookStatus.OPEN if row.pending_quantity > 0 else BookStatus.UNCLEAR
    if said is BookStatus.REJECTED and row.filled_quantity > 0:
        return BookStatus.UNCLEAR
    if said is BookStatus.UNCLEAR:
        if row.pending_quantity > 0:
            return BookStatus.OPEN
        if row.cancelled_quantity > 0:
            return BookStatus.CANCELLED
    return said


def tag_of(row: OrderRow) -> str | None:
    """Our reference, compared as text; HDFC's own (`STAPI…`) is none of ours."""
    for value in (row.external_reference_number, row.external_reference_rumber):
        text = "" if value is None else str(value).strip()
        if text.isdecimal():
            return text
    return None


def trade(row: TradeRow, symbols: Symbols) -> Trade:
    """A fill; it bears no tag, and is joined to its order by the order's id."""
    return Trade(
        trade_id=str(row.trade_id),
        broker_order_id=str(row.order_id),
        tag=None,
        symbol=symbol_of(row, symbols),
        side=_side(row.transaction_type, f"trade {row.trade_id}"),
        quantity=row.filled_quantity,
        price=row.average_price,
        product=product_of(row.product),
        traded_at=time_of(row.fill_timestamp),
    )


def symbol_of(row: OrderRow | TradeRow | PositionRow, symbols: Symbols) -> str:
    """Ordo's name by the id, else by the terms, else HDFC's own id."""
    known = symbols.of_id(row.exchange, row.instrument_segment, row.security_id)
    if known is not None:
        return known
    underlying = row.underlying_symbol or row.security_id
    built = of_terms(
        row.exchange,
        row.instrument_segment,
        underlying,
        row.expiry_date,
        row.strike_price,
        row.option_type,
    )
    return built or f"{row.exchange}:{row.security_id}"


def product_of(text: str) -> Product | str:
    """Ordo's product, or HDFC's word where there is none."""
    return PRODUCTS.get(text.upper(), text)


def time_of(text: str | None) -> datetime | None:
    """UTC from `29/09/2026 09:31:07` in India; None for anything else."""
    try:
        local = datetime.strptime(text or "", "%d/%m/%Y %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None
    return local.replace(tzinfo=IST).astimezone(UTC)


def units(quantity: Decimal) -> int:
    """Whole units.

    Raises:
        Unsupported: it is broken.
    """
    if quantity != quantity.to_integral_value():
        raise Unsupported(f"quantity must be whole at HDFC, was {quantity}")
    return int(quantity)


def _average(row: OrderRow) -> Decimal | None:
    """`average_price` is 0 even of what is traded; the value tells (dossier 9.1)."""
    if row.average_price:
        return row.average_price
    if row.filled_quantity > 0 and row.total_traded_value > 0:
        return row.total_traded_value / row.filled_quantity
    return None


def _type_by_prices(row: OrderRow) -> OrderType:
    if row.trigger_price:
        return OrderType.SL if row.price else OrderType.SL_M
    return OrderType.LIMIT if row.price else OrderType.MARKET


def _sent(price: Decimal | None, wanted: bool) -> Decimal:
    return price if wanted and price is not None else ZERO


def _side(text: str, whose: str) -> Side:
    side = SIDES.get(text.upper())
    if side is None:
        raise SentUnknown(f"{whose}: side must be BUY or SELL, was {text[:20]!r}")
    return side
