"""What lasts and should not: looked at again and again, for alerts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time, timedelta

from actors.alerts import State
from actors.market_day import IST
from adapters import OrderQuery, OrderStatus, StoreFailed
from ordo.system import System

BEFORE_OPEN, OPEN = time(8, 30), time(9, 15)
"""When a log-in that is missing is worth a call; the market opens at 9:15 in India."""
SATURDAY = 5
MOST = 1000


class Looks:
    """Looks at a running system.

    Args:
        system: of which.
    """

    def __init__(self, system: System) -> None:
        self._system = system

    async def store(self) -> Iterable[State]:
        """No order is accepted."""
        failure = self._system.store.failure
        if failure is None:
            return ()
        words = f"no new orders until it is back: {failure}"
        return (State("store", "the store fails", words),)

    async def unknown(self) -> Iterable[State]:
        """Orders of which nobody knows for too long whether they arrived."""
        system = self._system
        long_ago = system.clockwork.wall() - timedelta(
            seconds=system.settings.alerts.unknown_after
        )
        query = OrderQuery(status=OrderStatus.UNKNOWN, limit=MOST)
        try:
            found = await system.records.read(lambda store: store.orders(query))
        except StoreFailed:
            return ()  # which `store` tells of
        return [
            State(
                f"unknown:{row.order_id}",
                f"an order at {row.broker} is unknown",
                f"{row.order_id} ({row.order.symbol}) may have arrived, and the book"
                " does not tell; look at the broker's own screen",
                broker=row.broker,
                order_id=row.order_id,
            )
            for row in found
            if row.updated_at < long_ago
        ]

    async def sessions(self) -> Iterable[State]:
        """Before the market opens: the brokers that nobody has logged in to."""
        now = self._system.clockwork.wall().astimezone(IST)
        if now.weekday() >= SATURDAY or not BEFORE_OPEN <= now.time() < OPEN:
            return ()
        return [
            State(
                f"login:{name}",
                f"{name} is not logged in",
                f"the market opens at {OPEN:%H:%M}; run: ordo login {name}",
                broker=name,
            )
            for name in self._system.logged_out
        ]
