"""The orders that close a position: the other side, as much as is held, no more.

Pure. They are MARKET orders; market protection makes limits of them on their way, as of
any other. An instrument that has a freeze quantity gets slices of it.
"""

from decimal import Decimal

from actors.messages import Denial
from adapters import ZERO, Order, OrderType, Position, Product, Side
from adapters.instruments import Instrument


def exits(
    position: Position, instrument: Instrument | None, most: Decimal | None = None
) -> tuple[Order, ...] | Denial:
    """The orders that bring the position to nothing, or why there are none.

    Args:
        position: as its broker tells it; its quantity is signed.
        instrument: for the freeze quantity; without one nothing is split.
        most: units that may be traded at the most, where that is less than is held.
    """
    if position.product not in tuple(Product):
        words = (
            f"{position.symbol} is held as {position.product}, a product that Ordo has"
            " no orders for; close it at the broker"
        )
        return Denial(code="unsupported", message=words)
    left = abs(position.quantity)
    if most is not None:
        left = min(left, most)
    side = Side.SELL if position.quantity > 0 else Side.BUY
    return tuple(
        Order(
            symbol=position.symbol,
            side=side,
            quantity=quantity,
            type=OrderType.MARKET,
            product=Product(position.product),
        )
        for quantity in _slices(left, instrument)
    )


def _slices(left: Decimal, instrument: Instrument | None) -> list[Decimal]:
    """Parts of whole lots, none over the freeze quantity, that are *left* together."""
    most = _largest(instrument) or left
    parts = []
    while left > ZERO:
        parts.append(min(left, most))
        left -= parts[-1]
    return parts


def _largest(instrument: Instrument | None) -> Decimal | None:
    """The most that one order may be for; None: nobody says."""
    if instrument is None or not instrument.freeze_quantity:
        return None
    freeze, lot = instrument.freeze_quantity, instrument.lot_size
    return freeze - freeze % lot if ZERO < lot <= freeze else freeze
