"""The simulated broker as one incarnation of the gateway calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import trio

from adapters import (
    ZERO,
    Acked,
    BookOrder,
    Capabilities,
    Depth,
    Funds,
    Grant,
    Holding,
    LastLook,
    LoginPort,
    Margin,
    NotSent,
    Order,
    Position,
    PublishedLimits,
    Quote,
    RateLimited,
    Rejected,
    SentUnknown,
    SessionExpired,
    Trade,
)
from adapters.brokers.paper.adapter import CAPABILITIES
from tests.sim.book import Entry
from tests.sim.door import Door, token
from tests.sim.faults import Fault
from tests.sim.venue import Venue

PER_SECOND, PER_MINUTE = 10, 200


def capabilities(*, tagged: bool) -> Capabilities:
    """Like the first brokers': ten a second, 200 a minute, a book worth polling."""
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


class Port:
    """One incarnation's way to a venue.

    Args:
        venue: the broker.
        incarnation: which life of the gateway this is.
        is_dead: whether that life is over: then nothing leaves any more.
        wall: for grants.
    """

    def __init__(
        self,
        venue: Venue,
        incarnation: int,
        is_dead: Callable[[], bool],
        wall: Callable[[], datetime],
    ) -> None:
        self.capabilities = capabilities(tagged=venue.tagged)
        self.login: LoginPort | None = None
        if venue.login != "none":
            self.login = Door(self.connected, venue, wall)
        self._venue = venue
        self._incarnation = incarnation
        self._is_dead = is_dead
        self._grant: Grant | None = None

    def use(self, grant: Grant | None) -> None:
        self._grant = grant

    async def place(
        self, order: Order, tag: str, last_look: LastLook
    ) -> Acked | Rejected:
        venue = self._venue
        fault = await self.connected("place", tag)
        last_look()
        venue.depart("place", tag, self._incarnation)
        booked: list[Entry] = []
        expired = self._expired()
        if fault.arrives and not expired:

            def carry_out(now: float) -> None:
                booked.append(venue.book(order, tag, now, fault))

            venue.send(fault.transit, carry_out, tag)
        venue.calling[tag] = self._incarnation
        try:
            no = await self._answered(fault, f"place {tag}", expired=expired)
        finally:
            del venue.calling[tag]
        return no or Acked(broker_order_id=booked[0].id)

    async def cancel(self, broker_order_id: str) -> Acked | Rejected:
        venue = self._venue
        return await self._change(
            "cancel", broker_order_id, lambda now: venue.cancel(broker_order_id, now)
        )

    async def modify(
        self, broker_order_id: str, order: Order, last_look: LastLook
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
        last_look: LastLook = lambda: None,
    ) -> Acked | Rejected:
        fault = await self.connected(operation)
        last_look()
        self._venue.depart(operation, broker_order_id, self._incarnation)
        ends: list[Rejected | None] = []
        expired = self._expired()
        if fault.arrives and not expired:
            self._venue.send(fault.transit, lambda now: ends.append(change(now)))
        what = f"{operation} {broker_order_id}"
        no = await self._answered(fault, what, expired=expired)
        return no or ends[0] or Acked(broker_order_id=broker_order_id)

    async def order_book(self) -> Sequence[BookOrder]:
        return self._venue.rows((await self._read("order_book")).lag)

    async def order_by_tag(self, tag: str) -> BookOrder | None:
        rows = [row for row in await self.order_book() if row.tag == tag]
        return rows[0] if rows else None

    async def trades(self) -> Sequence[Trade]:
        fault = await self._read("trades")
        trades = self._venue.trades(fault.lag)
        return [*trades, *trades] if fault.repeats else trades

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

    async def connected(self, operation: str, tag: str | None = None) -> Fault:
        """Connect; up to the last look.

        Raises:
            NotSent: there is no connection, or nobody who could use it.
        """
        fault = self._venue.faults.draw(operation, trio.current_time())
        if tag is not None:
            self._venue.met.setdefault(tag, []).append(fault.name)
        await trio.sleep(fault.connecting)
        if self._is_dead():
            raise NotSent("this incarnation is dead")
        if not fault.connects:
            raise NotSent(fault.name)
        if fault.ends == "expired" and self.login is not None:
            self._venue.end_session()
        return fault

    def _expired(self) -> bool:
        if self.login is None:
            return False
        held = self._grant
        return held is None or held.access_token.reveal() != token(self._venue)

    async def _answered(
        self, fault: Fault, what: str, *, expired: bool
    ) -> Rejected | None:
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
        if fault.ends == "lost":
            raise SentUnknown(fault.name)
        if fault.ends == "limited":
            raise RateLimited("slow down", fault.retry_after, 429)
        if expired:
            raise SessionExpired("the session is over", "401", 401)
        if not fault.arrives:
            return Rejected(code="RMS", text="refused by the risk rules")
        return None

    async def _read(self, operation: str) -> Fault:
        fault = await self.connected(operation)
        expired = self._expired()
        if fault.ends == "silent":
            await trio.sleep_forever()
        await trio.sleep(fault.transit + fault.answer)
        if fault.crashes:
            raise RuntimeError(f"an injected bug in {operation}")
        if fault.ends == "limited":
            raise RateLimited("slow down", fault.retry_after, 429)
        if fault.ends == "lost":
            raise SentUnknown(fault.name)
        if expired:
            raise SessionExpired("the session is over", "401", 401)
        return fault
