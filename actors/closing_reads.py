"""What has to be known to close positions: what is held, and what was sent for it.

Each read serves all of a broker's positions that want to know the same at a time.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Generic, TypeVar

import trio

from actors.exits import Held, open_positions
from actors.mailbox import Mailbox, MailboxError
from actors.messages import Denial, Fetch, Fetched, FetchFailed
from actors.records import Records
from adapters import OrderRecord, Store, StoreFailed

log = logging.getLogger("ordo.closing")

T = TypeVar("T")
Rows = Sequence[OrderRecord]

READ_SECONDS = 15.0
AGAIN_AFTER = 1.0
"""Seconds until a store that could not be read is asked again."""


class _Shared(Generic[T]):
    """A read that serves all who may do with its answer."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._turn = trio.Lock()
        self._known: tuple[float, T] | None = None

    async def read(self, age: float = 0.0) -> T:
        """What a read says that began at most *age* seconds ago, or a new one."""
        oldest = trio.current_time() - age
        async with self._turn:
            if self._known is None or self._known[0] < oldest:
                began = trio.current_time()
                self._known = began, await self._read()
            return self._known[1]


class ClosingReads:
    """Reads one broker's positions, and the store, for one halt.

    Args:
        broker: its name.
        mailbox: its actor's.
        records: what is stored.
        halt: the version of the halt that wants positions closed.
    """

    def __init__(
        self, broker: str, mailbox: Mailbox, records: Records, halt: int
    ) -> None:
        self._broker = broker
        self._mailbox = mailbox
        self._records = records
        self._halt = halt
        self._positions = _Shared(self._read_positions)
        self._others = _Shared(self._read_others)
        self._own = _Shared(self._read_own)

    async def is_stored(self) -> bool:
        """Whether the halt is on disk: from there on no other order is accepted."""
        switch = await self._read(lambda store: store.switch())
        return switch is not None and switch.version == self._halt

    async def positions(self) -> dict[Held, Decimal] | Denial:
        """What is open now, signed units, or why the broker does not tell."""
        return await self._positions.read()

    async def others(self, symbol: str, age: float) -> Sequence[str]:
        """Ids of the orders of Ordo that may still trade in the symbol, but for those
        that close for this halt; as they were at most *age* seconds ago."""
        return (await self._others.read(age)).get(symbol, ())

    async def attempt(self, batch_id: str, age: float) -> Rows:
        """The orders of one attempt, as they stood at most *age* seconds ago."""
        own = await self._own.read(age)
        return [row for row in own if row.batch_id == batch_id]

    async def attempts(self) -> dict[Held, list[Rows]]:
        """All that was accepted for this halt, attempt by attempt."""
        attempts: dict[Held, list[Rows]] = {}
        own = await self._own.read()
        by_batch = sorted(own, key=lambda row: row.batch_id)  # ids sort by time
        for _, batch in groupby(by_batch, key=lambda row: row.batch_id):
            rows = tuple(batch)
            held = Held(rows[0].order.symbol, str(rows[0].order.product))
            attempts.setdefault(held, []).append(rows)
        return attempts

    async def _read_positions(self) -> dict[Held, Decimal] | Denial:
        try:
            with trio.fail_after(READ_SECONDS):
                answer: Fetched | FetchFailed = await self._mailbox.ask(
                    Fetch(kind="positions")
                )
        except (MailboxError, trio.TooSlowError):
            words = f"{self._broker} does not answer"
            return Denial(code="broker_unavailable", message=words)
        if isinstance(answer, FetchFailed):
            return answer.denial
        return open_positions(answer.rows)

    async def _read_others(self) -> dict[str, list[str]]:
        others: dict[str, list[str]] = {}
        for row in await self._read(lambda store: store.unsettled(self._broker)):
            if not row.is_settled and row.closes_for != self._halt:
                others.setdefault(row.order.symbol, []).append(row.order_id)
        return others

    async def _read_own(self) -> Rows:
        return await self._read(lambda store: store.closing(self._broker, self._halt))

    async def _read(self, question: Callable[[Store], T]) -> T:
        """Read the store until that works."""
        while True:
            try:
                return await self._records.read(question)
            except StoreFailed as failure:
                log.error(  # noqa: TRY400
                    "closing waits for the store: %s",
                    failure,
                    extra={"event": "closing.waits"},
                )
            await trio.sleep(AGAIN_AFTER)
