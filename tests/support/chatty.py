"""A broker that tells of its orders by itself, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
import trio

from adapters import BookOrder, BookStatus, OrderRecord, OrderUpdates, SentUnknown
from tests.support.records import a_row

POLL = 5.0


class Chatty:
    """A broker port with order updates; all else is the one's inside.

    Attributes:
        tries: when a connection was tried, on the Trio clock.
        refusals: what the next tries end with; None: they succeed.
        book: what the order book has; None: what it has inside.
        open: how many connections there are.
    """

    def __init__(self, inside: Any, *, poll: float = POLL) -> None:
        self._inside = inside
        self.capabilities = msgspec.structs.replace(
            inside.capabilities, order_updates=True, book_poll=poll
        )
        self.tries: list[float] = []
        self.refusals: list[Exception | None] = []
        self.open = 0
        self.book: Sequence[BookOrder] | None = None
        self._line: Line | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    async def order_book(self) -> Sequence[BookOrder]:
        rows: Sequence[BookOrder] = await self._inside.order_book()
        return rows if self.book is None else self.book

    @asynccontextmanager
    async def order_updates(self) -> AsyncIterator[OrderUpdates]:
        self.tries.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None:
            raise refusal
        self.open += 1
        self._line = Line()
        try:
            yield self._line
        finally:
            self.open -= 1
            self._line = None

    def say(self, *said: BookOrder | Exception | None) -> None:
        """Tell these, in this order."""
        assert self._line is not None
        for one in said:
            self._line.send.send_nowait(one)

    def drop(self) -> None:
        """Break the connection."""
        self.say(SentUnknown("the socket was closed (code 1006)"))


class Line:
    """One connection: what is said comes out."""

    def __init__(self) -> None:
        self.send, self._heard = trio.open_memory_channel[Any](1000)

    async def receive(self) -> BookOrder | None:
        said: BookOrder | Exception | None = await self._heard.receive()
        if isinstance(said, Exception):
            raise said
        return said


def row_of(
    record: OrderRecord,
    status: BookStatus = BookStatus.OPEN,
    filled: int = 0,
    average: int | None = None,
    **changes: Any,
) -> BookOrder:
    """What the broker would say of an order."""
    fields: dict[str, Any] = {
        "broker_order_id": record.broker_order_id or "B1",
        "tag": record.client_tag,
        "price": record.order.price,
        "quantity": record.order.quantity,
    }
    price = None if average is None else Decimal(average)
    row: BookOrder = a_row(status, filled, price, **fields | changes)
    return row
