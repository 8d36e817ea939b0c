"""The paper broker's desk: takes orders or refuses them, and matches them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from adapters.brokers.paper import rules
from adapters.brokers.paper.account import Account
from adapters.brokers.paper.house import PAPER, House
from adapters.brokers.paper.journal import Changed, Ended, Filled, Placed, Triggered
from adapters.brokers.paper.matching import (
    Entry,
    first_part,
    is_triggered,
    trade_price,
)
from adapters.brokers.paper.prices import HIGHEST, Market
from adapters.brokers.paper.settings import Fill
from adapters.errors import NotSent, Refused, SentUnknown
from adapters.model import (
    ZERO,
    Acked,
    BookStatus,
    Order,
    Product,
    Rejected,
    Side,
    Trade,
    Validity,
)


class Desk:
    """Matches one account's orders against a market. Synchronous: no await anywhere.

    Args:
        fill: `immediate`, `partial` or `manual`, see `PaperSettings`.
        wall: Wall time, aware.
        house: How this broker speaks.
    """

    def __init__(
        self,
        account: Account,
        market: Market,
        *,
        fill: Fill,
        wall: Callable[[], datetime],
        house: House = PAPER,
    ) -> None:
        self._account = account
        self._book = account.book
        self._ledger = account.ledger
        self._market = market
        self._fill = fill
        self._wall = wall
        self._house = house
        if fill == "manual":
            return  # trades by hand, at any price, say nothing of the market's
        for trade in account.trades:  # of an earlier run
            market.resume(trade.symbol, trade.price)

    def place(
        self, order: Order, tag: str, *, visible_at: float = 0.0
    ) -> Acked | Rejected:
        """Take an order and match it; one of the same tag is one more order.

        Raises:
            NotSent: The journal failed before the order was in the book.
            SentUnknown: The journal failed after.
        """
        order = self._house.booked(order)
        taken = any(
            entry.status is not BookStatus.REJECTED for entry in self._book.tagged(tag)
        )
        if no := self._house.check_tag(tag, taken=taken) or self._house.check_order(
            order, self._market
        ):
            return no
        cost = self._ledger.cost(order, order.quantity, self._worth(order))
        if no := self._risk(order, order.quantity, cost):
            return self.refuse(order, tag, no, visible_at=visible_at)
        entry = self._enter(order, tag, visible_at, blocked=cost)
        self._work(entry)
        return Acked(broker_order_id=entry.id)

    def refuse(
        self, order: Order, tag: str, why: Rejected, *, visible_at: float = 0.0
    ) -> Rejected:
        """Refuse an order that stands in the book as rejected."""
        entry = self._enter(order, tag, visible_at, refused=why.text)
        return Rejected(
            code=why.code,
            text=why.text,
            http_status=why.http_status,
            broker_order_id=entry.id,
        )

    def change(self, broker_order_id: str, order: Order) -> Acked | Rejected:
        """Let an open order become *order*, whose quantity is the total.

        Raises:
            NotSent: The journal failed before the change.
            SentUnknown: The journal failed after.
        """
        entry, order = self._open(broker_order_id, "changed"), self._house.booked(order)
        if isinstance(entry, Rejected):
            return entry
        if no := self._house.check_order(order, self._market):
            return no
        if no := self._house.check_change(entry, order):
            return no
        own = self._ledger.unblock(entry.id)  # it need not be paid for twice
        left = order.quantity - entry.filled
        cost = self._ledger.cost(order, left, self._worth(order))
        no = self._risk(order, left, cost)
        self._ledger.block(entry.id, own)
        if no:
            return no
        self._account.happen(Changed(id=entry.id, order=order, blocked=cost))
        self._work(entry)
        return Acked(broker_order_id=entry.id)

    def cancel(self, broker_order_id: str) -> Acked | Rejected:
        """Take an open order out of the book."""
        entry = self._open(broker_order_id, "cancelled")
        if isinstance(entry, Rejected):
            return entry
        self._end(entry, None)
        return Acked(broker_order_id=entry.id)

    def open_symbols(self) -> list[str]:
        """The symbols that orders wait for."""
        return self._book.open_symbols()

    def step(self, symbol: str) -> None:
        """Let the symbol's price make a step, and match what waits for it."""
        self._market.step(symbol)
        self.match(symbol)

    def match(self, symbol: str) -> None:
        """Match what waits in one symbol at its price, oldest first."""
        for entry in self._book.open_in(symbol):
            self._match(entry)

    def fill(
        self, broker_order_id: str, quantity: Decimal | None, price: Decimal | None
    ) -> Trade:
        """Fill an open order by hand: at any price, whatever the market says.

        Raises:
            Refused: It is not open, or not for that much.
        """
        entry = self._open(broker_order_id, "filled")
        if isinstance(entry, Rejected):
            raise Refused(entry.code, entry.text)
        units = entry.remaining if quantity is None else quantity
        at = self._worth(entry.order) if price is None else price
        unit = rules.unit(entry.order.symbol)
        if not rules.is_within(units, entry.remaining) or units % unit:
            raise Refused(
                "INVALID_QUANTITY",
                f"quantity must be a multiple of {unit:f} and at most"
                f" {entry.remaining}, was {units}",
            )
        if not rules.is_within(at, HIGHEST):
            raise Refused(
                "INVALID_PRICE",
                f"price must be above 0 and at most {HIGHEST}, was {at}",
            )
        self._trade(entry, units, at)
        self._end_ioc(entry)
        return entry.trades[-1]

    def _open(self, broker_order_id: str, what: str) -> Entry | Rejected:
        """The order, if it can still be *what*."""
        entry = self._book.entries.get(broker_order_id)
        if entry is None:
            return self._house.missing(broker_order_id)
        return entry if entry.is_open else self._house.ended(entry, what)

    def _worth(self, order: Order) -> Decimal:
        """The price to reckon an order at before it trades."""
        if order.type.has_price and order.price is not None:
            return order.price
        if order.type.has_trigger and order.trigger_price is not None:
            return order.trigger_price
        return self._market.best(order.symbol, order.side.sign)

    def _risk(self, order: Order, quantity: Decimal, cost: Decimal) -> Rejected | None:
        """Refuse what the account has no money or no shares for."""
        if order.product is Product.CNC and order.side is Side.SELL:
            sellable = self._ledger.sellable(order)
            if quantity > sellable and (
                no := self._house.short_of_holdings(order.symbol, quantity, sellable)
            ):
                return no
        available = self._ledger.funds().available
        if cost > max(available, ZERO):
            return self._house.short_of_funds(cost, available)
        return None

    def _enter(
        self,
        order: Order,
        tag: str,
        visible_at: float,
        *,
        blocked: Decimal = ZERO,
        refused: str | None = None,
    ) -> Entry:
        at, number = self._wall(), len(self._book.entries) + 1
        broker_order_id = self._house.order_id(number, self._account.day(at))
        self._account.happen(
            Placed(
                id=broker_order_id,
                order_tag=tag or None,
                order=order,
                at=at,
                blocked=blocked,
                refused=refused,
            )
        )
        entry = self._book.entries[broker_order_id]
        entry.visible_at = visible_at
        return entry

    def _work(self, entry: Entry) -> None:
        """Match an order that is in the book: from here on it is never *not sent*."""
        try:
            self._match(entry)
        except NotSent as exc:
            raise SentUnknown(str(exc)) from exc

    def _match(self, entry: Entry) -> None:
        """Trade what the price, the liquidity and the way of filling allow."""
        order = entry.order
        if self._fill == "manual":
            return
        if entry.waits_for_trigger:
            if not is_triggered(order, self._market.last(order.symbol)):
                return
            self._account.happen(Triggered(id=entry.id))
        best = self._market.best(order.symbol, order.side.sign)
        price = trade_price(order, best, resting=entry.resting)
        if price is not None:
            units = entry.remaining
            if self._fill == "partial" and not entry.filled:
                units = first_part(units)
            units = self._market.at_most(order.symbol, units)
            if units:
                self._trade(entry, units, price)
                self._market.take(order.symbol, units)
        entry.resting = True
        self._end_ioc(entry)

    def _trade(self, entry: Entry, quantity: Decimal, price: Decimal) -> None:
        self._account.happen(
            Filled(id=entry.id, quantity=quantity, price=price, at=self._wall())
        )

    def _end_ioc(self, entry: Entry) -> None:
        if entry.is_open and entry.order.validity is Validity.IOC:
            self._end(entry, f"IOC: {entry.remaining} not traded")

    def _end(self, entry: Entry, message: str | None) -> None:
        status = BookStatus.CANCELLED
        self._account.happen(Ended(id=entry.id, status=status, message=message))
