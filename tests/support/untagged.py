"""A broker whose book shows no tags, over the paper broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from adapters import BookOrder, Rejected
from tests.support.gateway import make_paper
from tests.support.stage import Stage


class Untagged:
    """The paper broker without tags, and read once a minute.

    Attributes:
        turn: makes of each row what the book shows.
        tells_time: whether rows tell when an order was placed.
        ahead: by how much the broker's clock is ahead of ours.
        numbers_refusals: whether a refusal names the order that it left in the book.
    """

    def __init__(self, inside: Any, *, poll: float = 60.0) -> None:
        self.inside = inside
        self.capabilities = msgspec.structs.replace(
            inside.capabilities, tag=None, book_poll=poll
        )
        self.turn: Callable[[BookOrder], BookOrder] = lambda row: row
        self.tells_time = True
        self.ahead = timedelta(0)
        self.numbers_refusals = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)

    async def place(self, order: Any, tag: str, last_look: Any) -> Any:
        answer = await self.inside.place(order, tag, last_look)
        if isinstance(answer, Rejected) and not self.numbers_refusals:
            return msgspec.structs.replace(answer, broker_order_id=None)
        return answer

    async def order_book(self) -> Sequence[BookOrder]:
        return [self._shown(row) for row in await self.inside.order_book()]

    async def trades(self) -> Any:
        trades = await self.inside.trades()
        return [msgspec.structs.replace(trade, tag=None) for trade in trades]

    def _shown(self, row: BookOrder) -> BookOrder:
        assert row.placed_at is not None
        at = row.placed_at.replace(microsecond=0) + self.ahead
        at_all = at if self.tells_time else None
        return self.turn(msgspec.structs.replace(row, tag=None, placed_at=at_all))


def untagged(inside: Any = None, **settings: Any) -> Stage:
    """A stage at such a broker."""
    return Stage(Untagged(inside or make_paper(fill="manual"), **settings))


async def elsewhere(stage: Stage, order: Any) -> str:
    """Somebody places an order by another program; its number."""
    answer = await stage.paper.inside.place(order, "", lambda: None)
    return str(answer.broker_order_id)
