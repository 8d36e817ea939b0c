"""A broker's book, and what it comes to: reckoned here, in fractions, and nowhere else.

Nothing of Ordo's own arithmetic is used: what it says is held against these numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class Fill(NamedTuple):
    """One trade."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True)
class Booked:
    """One order as its broker has it; `tag` is what Ordo sent along."""

    tag: str
    symbol: str
    side: str
    status: str
    quantity: Decimal
    price: Decimal | None
    fills: tuple[Fill, ...]

    @property
    def sign(self) -> int:
        return 1 if self.side == "BUY" else -1

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def value(self) -> Decimal:
        """Of the fills; exact: nothing is divided."""
        return sum((fill.quantity * fill.price for fill in self.fills), Decimal(0))

    @property
    def average(self) -> Decimal | None:
        return self.value / self.filled if self.fills else None

    @property
    def told(self) -> list[tuple[Decimal, Decimal]]:
        """Units and value after each of its fills."""
        rows, units, value = [], Decimal(0), Decimal(0)
        for fill in self.fills:
            units, value = units + fill.quantity, value + fill.quantity * fill.price
            rows.append((units, value))
        return rows


class Lot(NamedTuple):
    """A signed quantity at a price."""

    symbol: str
    quantity: Fraction
    price: Fraction


def lot(symbol: str, sign: int, quantity: Decimal, value: Decimal) -> Lot:
    """*quantity* units that cost *value* together."""
    return Lot(symbol, sign * Fraction(quantity), Fraction(value) / Fraction(quantity))


def profit(lots: Iterable[Lot]) -> tuple[Fraction, list[Lot]]:
    """What closing brought, first in, first out, and what is left open."""
    open_: dict[str, deque[Lot]] = {}
    total = Fraction(0)
    for each in lots:
        queue, left = open_.setdefault(each.symbol, deque()), each.quantity
        while left and queue and (queue[0].quantity > 0) != (left > 0):
            first = queue[0]
            units = min(abs(left), abs(first.quantity))
            gain = (each.price - first.price) * units
            total += gain if first.quantity > 0 else -gain
            rest = abs(first.quantity) - units
            left = (abs(left) - units) * (1 if left > 0 else -1)
            if rest:
                queue[0] = first._replace(
                    quantity=rest * (1 if first.quantity > 0 else -1)
                )
            else:
                queue.popleft()
        if left:
            queue.append(each._replace(quantity=left))
    return total, [each for queue in open_.values() for each in queue]


def worth(lots: Iterable[Lot], last: Mapping[str, Decimal]) -> Fraction:
    """What open lots would bring at the *last* prices."""
    return sum(
        ((Fraction(last[each.symbol]) - each.price) * each.quantity for each in lots),
        Fraction(0),
    )


def net(orders: Iterable[Booked]) -> dict[str, Decimal]:
    """Signed units by symbol, of all fills."""
    sums: dict[str, Decimal] = {}
    for order in orders:
        sums[order.symbol] = (
            sums.get(order.symbol, Decimal(0)) + order.sign * order.filled
        )
    return sums


def cash(orders: Iterable[Booked]) -> Decimal:
    """What selling brought, less what buying took."""
    return sum((-order.sign * order.value for order in orders), Decimal(0))


def shown(value: Fraction) -> Decimal:
    """As Ordo shows money: at most four decimals, rounded half to even."""
    return Decimal(round(value * 10_000)) / 10_000
