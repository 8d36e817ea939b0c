"""Working orders, and the rules by which they trade: pure, no clock, no account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from adapters.model import ZERO, BookOrder, BookStatus, Order, Side, Trade


class Entry:
    """An order in the book, as it stands.

    Args:
        visible_at: Trio clock, seconds; earlier the book does not show it.
    """

    def __init__(
        self,
        broker_order_id: str,
        tag: str | None,
        order: Order,
        placed_at: datetime,
        visible_at: float = 0.0,
    ) -> None:
        self.id = broker_order_id
        self.tag = tag
        self.order = order
        self.placed_at = placed_at
        self.visible_at = visible_at
        self.status = BookStatus.OPEN
        self.message: str | None = None
        self.trades: list[Trade] = []
        self.filled = ZERO
        self.value = ZERO  # what was filled cost, exactly
        self.triggered = False
        self.resting = False  # it waited in the book: others come to its price
        self._row: BookOrder | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status is BookStatus.OPEN

    @property
    def waits_for_trigger(self) -> bool:
        """Whether it is a stop order that the market does not see yet."""
        return self.order.type.has_trigger and not self.triggered

    @property
    def remaining(self) -> Decimal:
        """Units not filled."""
        return self.order.quantity - self.filled

    def fill(self, quantity: Decimal, price: Decimal, at: datetime) -> Trade:
        """Trade some of it."""
        self.filled += quantity
        self.value += quantity * price
        trade = Trade(
            trade_id=f"{self.id}-{len(self.trades) + 1}",
            broker_order_id=self.id,
            tag=self.tag,
            symbol=self.order.symbol,
            side=self.order.side,
            quantity=quantity,
            price=price,
            product=self.order.product,
            traded_at=at,
        )
        self.trades.append(trade)
        if not self.remaining:
            self.status = BookStatus.FILLED
        self._row = None
        return trade

    def change(self, order: Order) -> None:
        """Let it be *order* from now on; it trades as if it had just come."""
        self.order = order
        self.triggered = self.resting = False
        self._row = None

    def end(self, status: BookStatus, message: str | None) -> None:
        """Take it out of the market."""
        self.status = status
        self.message = message
        self._row = None

    def row(self) -> BookOrder:
        """How the book shows it; made once for each change."""
        if self._row is None:
            self._row = self._make_row()
        return self._row

    def _make_row(self) -> BookOrder:
        order = self.order
        return BookOrder(
            broker_order_id=self.id,
            tag=self.tag,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            filled_quantity=self.filled,
            status=self.status,
            type=order.type,
            product=order.product,
            price=order.price if order.type.has_price else None,
            trigger_price=order.trigger_price if order.type.has_trigger else None,
            average_price=self.value / self.filled if self.filled else None,
            validity=order.validity,
            message=self.message,
            placed_at=self.placed_at,
        )


class Book:
    """All orders in the order they came, and those still open by symbol."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._open: dict[str, dict[str, Entry]] = {}
        self._by_tag: dict[str, list[Entry]] = {}

    def add(self, entry: Entry) -> None:
        """Take an order in; a tag that is there already is no reason not to."""
        self.entries[entry.id] = entry
        if entry.tag is not None:
            self._by_tag.setdefault(entry.tag, []).append(entry)
        if entry.is_open:
            self._open.setdefault(entry.order.symbol, {})[entry.id] = entry

    def settle(self, entry: Entry) -> None:
        """Look no longer at an order that has ended."""
        left = self._open.get(entry.order.symbol, {})
        left.pop(entry.id, None)
        if not left:
            self._open.pop(entry.order.symbol, None)

    def open_symbols(self) -> list[str]:
        """The symbols that orders wait for."""
        return list(self._open)

    def open_in(self, symbol: str) -> list[Entry]:
        """The open orders in one symbol, oldest first."""
        return list(self._open.get(symbol, {}).values())

    def tagged(self, tag: str) -> Iterable[Entry]:
        """Every order that bears the tag, newest first."""
        return reversed(self._by_tag.get(tag, []))


def is_triggered(order: Order, last: Decimal) -> bool:
    """Whether the last price is at the trigger of a stop order, or past it."""
    if order.trigger_price is None:
        return False
    if order.side is Side.BUY:
        return last >= order.trigger_price
    return last <= order.trigger_price


def trade_price(order: Order, best: Decimal, *, resting: bool) -> Decimal | None:
    """What the order trades at now; None while it has to wait.

    One that comes trades at the best price of the other side; one that waits in the
    book trades at its own limit once the other side comes there.

    Args:
        order: A stop order is one whose trigger has been met.
        best: The ask for a buy, the bid for a sell.
        resting: Whether it waited in the book.
    """
    if not order.type.has_price or order.price is None:
        return best
    if (best - order.price) * order.side.sign > 0:
        return None
    return order.price if resting else best


def first_part(quantity: Decimal) -> Decimal:
    """The first of the two parts that `fill = "partial"` fills: whole units."""
    return quantity // 2 or quantity
