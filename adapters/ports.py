"""What the actors need of a broker. `adapters.store_port` is what they need of a store.

Adapters implement these protocols and nothing more: no tasks, no retries, no policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec

from adapters.login import Grant, LoginPort
from adapters.model import (
    Acked,
    BookOrder,
    Depth,
    Funds,
    Holding,
    Margin,
    Order,
    OrderType,
    Position,
    Product,
    Quote,
    Rejected,
    Trade,
    Validity,
)

LastLook = Callable[[], None]
"""Called once connected, right before the first byte of an order; raises `Stopped`.

An adapter calls it with no await between it and the send."""


class PublishedLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How often a broker lets itself be called; None where it publishes no such limit.

    `orders_*` count place, modify and cancel together; the others count every call.
    """

    orders_per_second: int | None = None
    orders_per_minute: int | None = None
    orders_per_hour: int | None = None
    per_second: int | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None


class TagRule(msgspec.Struct, frozen=True, kw_only=True):
    """The client tags a broker takes: which characters, how many."""

    alphabet: str
    max_length: int


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker can do, as data.

    `tag` is None where the broker shows no client tag. `book_poll` is the seconds
    between reads of the book while orders are open. `fractional` allows decimal
    quantities. `simulated`: it is a part of Ordo, and the port a `SimulatedPort`.
    `no_ioc` names exchanges where IOC, though among the validities, is not taken: by
    default MCX, which has none for programs (regulation.md, rule 21).
    `order_updates`: it tells of changes by itself, and the port is a `TellingPort`.
    `protects_market`: MARKET and SL-M may go out as they are, for the broker itself
    sends them on with a protected price. `margin`, `depth`, `master`: there are such
    calls.
    """

    limits: PublishedLimits
    tag: TagRule | None
    order_types: frozenset[OrderType]
    products: frozenset[Product]
    validities: frozenset[Validity]
    exchanges: frozenset[str]
    book_poll: float = 30.0
    fractional: bool = False
    simulated: bool = False
    no_ioc: frozenset[str] = frozenset({"MCX"})
    protects_market: bool = False
    margin: bool = False
    depth: bool = False
    master: bool = False
    order_updates: bool = False


class BrokerPort(Protocol):
    """One account at one broker.

    Every call may raise `NotSent`, `SentUnknown` (for a read: no answer to use),
    `SessionExpired`, `RateLimited` or `Unsupported`; reads also `Refused`. Calls have
    no time-out of their own beyond connecting: that is the caller's cancel scope.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def login(self) -> LoginPort | None:
        """How one gets in; None where there is no session to be had or lost."""

    def use(self, grant: Grant | None) -> None:
        """Make all calls from now on with *grant*; with None they raise
        `SessionExpired`."""

    async def place(
        self, order: Order, tag: str, last_look: LastLook
    ) -> Acked | Rejected: ...

    async def modify(
        self, broker_order_id: str, order: Order, last_look: LastLook
    ) -> Acked | Rejected: ...

    async def cancel(self, broker_order_id: str) -> Acked | Rejected: ...

    async def order_book(self) -> Sequence[BookOrder]: ...

    async def order_by_tag(self, tag: str) -> BookOrder | None: ...

    async def trades(self) -> Sequence[Trade]: ...

    async def positions(self) -> Sequence[Position]: ...

    async def holdings(self) -> Sequence[Holding]: ...

    async def funds(self) -> Funds: ...

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]: ...

    async def depth(self, symbol: str) -> Depth: ...

    async def margin(self, orders: Sequence[Order]) -> Margin:
        """What *orders* together would block."""

    async def download_master(self, directory: Path) -> Sequence[Path]:
        """Stream the broker's instrument files into *directory*, whole or not at all.

        Raises:
            Refused, SentUnknown: no master, or not all of it.
        """

    async def check(self) -> None:
        """Make a cheap call that fails unless the session is good."""

    async def aclose(self) -> None: ...


class SimulatedPort(BrokerPort, Protocol):
    """A broker inside Ordo: somebody says when its orders trade, and at what price."""

    async def simulate_fill(
        self, broker_order_id: str, quantity: Decimal, price: Decimal
    ) -> Trade:
        """Trade *quantity* units of an open order at *price*, whatever the market says.

        Raises:
            Refused: it is not open, or not for that much, or the price is none.
            NotSent: it could not be recorded, and was not done.
        """


class OrderUpdates(Protocol):
    """A broker's own word of changes, for as long as a connection to it lives."""

    async def receive(self) -> BookOrder | None:
        """Wait for the next change: a row as the order book has it, or None where
        the broker tells that there is one and not all of it: the book has it.

        Rows may come twice, late and out of order. A cancel loses none.

        Raises:
            SentUnknown: the connection has ended, says nothing any more, or said what
                cannot be read; nothing more comes over it.
            SessionExpired: the broker says that the session is none.
        """


class TellingPort(BrokerPort, Protocol):
    """A broker that tells of changes of orders by itself."""

    def order_updates(self) -> AbstractAsyncContextManager[OrderUpdates]:
        """A connection, for as long as the block lasts; changes from before it are not
        told. Opening takes at most some ten seconds.

        Raises:
            NotSent, SentUnknown: there is none.
            SessionExpired: the broker does not let us in with this session.
        """
