"""One order in a simulated broker's book, as it is now and as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from adapters import ZERO, BookOrder, BookStatus, Order, Trade


class Fill(NamedTuple):
    """Part of an order, traded."""

    at: float
    quantity: Decimal
    price: Decimal


@dataclass
class Entry:
    """An order in the book; moments are of Trio's clock.

    `visible_at`: from when reads show it, `tag_at`: with its tag. `plan` holds the
    fills to come, `changes` the terms it has had.
    """

    id: str
    tag: str
    changes: list[tuple[float, Order]]
    visible_at: float
    tag_at: float
    plan: list[Fill]
    fills: list[Fill] = field(default_factory=list)
    cancelled_at: float = float("inf")

    @property
    def order(self) -> Order:
        """What it is now."""
        return self.changes[-1][1]

    @property
    def filled(self) -> Decimal:
        """Units, so far."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def average(self) -> Decimal | None:
        """The price of them."""
        return average(self.fills)

    @property
    def status(self) -> BookStatus:
        """How it stands now."""
        return self._status(self.fills, self.order, float("inf"))

    def advance(self, now: float) -> None:
        """Trade what was to trade by now."""
        while self.status is BookStatus.OPEN and self.plan and self.plan[0].at <= now:
            at, quantity, price = self.plan.pop(0)
            left = self.order.quantity - self.filled
            self.fills.append(Fill(at, min(quantity, left), price))

    def row(self, then: float, *, tagged: bool) -> BookOrder:
        """As the book showed it at a moment."""
        order = [terms for at, terms in self.changes if at <= then][-1]
        fills = self.fills_by(then)
        return BookOrder(
            broker_order_id=self.id,
            tag=self.tag if tagged and self.tag_at <= then else None,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            filled_quantity=sum((fill.quantity for fill in fills), ZERO),
            status=self._status(fills, order, then),
            type=order.type,
            product=order.product,
            price=order.price,
            trigger_price=order.trigger_price,
            average_price=average(fills),
            validity=order.validity,
            placed_at=None,
        )

    def trades(self, then: float, *, tagged: bool) -> list[Trade]:
        """What had traded by a moment."""
        return [
            Trade(
                trade_id=f"{self.id}-{number}",
                broker_order_id=self.id,
                tag=self.tag if tagged and self.tag_at <= then else None,
                symbol=self.order.symbol,
                side=self.order.side,
                quantity=fill.quantity,
                price=fill.price,
                product=self.order.product,
            )
            for number, fill in enumerate(self.fills_by(then))
        ]

    def fills_by(self, then: float) -> list[Fill]:
        """The fills up to a moment."""
        return [fill for fill in self.fills if fill.at <= then]

    def _status(self, fills: Sequence[Fill], order: Order, then: float) -> BookStatus:
        if sum((fill.quantity for fill in fills), ZERO) >= order.quantity:
            return BookStatus.FILLED
        cancelled = self.cancelled_at < float("inf") and self.cancelled_at <= then
        return BookStatus.CANCELLED if cancelled else BookStatus.OPEN


def average(fills: Sequence[Fill]) -> Decimal | None:
    """The price of fills together; None without any."""
    units = sum((fill.quantity for fill in fills), ZERO)
    if not units:
        return None
    return sum((fill.quantity * fill.price for fill in fills), ZERO) / units
