"""The money and the positions of a paper account: exact, and nothing is lost.

At any time, over all trades, cash paid and received plus positions at cost plus
realised profit is what the account started with. There are no charges.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import msgspec

from adapters.model import ZERO, Funds, Order, Position, Product, Side

FINEST = Decimal("1e-10")
"""What a share of an amount is rounded to; the other share gets the difference."""


class Net(msgspec.Struct):
    """What one symbol and product add up to. `quantity` and `cost` are signed."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    day: date = date.min
    day_quantity: Decimal = ZERO

    def trade(self, quantity: Decimal, price: Decimal, day: date) -> None:
        """Add one trade, *quantity* signed; what closes does so at average cost."""
        self.day_quantity = self.traded_on(day) + quantity
        self.day = day
        closing = ZERO
        if self.quantity * quantity < 0:
            closing = min(abs(quantity), abs(self.quantity)).copy_sign(self.quantity)
            cost = share(self.cost, closing, self.quantity)
            self.realised += closing * price - cost
            self.cost -= cost
        self.cost += (quantity + closing) * price
        self.quantity += quantity

    def traded_on(self, day: date) -> Decimal:
        """What that day's trades made, signed."""
        return self.day_quantity if day == self.day else ZERO


class Block(msgspec.Struct):
    """What one open order keeps back: money, and units still to trade."""

    order: Order
    amount: Decimal
    quantity: Decimal


class Ledger:
    """One account's books.

    Args:
        balance: Money at the start.
        margin: The share of its value that an INTRADAY or MARGIN position blocks.
        holdings: Units in the demat account, by symbol: what CNC sells may come from.
        currency: Of all amounts.
        shorts: CNC may be sold short; what is owed binds as much money again.
    """

    def __init__(
        self,
        balance: Decimal,
        margin: Decimal,
        holdings: dict[str, Decimal],
        *,
        currency: str = "INR",
        shorts: bool = False,
    ) -> None:
        self.nets: dict[tuple[str, Product], Net] = {}
        self._balance = balance
        self._margin = margin
        self._holdings = holdings
        self._currency = currency
        self._shorts = shorts
        self._blocks: dict[str, Block] = {}
        self._pending: dict[tuple[str, Product, Side], Decimal] = {}
        self._blocked = ZERO

    def net(self, symbol: str, product: Product) -> Net:
        """The position in one symbol and product; all zero where there is none."""
        return self.nets.get((symbol, product)) or Net()

    def cost(self, order: Order, quantity: Decimal, price: Decimal) -> Decimal:
        """The money to block for *quantity* of an order at *price*.

        CNC buys block the whole value, CNC sells nothing; the other products block
        the margin of what does not close a position. Where CNC may be sold short it
        blocks as they do, the whole value.
        """
        delivery = order.product is Product.CNC
        if delivery and not self._shorts:
            return quantity * price if order.side is Side.BUY else ZERO
        held = self.net(order.symbol, order.product).quantity * -order.side.sign
        closes = max(held - self._waiting(order), ZERO)
        part = Decimal(1) if delivery else self._margin
        return max(quantity - closes, ZERO) * price * part

    def sellable(self, order: Order) -> Decimal:
        """Units that a CNC sell may sell: held or bought, and not being sold."""
        held = self._holdings.get(order.symbol, ZERO)
        bought = self.net(order.symbol, order.product).quantity
        return held + bought - self._waiting(order)

    def block(self, order_id: str, block: Block) -> None:
        """Keep back what an open order may need."""
        self._blocks[order_id] = block
        self._count(block.order, block.quantity)
        self._blocked += block.amount

    def unblock(self, order_id: str, quantity: Decimal | None = None) -> Block:
        """Free what *quantity* units of an order kept back; None is all of it.

        Gives what was freed.
        """
        block = self._blocks[order_id]
        units = block.quantity if quantity is None else quantity
        freed = Block(block.order, share(block.amount, units, block.quantity), units)
        block.amount -= freed.amount
        block.quantity -= freed.quantity
        if not block.quantity:
            del self._blocks[order_id]
        self._count(freed.order, -freed.quantity)
        self._blocked -= freed.amount
        return freed

    def trade(self, order: Order, quantity: Decimal, price: Decimal, day: date) -> None:
        """Add one trade to its position."""
        net = self.nets.setdefault((order.symbol, order.product), Net())
        net.trade(quantity * order.side.sign, price, day)

    def funds(self) -> Funds:
        """The money: `cash` is what was not paid for deliveries, `available` is less
        the margins and open orders, `used` all that is bound; `total` is both.

        The proceeds of a short sale are cash, and not to be spent.
        """
        realised = sum((net.realised for net in self.nets.values()), ZERO)
        delivery, long, short, margins = ZERO, ZERO, ZERO, ZERO
        for (_, product), net in self.nets.items():
            if product is Product.CNC:
                delivery += net.cost
                long += max(net.cost, ZERO)
                short += max(-net.cost, ZERO) if self._shorts else ZERO
            else:
                margins += abs(net.cost) * self._margin
        cash = self._balance + realised - delivery
        bound = margins + self._blocked
        return Funds(
            available=cash - bound - 2 * short,
            used=bound + long + short,
            cash=cash,
            total=cash + long - short,
            currency=self._currency,
        )

    def positions(self, last: Callable[[str], Decimal], day: date) -> list[Position]:
        """Every position traded in, closed ones too, valued at the last prices."""
        return [
            position(symbol, product, net, last(symbol), day)
            for (symbol, product), net in self.nets.items()
        ]

    def _waiting(self, order: Order) -> Decimal:
        """Units of the same kind and side that open orders may still trade."""
        return self._pending.get((order.symbol, order.product, order.side), ZERO)

    def _count(self, order: Order, quantity: Decimal) -> None:
        key = (order.symbol, order.product, order.side)
        self._pending[key] = self._pending.get(key, ZERO) + quantity


def position(
    symbol: str, product: Product, net: Net, last: Decimal, day: date
) -> Position:
    """A net as the row of a position, valued at the price *last*."""
    return Position(
        symbol=symbol,
        product=product,
        quantity=net.quantity,
        day_quantity=net.traded_on(day),
        average_price=net.cost / net.quantity if net.quantity else ZERO,
        last_price=last,
        realised_pnl=net.realised,
        unrealised_pnl=net.quantity * last - net.cost,
    )


def share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """*part* / *whole* of an amount; the whole gives all of it, to the last digit."""
    if part == whole:
        return amount
    return (amount * part / whole).quantize(FINEST)
