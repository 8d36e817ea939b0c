"""The orders that close a position: the other side, as much as is held, no more.

Pure. They are MARKET orders; market protection makes limits of them on their way, as of
any other. An instrument that has a freeze quantity gets slices of it.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from actors.messages import Denial
from actors.slicing import slices
from adapters import ZERO, Order, OrderType, Position, Product, Side
from adapters.instruments import Instrument

CASH_MARKETS = frozenset({"NSE", "BSE"})
"""Exchanges where delivery cannot be sold short: less than nothing is a sale out of the
holdings, which nobody wants bought back."""


class Held(NamedTuple):
    """What a position is of: one symbol in one product."""

    symbol: str
    product: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.product}"


def open_positions(
    rows: Iterable[Position], symbol: str | None = None
) -> dict[Held, Decimal]:
    """The net units of all that is open, signed; several rows of one are summed.

    Args:
        rows: a broker's positions.
        symbol: only of this one; None: of all.
    """
    nets: dict[Held, Decimal] = {}
    for row in rows:
        if symbol in (None, row.symbol):
            held = Held(row.symbol, str(row.product))
            nets[held] = nets.get(held, ZERO) + row.quantity
    return {held: net for held, net in nets.items() if net and not _sale(held, net)}


def exits(
    held: Held, net: Decimal, instrument: Instrument | None
) -> tuple[Order, ...] | Denial:
    """The orders that bring a position to nothing, or why there are none.

    Args:
        net: units, signed.
        instrument: for the freeze quantity; without one nothing is split.
    """
    if held.product not in tuple(Product):
        words = (
            f"Ordo has no orders in the product {held.product}; close it at the broker"
        )
        return Denial(code="unsupported", message=words)
    return tuple(
        Order(
            symbol=held.symbol,
            side=Side.SELL if net > 0 else Side.BUY,
            quantity=quantity,
            type=OrderType.MARKET,
            product=Product(held.product),
        )
        for quantity in slices(abs(net), instrument)
    )


def _sale(held: Held, net: Decimal) -> bool:
    exchange = held.symbol.partition(":")[0]
    return net < 0 and held.product == Product.CNC and exchange in CASH_MARKETS
