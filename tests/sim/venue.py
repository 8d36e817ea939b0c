"""A simulated broker: its book lives outside the gateway and outlives its crashes.

What was sent travels on its own: an order may arrive after its sender died. Nothing
runs here; the book is brought up to the moment whenever somebody looks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import trio

from adapters import (
    ZERO,
    Acked,
    BookOrder,
    BookStatus,
    Capabilities,
    Depth,
    Funds,
    Grant,
    Holding,
    Margin,
    NotSent,
    Order,
    Position,
    PublishedLimits,
    Quote,
    RateLimited,
    Rejected,
    SentUnknown,
    Trade,
)
from adapters.brokers.paper.adapter import CAPABILITIES
from tests.sim.faults import Fault, Faults

PER_SECOND, PER_MINUTE = 10, 200


def capabilities(*, tagged: bool) -> Capabilities:
    """Like the first brokers': ten a second, 200 a minute, a book worth polling."""
    import msgspec

    limits = PublishedLimits(
        orders_per_second=PER_SECOND, per_minute=PER_MINUTE, per_day=100_000
    )
    return msgspec.structs.replace(
        CAPABILITIES,
        limits=limits,
        tag=CAPABILITIES.tag if tagged else None,
        book_poll=10.0,
        simulated=False,  # else its limits would not be kept
    )


class Departure(NamedTuple):
    """An order-changing call that left the gateway. `seq` orders all that happens."""

    seq: int
    at: float
    operation: str
    tag: str
    incarnation: int


class Fill(NamedTuple):
    """Part of an order, traded."""

    at: float
    quantity: Decimal
    price: Decimal


@dataclass
class Entry:
    """An order in the book."""

    id: str
    tag: str
    order: Order
    booked_at: float
    visible_at: float
    plan: list[Fill]
    fills: list[Fill] = field(default_factory=list)
    status: BookStatus = BookStatus.OPEN

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def average(self) -> Decimal | None:
        if not self.fills:
            return None
        return sum((f.quantity * f.price for f in self.fills), ZERO) / self.filled

    def advance(self, now: float) -> None:
        """Trade what was to trade by now."""
        while self.status is BookStatus.OPEN and self.plan and self.plan[0].at <= now:
            at, quantity, price = self.plan.pop(0)
            left = self.order.quantity - self.filled
            self.fills.append(Fill(at, min(quantity, left), price))
            if self.filled == self.order.quantity:
                self.status = BookStatus.FILLED


class _Coming(NamedTuple):
    """A call under way to the venue."""

    due: float
    number: int
    carry_out: Callable[[float], None]


