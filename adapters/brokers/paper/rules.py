"""What the paper broker refuses, in its own codes and words."""

from __future__ import annotations

from decimal import Decimal

from adapters.brokers.paper.matching import Entry
from adapters.brokers.paper.prices import EXCHANGES, HIGHEST, Market, split
from adapters.model import ZERO, Order, OrderType, Rejected, Side, Validity
from adapters.ports import TagRule

TAG = TagRule(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_length=20)

TAG_CHARACTERS = frozenset(TAG.alphabet)

FRACTION = Decimal("1e-9")
"""The finest quantity where fractions trade, as at US brokers."""

MOST_UNITS = Decimal(10**8)
"""The largest order: with it no sum outgrows the 28 digits of a Decimal."""


def check_tag(tag: str) -> Rejected | None:
    """Refuse a tag that is too long or of other characters; none at all is fine."""
    if len(tag) > TAG.max_length or not TAG_CHARACTERS.issuperset(tag):
        return _no("INVALID_TAG", f"tag must be up to 20 of 0-9 and A-Z, was {tag!r}")
    return None


def check_order(
    order: Order, market: Market, *, exchanges: frozenset[str] = EXCHANGES
) -> Rejected | None:
    """Refuse an order that no account could place."""
    if not market.lists(order.symbol):
        return _no("UNKNOWN_SYMBOL", f"no such symbol: {order.symbol}")
    exchange, _ = split(order.symbol)
    if exchange not in exchanges:
        return _no("NOT_TRADABLE", f"{order.symbol} cannot be traded")
    return (
        _check_quantity(order)
        or _check_prices(order, market.tick(order.symbol))
        or _check_validity(order)
    )


def check_change(entry: Entry, order: Order) -> Rejected | None:
    """Refuse a change of what an order cannot change any more."""
    for name in ("symbol", "side", "product"):
        was, wanted = getattr(entry.order, name), getattr(order, name)
        if was != wanted:
            return _no("INVALID_CHANGE", f"{name} must stay {was}, was {wanted}")
    if order.quantity <= entry.filled:
        return _no(
            "INVALID_QUANTITY",
            f"quantity must be above the {entry.filled} filled, was {order.quantity}",
        )
    return None


def missing(broker_order_id: str) -> Rejected:
    """There is no such order."""
    return _no("ORDER_NOT_FOUND", f"no such order: {broker_order_id}")


def ended(entry: Entry) -> Rejected:
    """The order is not open any more."""
    return _no("ORDER_NOT_OPEN", f"order {entry.id} is {entry.status}")


def short_of_funds(wanted: Decimal, available: Decimal) -> Rejected:
    """The account has not the money."""
    return _no(
        "INSUFFICIENT_FUNDS",
        f"RMS: margin exceeds, required Rs {wanted:.2f}, available Rs {available:.2f}",
    )


def short_of_holdings(symbol: str, wanted: Decimal, sellable: Decimal) -> Rejected:
    """The account has not the shares."""
    return _no(
        "INSUFFICIENT_HOLDINGS",
        f"RMS: CNC sell of {wanted} {symbol}, holdings to sell {max(sellable, 0)}",
    )


def unit(symbol: str) -> Decimal:
    """The least quantity of a symbol that trades: whole units, fractions in the US."""
    return FRACTION if symbol.startswith("US:") else Decimal(1)


def is_within(value: Decimal, most: Decimal) -> bool:
    """Whether it is a number above 0 and at most *most*."""
    return value.is_finite() and 0 < value <= most


def _no(code: str, text: str) -> Rejected:
    return Rejected(code=code, text=text)


def _check_quantity(order: Order) -> Rejected | None:
    quantity, disclosed = order.quantity, order.disclosed_quantity
    if not is_within(quantity, MOST_UNITS):
        return _no(
            "INVALID_QUANTITY",
            f"quantity must be above 0 and at most {MOST_UNITS}, was {quantity}",
        )
    if quantity % unit(order.symbol):
        wanted = f"a multiple of {unit(order.symbol):f}"
        return _no("INVALID_QUANTITY", f"quantity must be {wanted}, was {quantity}")
    if disclosed is not None and not is_within(disclosed, quantity):
        return _no(
            "INVALID_DISCLOSED_QUANTITY",
            f"disclosed quantity must be above 0 and at most {quantity},"
            f" was {disclosed}",
        )
    return None


def _check_prices(order: Order, tick: Decimal) -> Rejected | None:
    kind = order.type
    if kind.has_price and (no := _check_price("price", order.price, tick)):
        return no
    if not kind.has_trigger:
        return None
    if no := _check_price("trigger price", order.trigger_price, tick):
        return no
    return _check_stop_limit(order) if kind is OrderType.SL else None


def _check_stop_limit(order: Order) -> Rejected | None:
    """Refuse one that would be triggered where its limit cannot trade."""
    price, trigger = order.price or ZERO, order.trigger_price or ZERO
    if (trigger - price) * order.side.sign <= 0:
        return None
    where = "at most" if order.side is Side.BUY else "at least"
    return _no(
        "INVALID_TRIGGER_PRICE",
        f"trigger price of a {order.side} must be {where} its price {price},"
        f" was {trigger}",
    )


def _check_price(name: str, price: Decimal | None, tick: Decimal) -> Rejected | None:
    code = f"INVALID_{name.upper().replace(' ', '_')}"
    if price is None or not is_within(price, HIGHEST):
        return _no(code, f"{name} must be above 0 and at most {HIGHEST}, was {price}")
    if price % tick:
        return _no(code, f"{name} must be a multiple of the tick {tick}, was {price}")
    return None


def _check_validity(order: Order) -> Rejected | None:
    if order.validity is Validity.IOC and order.type.has_trigger:
        return _no("INVALID_VALIDITY", f"an {order.type} order cannot be IOC")
    return None
