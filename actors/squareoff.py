"""Squaring off while trading is on: what is open now becomes one batch of exits.

The batch goes the way of all orders. A key that was used is answered by what it placed
then, and nobody's positions are read for that.
"""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import trio

from actors.exits import exits, open_positions
from actors.messages import (
    ClosePositions,
    Denial,
    FetchAll,
    Fetched,
    FetchFailed,
    Leg,
    NothingAccepted,
    PlaceBatch,
    SquaredOff,
)
from actors.placing import Placing
from adapters.instruments import InstrumentIndex

ROUTE = "POST /api/v1/positions/close"
READING = 0.5
"""The share of the time that the positions may take: then the orders have to go."""

Fetcher = Callable[[str, FetchAll, float], Awaitable[Fetched | FetchFailed]]
"""Reads from a broker by a deadline on the Trio clock."""


class SquareOff:
    """Closes positions, each request once.

    Args:
        placing: places the orders.
        fetch: reads the positions.
        instruments: what each broker trades, by its name.
    """

    def __init__(
        self,
        placing: Placing,
        fetch: Fetcher,
        instruments: Mapping[str, InstrumentIndex],
    ) -> None:
        self._placing = placing
        self._fetch = fetch
        self._instruments = instruments

    async def close(self, message: ClosePositions, deadline: float) -> SquaredOff:
        """Bring it to its answer, a margin before *deadline* (Trio clock)."""
        failures: list[FetchFailed] = []
        empty = PlaceBatch(
            principal=message.principal,
            request_id=message.request_id,
            key=message.key,
            key_given=message.key_given,
            fingerprint=message.fingerprint,
            legs=(),
            portfolio_id=None,
            deadline_ms=message.deadline_ms,
            route=ROUTE,
            exits=True,
        )

        async def make() -> PlaceBatch:
            legs = await self._legs(message, deadline, failures)
            return msgspec.structs.replace(empty, legs=legs)

        reply = await self._placing.place_made(empty, deadline, make)
        nothing = isinstance(reply, NothingAccepted) and not reply.legs
        return SquaredOff(batch=None if nothing else reply, failures=tuple(failures))

    async def _legs(
        self, message: ClosePositions, deadline: float, failures: list[FetchFailed]
    ) -> tuple[Leg, ...]:
        """The orders that close what is open, each at its broker."""
        now = trio.current_time()
        by = now + (deadline - now) * READING
        fetch = FetchAll(kind="positions", brokers=message.brokers)
        answers: dict[str, Fetched | FetchFailed] = {}

        async def read(broker: str) -> None:
            answers[broker] = await self._fetch(broker, fetch, by)

        async with trio.open_nursery() as reads:
            for broker in message.brokers:
                reads.start_soon(read, broker)
        legs: list[Leg] = []
        for broker in message.brokers:
            answer = answers[broker]
            if isinstance(answer, FetchFailed):
                failures.append(answer)
            else:
                self._exits(answer, message.symbol, legs, failures)
        return tuple(legs)

    def _exits(
        self,
        positions: Fetched,
        symbol: str | None,
        legs: list[Leg],
        failures: list[FetchFailed],
    ) -> None:
        """Add one broker's orders to *legs*, what has none to *failures*."""
        broker = positions.broker
        for held, net in open_positions(positions.rows, symbol).items():
            instrument = self._instruments[broker].by_symbol(held.symbol)
            orders = exits(held, net, instrument)
            if isinstance(orders, Denial):
                words = f"{held}: {orders.message}"
                denial = msgspec.structs.replace(orders, message=words)
                failures.append(FetchFailed(broker=broker, denial=denial))
                continue
            legs += [
                Leg(order_index=len(legs) + index, broker=broker, order=order)
                for index, order in enumerate(orders)
            ]