class Venue:
    """One broker account.

    Args:
        name: of the broker.
        rng: for fills.
        faults: how calls go.
        count: numbers what happens.
        tagged: whether its book shows client tags.
    """

    def __init__(
        self,
        name: str,
        rng: random.Random,
        faults: Faults,
        count: Callable[[], int],
        *,
        tagged: bool = True,
    ) -> None:
        self.name = name
        self.faults = faults
        self.tagged = tagged
        self.entries: dict[str, Entry] = {}
        self.departures: list[Departure] = []
        self.trace: list[str] = []
        self.met: dict[str, list[str]] = {}
        self._rng = rng
        self._count = count
        self._coming: list[_Coming] = []
        self._number = 0

    def depart(self, operation: str, tag: str, incarnation: int) -> None:
        """A byte leaves the gateway now."""
        now = trio.current_time()
        departure = Departure(self._count(), now, operation, tag, incarnation)
        self.departures.append(departure)
        self.trace.append(f"{now:.6f} {operation} {tag} by {incarnation}")

    def send(self, transit: float, carry_out: Callable[[float], None]) -> None:
        """A request is under way, whatever becomes of its sender."""
        self._number += 1
        due = trio.current_time() + transit
        self._coming.append(_Coming(due, self._number, carry_out))
        self._coming.sort()

    def look(self) -> None:
        """Bring the book up to this moment."""
        now = trio.current_time()
        while self._coming and self._coming[0].due <= now:
            coming = self._coming.pop(0)
            self._advance(coming.due)
            coming.carry_out(coming.due)
        self._advance(now)

    def _advance(self, now: float) -> None:
        for entry in self.entries.values():
            entry.advance(now)

    def book(self, order: Order, tag: str, now: float, hidden: float) -> Entry:
        """Take an order."""
        number = len(self.entries) + 1
        entry = Entry(
            id=f"{self.name}-{number:04}",
            tag=tag,
            order=order,
            booked_at=now,
            visible_at=now + hidden,
            plan=self._plan(order, now),
        )
        self.entries[entry.id] = entry
        self.trace.append(f"{now:.6f} booked {entry.id} {tag}")
        return entry

    def _plan(self, order: Order, now: float) -> list[Fill]:
        rng = self._rng
        if (order.price is not None and order.price < 750) or rng.random() < 0.15:
            return []  # it rests
        parts = rng.choice([1, 1, 2, 3])
        price = order.price or Decimal(812)
        moments = sorted(now + rng.random() * 40 for _ in range(parts))
        each = (order.quantity / parts).to_integral_value()
        sizes = [each] * (parts - 1) + [order.quantity - each * (parts - 1)]
        return [
            Fill(at, size, price - Decimal(rng.randrange(0, 20)) / 20)
            for at, size in zip(moments, sizes, strict=True)
            if size > 0
        ]

    def cancel(self, broker_order_id: str, now: float) -> Rejected | None:
        entry = self.entries.get(broker_order_id)
        if entry is None or entry.status is not BookStatus.OPEN:
            return Rejected(code="CLOSED", text="the order is not open")
        entry.status = BookStatus.CANCELLED
        self.trace.append(f"{now:.6f} cancelled {entry.id}")
        return None

    def change(self, broker_order_id: str, order: Order, now: float) -> Rejected | None:
        entry = self.entries.get(broker_order_id)
        if entry is None or entry.status is not BookStatus.OPEN:
            return Rejected(code="CLOSED", text="the order is not open")
        if order.quantity <= entry.filled:
            return Rejected(code="QTY", text="so much is filled already")
        entry.order = order
        self.trace.append(f"{now:.6f} changed {entry.id}")
        return None

    def rows(self, lag: float) -> list[BookOrder]:
        """The book as it is shown, *lag* seconds late for new orders."""
        self.look()
        now = trio.current_time() - lag
        return [
            BookOrder(
                broker_order_id=entry.id,
                tag=entry.tag if self.tagged else None,
                symbol=entry.order.symbol,
                side=entry.order.side,
                quantity=entry.order.quantity,
                filled_quantity=entry.filled,
                status=entry.status,
                type=entry.order.type,
                product=entry.order.product,
                price=entry.order.price,
                trigger_price=entry.order.trigger_price,
                average_price=entry.average,
                validity=entry.order.validity,
                placed_at=None,
            )
            for entry in self.entries.values()
            if entry.visible_at <= now
        ]

    def trades(self, lag: float) -> list[Trade]:
        self.look()
        now = trio.current_time() - lag
        return [
            Trade(
                trade_id=f"{entry.id}-{number}",
                broker_order_id=entry.id,
                tag=entry.tag if self.tagged else None,
                symbol=entry.order.symbol,
                side=entry.order.side,
                quantity=fill.quantity,
                price=fill.price,
                product=entry.order.product,
            )
            for entry in self.entries.values()
            for number, fill in enumerate(entry.fills)
            if entry.visible_at <= now
        ]

    def positions(self) -> list[Position]:
        self.look()
        net: dict[str, Decimal] = {}
        for entry in self.entries.values():
            symbol = entry.order.symbol
            net[symbol] = net.get(symbol, ZERO) + entry.order.side.sign * entry.filled
        return [
            Position(
                symbol=symbol,
                product="INTRADAY",
                quantity=quantity,
                day_quantity=quantity,
                average_price=ZERO,
                last_price=None,
                realised_pnl=ZERO,
                unrealised_pnl=ZERO,
            )
            for symbol, quantity in net.items()
        ]


