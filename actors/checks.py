"""The checks an order meets before anything of it is stored or sent, one by one.

Pure: each gets what it needs to know, and says `Denial` (it must not go), `Skipped` (it
could not be checked) or None (nothing against it). What a broker must be asked first
comes in as an answer.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from actors.messages import Denial
from adapters import (
    ZERO,
    Capabilities,
    Funds,
    Margin,
    Order,
    OrderType,
    Position,
    Product,
    Side,
    Validity,
)
from adapters.instruments import Instrument, InstrumentKind

INDEX = "_INDEX"
"""How the exchanges of indices end: `NSE_INDEX`, `BSE_INDEX`."""


class Skipped(NamedTuple):
    """It could not be checked.

    Args:
        reason: for people.
        code: what the order is denied with where all checks must be made.
        blocks: False: nor need it be, not even then; the broker is a simulated one.
    """

    reason: str
    code: str = "broker_unavailable"
    blocks: bool = True


Finding = Denial | Skipped | None


def supported(
    can: Capabilities, order: Order, name: str, sent_type: OrderType | None = None
) -> Denial | None:
    """What of the order this broker cannot do, said before anything is sent.

    Args:
        sent_type: the type it goes out as, where that is not its own.
    """
    exchange = order.symbol.partition(":")[0]
    for what, value, known in (
        ("exchange", exchange, can.exchanges),
        ("type", sent_type or order.type, can.order_types),
        ("product", order.product, can.products),
        ("validity", order.validity, can.validities),
    ):
        if value not in known:
            some = ", ".join(sorted(known))
            return Denial(
                code="unsupported",
                message=f"{name} has no {what} {value}; it has {some}",
            )
    if order.validity is Validity.IOC and exchange in can.no_ioc:
        words = f"{name} takes no IOC on {exchange}; send it as DAY and cancel it"
        return Denial(code="unsupported", message=words)
    if not can.fractional and order.quantity != order.quantity.to_integral_value():
        return Denial(
            code="invalid_quantity",
            message=f"{name} trades whole units, was {order.quantity}",
        )
    return None


def not_an_index(order: Order) -> Denial | None:
    """An index has quotes and no orders, whatever a broker's master says."""
    exchange = order.symbol.partition(":")[0]
    return _is_index(order.symbol) if exchange.endswith(INDEX) else None


def known(
    order: Order,
    instrument: Instrument | None,
    can: Capabilities,
    name: str,
    *,
    loaded: bool,
) -> Finding:
    """Whether the broker has the instrument, and takes orders in it.

    Args:
        instrument: what its master has under the symbol.
        loaded: whether there is a master.
    """
    if not loaded:
        if can.simulated:
            return Skipped(f"{name} is simulated and knows its own", blocks=False)
        return Skipped(f"{name} has no instrument master yet", "instrument_unknown")
    if instrument is None:
        return Denial(
            code="instrument_unknown",
            message=f"{name} does not have {order.symbol}; search /api/v1/instruments",
        )
    if instrument.kind is InstrumentKind.INDEX:
        return _is_index(order.symbol)
    if not instrument.tradable:
        words = f"{name} takes no orders in {order.symbol}, by its master"
        return Denial(code="instrument_not_tradable", message=words)
    return None


def quantity(order: Order, instrument: Instrument) -> Denial | None:
    """Whole lots, and not more than the exchange takes in one order; units."""
    lot, freeze = instrument.lot_size, instrument.freeze_quantity
    if lot > 0 and order.quantity % lot:
        words = f"{order.symbol} trades in lots of {lot:f}, was {order.quantity:f}"
        return Denial(code="invalid_quantity", message=words)
    if freeze is not None and 0 < freeze < order.quantity:
        return Denial(
            code="invalid_quantity",
            message=f"{order.symbol}: wanted at most {freeze:f} in one order (the"
            f" freeze quantity), was {order.quantity:f}; split it, or ask for"
            ' "slice": true',
        )
    return None


def tick(order: Order, instrument: Instrument) -> Denial | None:
    """Price and trigger are multiples of the tick."""
    size = instrument.tick_size
    for what, price in _prices(order):
        if size > 0 and price % size:
            words = f"{what} must be a multiple of the tick {size:f}, was {price:f}"
            return Denial(code="invalid_price", message=words)
    return None


