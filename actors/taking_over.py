"""What a broker says of its orders becomes so here: in memory, stored, then told on.

A book may change hundreds of orders. Each changes in memory where it is compared, with
no await between, and what came of that waits in the journal like any other change. Only
the commit is shared: one order after the other, hundreds would wait for one each.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from actors import differences
from actors.journal import Journal
from actors.lifecycle import BOOK, Change, from_book
from actors.round import Round
from adapters import BookOrder, OrderRecord

Shown = Callable[[OrderRecord, BookOrder, float], Awaitable[None]]


class Taken(NamedTuple):
    """What a row has changed of an order, in memory so far; None: nothing."""

    before: OrderRecord
    row: BookOrder
    change: Change | None


class TakingOver:
    """Makes one broker's orders what its rows say.

    Args:
        journal: the live orders.
        certain: told of each order that a row shows, once that is stored: others of its
            kind may go then.
        changed: told of it next.
        shown: told of each live order's row, and when the read of it began.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        certain: Callable[[str], None],
        changed: Callable[[str], None],
        shown: Shown,
    ) -> None:
        self._journal = journal
        self._certain = certain
        self._changed = changed
        self._shown = shown

    def take(
        self,
        record: OrderRecord,
        row: BookOrder,
        where: str = BOOK,
        looked: datetime | None = None,
    ) -> Taken:
        """Change an order as it stands this moment; `store` has to follow.

        Args:
            where, looked: see `from_book`.
        """
        change = from_book(record, row, self._journal.wall(), where, looked)
        if change is not None:
            self._journal.make(change)
        return Taken(record, row, change)

    async def store(self, round_: Round, taken: Sequence[Taken]) -> int:
        """Store what was taken in one commit, and tell what it means.

        What could not be stored is told as well: it is kept, and tried again.

        Returns:
            How many orders it changed.
        """
        changed = [each.before.order_id for each in taken if each.change is not None]
        if changed:
            await self._journal.flush_all(changed)
        for each in taken:
            await self._tell(round_, each)
        return len(changed)

    async def _tell(self, round_: Round, taken: Taken) -> None:
        """By now the order may have changed again, or be let go of."""
        before, row, change = taken
        order_id = before.order_id
        self._certain(order_id)
        self._changed(order_id)
        now = self._journal.get(order_id)
        if now is not None and not now.is_settled:
            await self._shown(now, row, round_.started)
        now = self._journal.get(order_id) or (change.order if change else before)
        round_.differences += differences.mended(before, now)