class Port:
    """The venue as one incarnation of the gateway calls it."""

    login = None

    def __init__(
        self, venue: Venue, incarnation: int, is_dead: Callable[[], bool]
    ) -> None:
        self.capabilities = capabilities(tagged=venue.tagged)
        self._venue = venue
        self._incarnation = incarnation
        self._is_dead = is_dead

    def use(self, grant: Grant | None) -> None:
        """There is no session."""

    async def place(
        self, order: Order, tag: str, last_look: Callable[[], None]
    ) -> Acked | Rejected:
        venue = self._venue
        fault = await self._connected("place", tag)
        last_look()
        venue.depart("place", tag, self._incarnation)
        booked: list[Entry] = []
        if fault.arrives:

            def carry_out(now: float) -> None:
                booked.append(venue.book(order, tag, now, fault.hidden))

            venue.send(fault.transit, carry_out)
        no = await self._answered(fault, f"place {tag}")
        return no or Acked(broker_order_id=booked[0].id)

    async def cancel(self, broker_order_id: str) -> Acked | Rejected:
        venue = self._venue
        return await self._change(
            "cancel", broker_order_id, lambda now: venue.cancel(broker_order_id, now)
        )

    async def modify(
        self, broker_order_id: str, order: Order, last_look: Callable[[], None]
    ) -> Acked | Rejected:
        venue = self._venue
        return await self._change(
            "modify",
            broker_order_id,
            lambda now: venue.change(broker_order_id, order, now),
            last_look,
        )

    async def _change(
        self,
        operation: str,
        broker_order_id: str,
        change: Callable[[float], Rejected | None],
        last_look: Callable[[], None] = lambda: None,
    ) -> Acked | Rejected:
        fault = await self._connected(operation)
        last_look()
        self._venue.depart(operation, broker_order_id, self._incarnation)
        ends: list[Rejected | None] = []
        if fault.arrives:
            self._venue.send(fault.transit, lambda now: ends.append(change(now)))
        no = await self._answered(fault, f"{operation} {broker_order_id}")
        return no or ends[0] or Acked(broker_order_id=broker_order_id)

    async def order_book(self) -> Sequence[BookOrder]:
        lag = await self._read("order_book")
        return self._venue.rows(lag)

    async def order_by_tag(self, tag: str) -> BookOrder | None:
        rows = [row for row in await self.order_book() if row.tag == tag]
        return rows[0] if rows else None

    async def trades(self) -> Sequence[Trade]:
        return self._venue.trades(await self._read("trades"))

    async def positions(self) -> Sequence[Position]:
        await self._read("positions")
        return self._venue.positions()

    async def holdings(self) -> Sequence[Holding]:
        await self._read("holdings")
        return []

    async def funds(self) -> Funds:
        await self._read("funds")
        money = Decimal(10**9)
        return Funds(available=money, used=ZERO, cash=money, total=money)

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        await self._read("quotes")
        return [Quote(symbol=symbol, last_price=Decimal(812)) for symbol in symbols]

    async def check(self) -> None:
        await self._read("check")

    async def aclose(self) -> None:
        """Nothing is open."""

    async def depth(self, symbol: str) -> Depth:
        raise NotImplementedError

    async def margin(self, orders: Sequence[Order]) -> Margin:
        raise NotImplementedError

    async def download_master(self, directory: Any) -> Sequence[Any]:
        raise NotImplementedError

    # How calls go ---------------------------------------------------------------------

    async def _connected(self, operation: str, tag: str | None = None) -> Fault:
        """Up to the last look."""
        fault = self._venue.faults.draw(operation, trio.current_time())
        if tag is not None:
            self._venue.met.setdefault(tag, []).append(fault.name)
        await trio.sleep(fault.connecting)
        if self._is_dead():
            raise NotSent("this incarnation is dead")
        if not fault.connects:
            raise NotSent(fault.name)
        return fault

    async def _answered(self, fault: Fault, what: str) -> Rejected | None:
        """From the first byte on."""
        if fault.crashes:
            await trio.lowlevel.checkpoint()
            self._venue.look()
            raise RuntimeError(f"an injected bug in {what}")
        if fault.ends == "silent":
            await trio.sleep_forever()
        if fault.ends == "lost_now":
            await trio.sleep(0.5)
            raise SentUnknown("reset")
        await trio.sleep(fault.transit + fault.answer)
        self._venue.look()
        match fault.ends:
            case "lost":
                raise SentUnknown(fault.name)
            case "limited":
                raise RateLimited("slow down", fault.retry_after, 429)
            case "refused":
                return Rejected(code="RMS", text="refused by the risk rules")
        return None

    async def _read(self, operation: str) -> float:
        """A read; gives how many seconds the answer lags behind for new orders."""
        fault = self._venue.faults.draw(operation, trio.current_time())
        await trio.sleep(fault.connecting)
        if self._is_dead() or not fault.connects:
            raise NotSent(fault.name)
        if fault.ends == "silent":
            await trio.sleep_forever()
        await trio.sleep(fault.transit + fault.answer)
        if fault.crashes:
            raise RuntimeError(f"an injected bug in {operation}")
        if fault.ends == "limited":
            raise RateLimited("slow down", fault.retry_after, 429)
        if fault.ends != "answered":
            raise SentUnknown(fault.name)
        return 20.0 if fault.name == "slow" else 0.0
