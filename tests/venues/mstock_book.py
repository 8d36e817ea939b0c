"""The m.Stock venue's book: orders, fills, a simple matching, and the account."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import msgspec

from .mstock_market import IST, Instrument, Market
from .mstock_rules import DEAD, NONE, Refused, Terms, check

ZERO = Decimal(0)
PENDING, TRIGGER, TRADED = "Pending", "Trigger pending", "Traded"
CANCELLED, REJECTED = "Cancelled", "Rejected"


class Order(msgspec.Struct):
    """One order of the day; *visible_at* is when books show it."""

    id: str
    instrument: Instrument
    terms: Terms
    status: str
    at: float
    visible_at: float
    filled: Decimal = ZERO
    value: Decimal = ZERO
    message: str = ""

    @property
    def is_open(self) -> bool:
        return self.status in (PENDING, TRIGGER)

    @property
    def left(self) -> Decimal:
        return self.terms.quantity - self.filled

    @property
    def average(self) -> Decimal:
        return self.value / self.filled if self.filled else ZERO


class Fill(msgspec.Struct):
    """One trade."""

    number: str
    order: Order
    quantity: Decimal
    price: Decimal
    at: float


class Held(msgspec.Struct):
    """What today's trades in one instrument and product came to."""

    instrument: Instrument
    product: str
    bought: Decimal = ZERO
    bought_value: Decimal = ZERO
    sold: Decimal = ZERO
    sold_value: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.bought - self.sold

    @property
    def buy_average(self) -> Decimal:
        return self.bought_value / self.bought if self.bought else ZERO

    @property
    def sell_average(self) -> Decimal:
        return self.sold_value / self.sold if self.sold else ZERO


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """How the next order is treated; the default is: as the market would."""

    reject: str = ""
    late: float = 0.0
    fill: int | None = None


NORMAL = Handling()


class Book:
    """Orders, trades, positions and funds of one account.

    Args:
        clock: wall clock, epoch seconds.
    """

    def __init__(
        self, market: Market, clock: Callable[[], float], funds: Decimal
    ) -> None:
        self.market = market
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.positions: dict[tuple[str, str, str], Held] = {}
        self.holdings = [(("NSE", "3499"), 2, "151.87"), (("NSE", "1660"), 5, "410")]
        self.funds = funds
        self.collateral = ZERO
        self.matching = True
        self.risk = False
        self.handling = NORMAL
        self.changed: Callable[[Order], None] = lambda order: None
        self._clock = clock

    # What clients ask for

    def place(self, terms: Terms, instrument: Instrument) -> Order:
        """Take an order.

        Raises:
            Refused: it breaks a rule (no order exists), or the risk desk says no (it
                stands in the book as rejected).
        """
        check(terms, instrument)
        now = self._clock()
        date = datetime.fromtimestamp(now, IST)
        number = f"1131{date:%y%m%d}{len(self.orders) + 1:03d}"
        status = TRIGGER if terms.trigger else PENDING
        order = Order(number, instrument, terms, status, now, now + self.handling.late)
        self.orders[number] = order
        reason = self.handling.reject or self._shortfall(order)
        if reason:
            order.status = REJECTED
            order.message = f"RMS:{number}:{instrument.exchange},{reason}"
            self.changed(order)
            raise Refused("MiraeException", order.message, code="RS-0111")
        self.changed(order)
        if self.handling.fill is not None:
            if self.handling.fill:
                price = terms.price or self.market.last(instrument)
                self.fill(order, Decimal(self.handling.fill), price)
            return order
        self._match(order)
        if order.is_open and terms.validity == "IOC":
            order.status = CANCELLED
            self.changed(order)
        return order

    def modify(self, number: str, terms: Terms) -> Order:
        """Change a resting order; its quantity is the total."""
        order = self.working(number, "RS-0034")
        check(terms, order.instrument)
        if terms.quantity <= order.filled:
            raise Refused("InputException", "Invalid quantity.", status=400)
        terms.tag = order.terms.tag
        order.terms = terms
        order.status = TRIGGER if terms.trigger else PENDING
        self.changed(order)
        self._match(order)
        return order

    def cancel(self, number: str) -> Order:
        order = self.working(number, "RS-00093")
        order.status = CANCELLED
        self.changed(order)
        return order

    def working(self, number: str, code: str) -> Order:
        """An open order; B's *code* is for one that is done."""
        order = self.orders.get(number)
        if order is None:
            raise Refused("InputException", NONE, code=code)
        if not order.is_open:
            raise Refused("MiraeException", DEAD, code=code)
        return order

    # The market's hand

    def set_price(self, key: tuple[str, str], price: Decimal) -> None:
        self.market.prices[key].move(price)
        for order in list(self.orders.values()):
            if (order.instrument.exchange, order.instrument.token) == key:
                self._match(order)

    def fill(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        """Fill so many units of an open order.

        Raises:
            ValueError: it has not so many left, or is not open.
        """
        if not (order.is_open and 0 < quantity <= order.left):
            raise ValueError(f"{order.id}: cannot fill {quantity} of {order.left}")
        order.filled += quantity
        order.value += quantity * price
        order.status = PENDING if order.left else TRADED
        number = str(206465040 + len(self.fills))
        self.fills.append(Fill(number, order, quantity, price, self._clock()))
        one, product = order.instrument, order.terms.product
        key = (one.exchange, one.token, product)
        held = self.positions.setdefault(key, Held(one, product))
        if order.terms.side == "BUY":
            held.bought += quantity
            held.bought_value += quantity * price
        else:
            held.sold += quantity
            held.sold_value += quantity * price
        self.changed(order)

    # What books show

    def shown(self, now: float) -> list[Order]:
        return [order for order in self.orders.values() if order.visible_at <= now]

    @property
    def used(self) -> Decimal:
        resting = (order for order in self.orders.values() if order.is_open)
        blocked = sum((self._need(order) for order in resting), ZERO)
        held = self.positions.values()
        return blocked + sum(
            (
                abs(one.net) * (one.buy_average if one.net > 0 else one.sell_average)
                for one in held
            ),
            ZERO,
        )

    @property
    def free(self) -> Decimal:
        return self.funds + self.collateral - self.used

    def _need(self, order: Order) -> Decimal:
        price = order.terms.price or order.terms.trigger
        return order.left * (price or self.market.last(order.instrument))

    def _shortfall(self, order: Order) -> str:
        if not self.risk or self.free >= 0:
            return ""
        return f"FUND LIMIT INSUFFICIENT,ADDITIONAL REQUIRED FUND={-self.free}"

    def _match(self, order: Order) -> None:
        if not (order.is_open and self.matching):
            return
        last, terms = self.market.last(order.instrument), order.terms
        sign = 1 if terms.side == "BUY" else -1
        if order.status == TRIGGER:
            if sign * (last - terms.trigger) < 0:
                return
            order.status = PENDING
        if not terms.price or sign * (terms.price - last) >= 0:
            self.fill(order, order.left, last)
