"""One key, one batch: a request sent again gets the answer of the first of its key."""

from collections.abc import Awaitable, Callable

import trio

from actors.fanout import margin_before
from actors.messages import BatchDone, BatchReply, InProgress, KeyReused, PlaceBatch
from actors.records import Records
from adapters import KeyScope, KeyTaken, StoreFailed

SAME_KEY_PATIENCE = 2.0
"""Seconds a request waits for a running one of its key. Source: api.md, "Orders"."""


class Running:
    """A request under way; the others of its key wait for `done`.

    `batch_id` is set once its batch is in the store, by it or by an earlier request.
    `began` is when it set out for its accept (Trio clock), until that is over.
    """

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.began: float | None = None
        self.batch_id: str | None = None
        self.done = trio.Event()


class Keys:
    """The requests under way, by what their keys are unique in.

    Args:
        records: the keys and batches that are stored.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._running: dict[KeyScope, Running] = {}

    async def once(
        self,
        message: PlaceBatch,
        deadline: float,
        first: Callable[[Running], Awaitable[BatchReply]],
    ) -> BatchReply:
        """Run the request by *first*, unless its key runs already or has run.

        Raises:
            StoreFailed: a batch cannot be read; and what *first* raises.
        """
        scope = scope_of(message)
        patience = trio.current_time() + SAME_KEY_PATIENCE
        patience = min(patience, deadline - margin_before(deadline))
        while (running := self._running.get(scope)) is not None:
            if running.fingerprint != message.fingerprint:
                return KeyReused(expired=False)
            with trio.move_on_at(patience):
                await running.done.wait()
            if not running.done.is_set():
                return InProgress(batch_id=running.batch_id, retry_after=1.0)
            if running.batch_id is not None:
                return await self._replay(running.batch_id)
        self._running[scope] = mine = Running(message.fingerprint)
        try:
            return await first(mine)
        finally:
            del self._running[scope]
            mine.done.set()

    async def replay(self, message: PlaceBatch, mine: Running) -> BatchReply | None:
        """The answer of the request that has used the key; None where none has.

        Raises:
            StoreFailed: it cannot be read.
        """
        scope = scope_of(message)
        known = await self._records.read(lambda store: store.key(scope))
        return None if known is None else await self.answer(known, message, mine)

    async def answer(
        self, known: KeyTaken, message: PlaceBatch, mine: Running
    ) -> BatchReply:
        """The fingerprint comes first: another body is told nothing of the batch."""
        if known.fingerprint != message.fingerprint:
            return KeyReused(expired=False)
        if known.expired:
            return KeyReused(expired=True)
        mine.batch_id = known.batch_id
        return await self._replay(known.batch_id)

    async def _replay(self, batch_id: str) -> BatchReply:
        stored = await self._records.read(lambda store: store.batch(batch_id))
        if stored is None:
            raise StoreFailed(f"batch {batch_id} of a known key is not stored")
        batch, orders = stored
        return BatchDone(batch=batch, orders=tuple(orders), replayed=True)


def scope_of(message: PlaceBatch) -> KeyScope:
    """What the request's key is unique in."""
    return KeyScope(principal=message.principal, route=message.route, key=message.key)