def band(order: Order, instrument: Instrument, fresh: Callable[[], bool]) -> Finding:
    """Price and trigger are inside the day's band, where the master tells one.

    Args:
        fresh: whether the master is of today: yesterday's band says nothing.
    """
    lower, upper = instrument.lower_band, instrument.upper_band
    prices = _prices(order)
    if not prices or (lower is None and upper is None):
        return None
    if not fresh():
        return Skipped("its master is not of today", "instrument_unknown")
    for what, price in prices:
        if (lower is not None and price < lower) or (
            upper is not None and price > upper
        ):
            words = f"{what} must be {_between(lower, upper)} today, was {price:f}"
            return Denial(code="invalid_price", message=words)
    return None


class Money(Enum):
    """What has to be asked to know whether there is money enough."""

    NOTHING = auto()
    CASH = auto()
    MARGIN = auto()


def money(order: Order, can: Capabilities, name: str) -> Money | Skipped:
    """What the funds check of *order* needs to know."""
    if can.simulated:
        return Skipped(f"{name} is simulated and checks that itself", blocks=False)
    if order.product is Product.CNC and order.side is Side.SELL:
        return Money.NOTHING  # it takes shares
    if can.margin:
        return Money.MARGIN
    if order.product is Product.CNC:
        return Money.CASH
    words = f"{name} has no call that tells the margin of {order.product} orders"
    return Skipped(words, "unsupported")


def cash(sent: Order, funds: Funds) -> Finding:
    """Whether there is cash for a delivery buy; *sent* is as it goes out."""
    needed = cost(sent)
    if isinstance(needed, Skipped):
        return needed
    return enough(needed, funds.cash, funds.currency)


def cost(sent: Order) -> Decimal | Skipped:
    """What a delivery buy takes of the cash; *sent* is as it goes out."""
    price = sent.price or sent.trigger_price
    if price is None:
        return Skipped("it has no price to reckon with", "unsupported")
    return price * sent.quantity


def margin(needed: Margin, funds: Funds | None) -> Finding:
    """Whether there is what the broker says the order will block.

    Args:
        funds: where the margin's answer does not tell what there is.
    """
    there = needed.available
    if there is None:
        if funds is None:
            return Skipped("the broker does not tell what is available")
        there = funds.available
    return enough(needed.required, there, needed.currency)


def closes(order: Order, positions: tuple[Position, ...]) -> bool:
    """Whether the order only takes from a position: an exit is never refused for want
    of money, for a margin call reckons it as if it stood alone."""
    return takes_from(order, held(order, positions))


def held(order: Order, positions: tuple[Position, ...]) -> Decimal:
    """Units held of what the order is in, signed."""
    rows = (
        row.quantity
        for row in positions
        if row.symbol == order.symbol and row.product == order.product
    )
    return sum(rows, start=ZERO)


def takes_from(order: Order, units: Decimal) -> bool:
    """Whether the order only takes from *units* held, signed."""
    return units * order.side.sign < 0 and order.quantity <= abs(units)


def enough(
    needed: Decimal, there: Decimal, currency: str, taken: Decimal = ZERO
) -> Denial | None:
    """Whether what is *needed* is there, beside what others of the request have
    *taken*."""
    if needed <= there - taken:
        return None
    words = f"it needs {needed:.2f} {currency}, there is {there:.2f}"
    if taken:
        words += f", of which the orders before it take {taken:.2f}"
    return Denial(code="insufficient_funds", message=words)


def _is_index(symbol: str) -> Denial:
    words = f"{symbol} is an index: it has quotes and no orders"
    return Denial(code="instrument_not_tradable", message=words)


def _prices(order: Order) -> list[tuple[str, Decimal]]:
    named = (("price", order.price), ("trigger_price", order.trigger_price))
    return [(what, price) for what, price in named if price is not None]


def _between(lower: Decimal | None, upper: Decimal | None) -> str:
    if lower is None:
        return f"at most {upper:f}"
    if upper is None:
        return f"at least {lower:f}"
    return f"from {lower:f} to {upper:f}"
