"""A simulated broker: its book lives outside the gateway and outlives its crashes.

What was sent travels on its own: an order may arrive after its sender died. Nothing
runs here; the book is brought up to the moment whenever somebody looks.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

import trio

from adapters import ZERO, BookOrder, BookStatus, Order, Position, Rejected, Trade
from tests.sim.book import Entry, Fill
from tests.sim.faults import NONE, Fault, Faults

Login = Literal["none", "unattended", "attended"]
"""Whether there is a log-in, and whether somebody has to be there for it."""


LONG_LIFE = timedelta(hours=8)


class Departure(NamedTuple):
    """An order-changing call that left the gateway. `seq` orders all that happens."""

    seq: int
    at: float
    operation: str
    tag: str
    incarnation: int


class _Coming(NamedTuple):
    """A call under way to the venue."""

    due: float
    number: int
    tag: str | None
    carry_out: Callable[[float], None]


class Venue:
    """One broker account.

    Args:
        name: of the broker.
        rng: for fills.
        faults: how calls go.
        count: numbers what happens.
        tagged: whether its book shows client tags.
        login: how one gets in.

    Attributes:
        entries: the book, by the broker's numbers.
        departures: every order-changing call whose first byte left.
        met: how each try to place an order went, by its tag.
        calling: the tags of orders whose `place` has left and not come back.
        sessions: how many there were; the last one alone is good.
        life: of the sessions to come.
    """

    def __init__(
        self,
        name: str,
        rng: random.Random,
        faults: Faults,
        count: Callable[[], int],
        *,
        tagged: bool = True,
        login: Login = "none",
    ) -> None:
        self.name = name
        self.faults = faults
        self.tagged = tagged
        self.login = login
        self.entries: dict[str, Entry] = {}
        self.departures: list[Departure] = []
        self.trace: list[str] = []
        self.met: dict[str, list[str]] = {}
        self.calling: dict[str, int] = {}
        self.sessions = 1
        self.life = LONG_LIFE
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

    def send(
        self, transit: float, carry_out: Callable[[float], None], tag: str | None = None
    ) -> None:
        """A request is under way, whatever becomes of its sender."""
        self._number += 1
        due = trio.current_time() + transit
        self._coming.append(_Coming(due, self._number, tag, carry_out))
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

    def has(self, tag: str) -> bool:
        """Whether an order with the tag is here, or on its way."""
        return any(entry.tag == tag for entry in self.entries.values()) or any(
            coming.tag == tag for coming in self._coming
        )

    def end_session(self) -> None:
        """The broker takes the session of now no more."""
        self.sessions += 1

    # What calls do --------------------------------------------------------------------

    def book(self, order: Order, tag: str, now: float, fault: Fault = NONE) -> Entry:
        """Take an order."""
        number = len(self.entries) + 1
        entry = Entry(
            id=f"{self.name}-{number:04}",
            tag=tag,
            changes=[(now, order)],
            visible_at=now + fault.hidden,
            tag_at=now + fault.untagged,
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
        """Cancel an open order, or say why not."""
        entry = self.entries.get(broker_order_id)
        if entry is None or entry.status is not BookStatus.OPEN:
            return Rejected(code="CLOSED", text="the order is not open")
        entry.cancelled_at = now
        self.trace.append(f"{now:.6f} cancelled {entry.id}")
        return None

    def change(self, broker_order_id: str, order: Order, now: float) -> Rejected | None:
        """Change an open order, or say why not."""
        entry = self.entries.get(broker_order_id)
        if entry is None or entry.status is not BookStatus.OPEN:
            return Rejected(code="CLOSED", text="the order is not open")
        if order.quantity <= entry.filled:
            return Rejected(code="QTY", text="so much is filled already")
        entry.changes.append((now, order))
        self.trace.append(f"{now:.6f} changed {entry.id}")
        return None

    # What reads show ------------------------------------------------------------------

    def rows(self, lag: float) -> list[BookOrder]:
        """The whole book as it was *lag* seconds ago."""
        self.look()
        then = trio.current_time() - lag
        return [each.row(then, tagged=self.tagged) for each in self._visible(then)]

    def trades(self, lag: float) -> list[Trade]:
        """All trades as they were known *lag* seconds ago."""
        self.look()
        then = trio.current_time() - lag
        return [
            trade
            for each in self._visible(then)
            for trade in each.trades(then, tagged=self.tagged)
        ]

    def positions(self) -> list[Position]:
        """What all fills so far have made."""
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

    def _visible(self, then: float) -> list[Entry]:
        return [each for each in self.entries.values() if each.visible_at <= then]
