"""What one account asked of its broker today, and what it traded: the ratio of the two.

The exchange watches how many orders, changes and cancels come for each trade. Only what
may have reached the broker counts, and only what Ordo sent; each call counts, so a
cancel that was tried twice counts twice. A fill that Ordo saw counts as one trade,
though the exchange may have made several of it: the true ratio is never above this one.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType

import msgspec
import trio

from actors.clockwork import Wall
from actors.mailbox import Mailbox
from actors.market_day import market_day
from actors.verdicts import CallResult
from actors.windows import Kind
from actors.writer import tell
from adapters import OrderCounts, SaveOrderCounts

STORE_EVERY = 1.0
"""Seconds between two counts stored: what a crash forgets at the most."""
NAMES: Mapping[Kind, str] = MappingProxyType(
    {Kind.PLACE: "sent", Kind.MODIFY: "changed", Kind.CANCEL: "cancelled"}
)
REACHED = frozenset(
    {
        CallResult.ANSWERED,
        CallResult.REJECTED,
        CallResult.TIMED_OUT,
        CallResult.SERVER_ERROR,
        CallResult.PROTOCOL_ERROR,
        CallResult.UNREADABLE,
        CallResult.UNKNOWN,
    }
)
"""Ends of a call that may have reached the exchange."""
CENT = Decimal("0.01")


class Traffic:
    """Counts one broker's orders of the day; it outlives each start of its actor.

    Args:
        wall: tells the day.
        day: of what was counted before; None: nothing was.
        counts: that day's.
    """

    def __init__(
        self, wall: Wall, day: date | None = None, counts: OrderCounts | None = None
    ) -> None:
        self._wall = wall
        self._day = day or market_day(wall())
        self._counts = counts or OrderCounts()
        self._news = trio.Event()

    def called(self, kind: Kind, result: CallResult) -> None:
        """A call that left has ended."""
        if kind in NAMES and result in REACHED:
            self._add(NAMES[kind])

    def traded(self) -> None:
        """A fill was seen."""
        self._add("trades")

    def today(self) -> tuple[date, OrderCounts]:
        """The trading day in India, and what was counted on it."""
        day = market_day(self._wall())
        if day != self._day:
            self._day, self._counts = day, OrderCounts()
        return self._day, self._counts

    async def news(self) -> None:
        """Wait until more was counted since the last wait; for one at a time."""
        await self._news.wait()
        self._news = trio.Event()

    def _add(self, name: str) -> None:
        _, counts = self.today()
        news = {name: getattr(counts, name) + 1}
        self._counts = msgspec.structs.replace(counts, **news)
        self._news.set()


class TrafficKeeper:
    """Stores one broker's counts while they change, and at an orderly end.

    Args:
        broker: its name.
        traffic: which counts.
        writer: the writer's mailbox.
    """

    def __init__(self, broker: str, traffic: Traffic, writer: Mailbox) -> None:
        self._broker = broker
        self._traffic = traffic
        self._writer = writer
        self._stored = traffic.today()

    async def run(self) -> None:
        """Store what is new, until cancelled."""
        try:
            while True:
                await self._traffic.news()
                self._store()
                await trio.sleep(STORE_EVERY)
        finally:
            self._store()

    def _store(self) -> None:
        now = day, counts = self._traffic.today()
        if now == self._stored or counts == OrderCounts():
            return
        name = day.isoformat()
        write = SaveOrderCounts(broker=self._broker, day=name, counts=counts)
        tell(self._writer, write)
        self._stored = now


def ratio(counts: OrderCounts) -> Decimal | None:
    """Orders, changes and cancels for each trade; None where there was no trade."""
    return (asked(counts) / Decimal(counts.trades)) if counts.trades else None


def asked(counts: OrderCounts) -> int:
    """Orders, changes and cancels."""
    return counts.sent + counts.changed + counts.cancelled


def ratio_text(counts: OrderCounts) -> str | None:
    """The ratio as it is shown, to two places."""
    exact = ratio(counts)
    return None if exact is None else f"{exact.quantize(CENT):f}"
