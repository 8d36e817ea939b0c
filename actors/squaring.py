"""Squaring off one broker's positions for one halt.

What was sent for a position is read from the store, before anything is sent for it: an
attempt has a key of its own, and none begins before the one before it is certain. So a
position is closed once, whatever crashes in between.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Generic, NamedTuple, TypeVar

import trio

from actors.exits import Held, exits, open_positions
from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    MOST_FAILURES,
    BatchDone,
    BatchReply,
    CloseProgress,
    Denial,
    Fetch,
    Fetched,
    FetchFailed,
    InProgress,
    Leg,
    NothingAccepted,
    PlaceBatch,
)
from actors.records import Records
from adapters import ZERO, Order, OrderRecord, OrderStatus, Store, StoreFailed
from adapters.instruments import InstrumentIndex

log = logging.getLogger("ordo.closing")

T = TypeVar("T")

ROUTE = "PUT /api/v1/kill-switch"
"""What the keys of closing orders are unique in."""
DEADLINE_MS = 30_000
"""Milliseconds for a closing order to leave: others may be before it in the queue."""
READ_SECONDS = 15.0
WAITS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds until what could not be done is tried again; the last one from there on."""
PATIENCE = 300.0
"""Seconds for a position's orders to be accepted by somebody at all."""
MOST_ATTEMPTS = 3
"""Attempts of a position that were accepted: a broker that refuses says why."""
LOOK_EVERY, AGE = 0.5, 0.25
"""Seconds between looks whether an order has ended, and how old a look may be that is
shared with others."""
ALONE_WITHIN = 60.0
"""Seconds for the other open orders of a symbol to end. Source: as long as a cancel
lives (`actors.cancels`)."""
SETTLE = 1.0
"""Seconds for a broker's positions to know the last fills of what was cancelled."""

Rows = Sequence[OrderRecord]


class Means(NamedTuple):
    """Whom to ask. `by` is told as who sends, in the audit."""

    broker: str
    mailbox: Mailbox
    router: Mailbox
    records: Records
    instruments: InstrumentIndex
    by: str


class _Failed(Exception):
    """The position will not be closed for this halt; its text says why."""


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


class Squaring:
    """Closes what is open at one broker, once.

    Args:
        means: the broker, and who does the work.
        closes_for: the version of the halt that wants it.
        tell: told how far it is, as that changes.
    """

    def __init__(
        self, means: Means, closes_for: int, tell: Callable[[CloseProgress], None]
    ) -> None:
        self._means = means
        self._closes_for = closes_for
        self._tell = tell
        self._wanted = 0
        self._done = 0
        self._failed: set[Held] = set()
        self._troubles: dict[Held | None, str] = {}
        self._positions = _Shared(self._read_positions)
        self._others = _Shared(self._read_others)
        self._own = _Shared(self._read_own)

    async def run(self) -> None:
        """Close everything, or say why not; cancelled once the halt is over."""
        await self._stored_halt()
        attempts = await self._attempts()
        nets = await self._nets()
        targets = list(dict.fromkeys((*attempts, *nets)))
        self._wanted = len(targets)
        self._report()
        async with trio.open_nursery() as closes:
            for held in targets:
                closes.start_soon(self._close, held, attempts.get(held, []))

    # One position ---------------------------------------------------------------------

    async def _close(self, held: Held, attempts: list[Rows]) -> None:
        """Close one position; *attempts* are those that were accepted already."""
        try:
            await self._bring_to_nothing(held, attempts)
        except _Failed as failed:
            self._failed.add(held)
            self._troubles[held] = str(failed)
            log.error(  # noqa: TRY400 - no bug, no trace
                "%s is not closed at %s: %s",
                held,
                self._means.broker,
                failed,
                extra={"broker": self._means.broker, "event": "position.not_closed"},
            )
        else:
            self._done += 1
            self._troubles.pop(held, None)
        self._report()

    async def _bring_to_nothing(self, held: Held, attempts: list[Rows]) -> None:
        """Send until what the first attempt was for is traded, or nothing is held.

        Later attempts go by what the orders traded, too: positions may lag behind, and
        what is closed must not be closed again.

        Raises:
            _Failed: no attempt is left, or none may be made.
        """
        made = [await self._ended(rows) for rows in attempts]
        while (left := _left(made)) is None or left > 0:
            if made:
                _may_follow(made)
            await self._alone(held)
            net = (await self._nets()).get(held, ZERO)
            if left is not None:
                if net * made[0][0].order.side.sign > 0:
                    raise _Failed("its position has turned since; close it by hand")
                net = max(-left, min(left, net))
            if net == 0:
                return
            instrument = self._means.instruments.by_symbol(held.symbol)
            orders = exits(held, net, instrument)
            if isinstance(orders, Denial):
                raise _Failed(orders.message)
            made.append(await self._accepted(held, len(made) + 1, orders))
            made[-1] = await self._ended(made[-1])

    async def _alone(self, held: Held) -> None:
        """Wait until no other order of ours could trade in the symbol.

        Raises:
            _Failed: some are still open. To send beside them could trade twice.
        """
        others: Sequence[str] = ()
        waited = False
        with trio.move_on_after(ALONE_WITHIN):
            while others := (await self._others.read(AGE)).get(held.symbol, ()):
                waited = True
                await trio.sleep(LOOK_EVERY)
        if others:
            some = ", ".join(others[:3])
            raise _Failed(
                f"after {ALONE_WITHIN:g} s {len(others)} other orders in it are still"
                f" open ({some}); see to them, then engage again"
            )
        if waited:
            await trio.sleep(SETTLE)

    async def _accepted(
        self, held: Held, number: int, orders: tuple[Order, ...]
    ) -> Rows:
        """Have the orders accepted, under the key of attempt *number*; their rows.

        An attempt that was accepted before is answered as it stands, and not sent.

        Raises:
            _Failed: nobody took them for a long time.
        """
        give_up = trio.current_time() + PATIENCE
        tries = 0
        while True:
            reply = await self._ask(self._batch(held, number, orders))
            if isinstance(reply, BatchDone):
                self._troubles.pop(held, None)
                return reply.orders
            words = _words(reply)
            wait = WAITS[min(tries, len(WAITS) - 1)]
            if trio.current_time() + wait >= give_up:
                raise _Failed(words)
            tries += 1
            self._troubles[held] = f"{words}; being tried again"
            self._report()
            await trio.sleep(wait)

    def _batch(self, held: Held, number: int, orders: tuple[Order, ...]) -> PlaceBatch:
        broker, version = self._means.broker, self._closes_for
        key = f"{version}:{broker}:{held.symbol}:{held.product}:{number}"
        return PlaceBatch(
            principal=self._means.by,
            request_id=f"kill-switch-{version}",
            key=key,
            key_given=True,
            fingerprint=key,  # what is held may change between two asks of one attempt
            legs=tuple(
                Leg(order_index=index, broker=broker, order=order)
                for index, order in enumerate(orders)
            ),
            portfolio_id=None,
            deadline_ms=DEADLINE_MS,
            route=ROUTE,
            exits=True,
            closes_for=version,
        )

    async def _ask(self, message: PlaceBatch) -> BatchReply | Denial:
        try:
            with trio.fail_after(DEADLINE_MS / 1000):
                return await self._means.router.ask(message)
        except (MailboxError, trio.TooSlowError) as error:
            words = f"the router gave no answer ({error or 'in time'})"
            return Denial(code="overloaded", message=words)

    async def _ended(self, rows: Rows) -> Rows:
        """The rows of an attempt once all have ended; one that is unknown has not."""
        batch_id = rows[0].batch_id
        while not all(row.is_settled for row in rows):
            await trio.sleep(LOOK_EVERY)
            own = await self._own.read(AGE)
            rows = [row for row in own if row.batch_id == batch_id]
        return rows

    # What is known --------------------------------------------------------------------

    async def _stored_halt(self) -> None:
        """Wait until the halt is on disk: from there on no other order is accepted."""
        while True:
            switch = await self._read(lambda store: store.switch())
            if switch is not None and switch.version == self._closes_for:
                return
            await trio.sleep(LOOK_EVERY)

    async def _attempts(self) -> dict[Held, list[Rows]]:
        """What was accepted for this halt before, attempt by attempt."""
        attempts: dict[Held, list[Rows]] = {}
        rows = await self._read_own()
        by_batch = sorted(rows, key=lambda row: row.batch_id)  # ids sort by time
        for _, batch in groupby(by_batch, key=lambda row: row.batch_id):
            made = tuple(batch)
            held = Held(made[0].order.symbol, str(made[0].order.product))
            attempts.setdefault(held, []).append(made)
        return attempts

    async def _nets(self) -> dict[Held, Decimal]:
        """What is open now, as the broker tells; asked for until it does."""
        tries = 0
        while True:
            answer = await self._positions.read()
            if isinstance(answer, dict):
                self._troubles.pop(None, None)
                return answer
            self._troubles[None] = f"positions cannot be read: {answer.message}"
            self._report()
            await trio.sleep(WAITS[min(tries, len(WAITS) - 1)])
            tries += 1

    async def _read_positions(self) -> dict[Held, Decimal] | Denial:
        try:
            with trio.fail_after(READ_SECONDS):
                answer: Fetched | FetchFailed = await self._means.mailbox.ask(
                    Fetch(kind="positions")
                )
        except (MailboxError, trio.TooSlowError):
            return Denial(code="broker_unavailable", message="it does not answer")
        if isinstance(answer, FetchFailed):
            return answer.denial
        return open_positions(answer.rows)

    async def _read_own(self) -> Rows:
        broker, version = self._means.broker, self._closes_for
        return await self._read(lambda store: store.closing(broker, version))

    async def _read_others(self) -> dict[str, list[str]]:
        """Ids of the orders that may still trade, by symbol, but for our own."""
        broker = self._means.broker
        others: dict[str, list[str]] = {}
        for row in await self._read(lambda store: store.unsettled(broker)):
            if not row.is_settled and row.closes_for != self._closes_for:
                others.setdefault(row.order.symbol, []).append(row.order_id)
        return others

    async def _read(self, question: Callable[[Store], T]) -> T:
        """Read the store until that works."""
        while True:
            try:
                return await self._means.records.read(question)
            except StoreFailed as failure:
                log.error("closing waits for the store: %s", failure)  # noqa: TRY400
            await trio.sleep(WAITS[0])

    def _report(self) -> None:
        told = [
            words if held is None else f"{held}: {words}"
            for held, words in self._troubles.items()
        ]
        self._tell(
            CloseProgress(
                broker=self._means.broker,
                closes_for=self._closes_for,
                wanted=self._wanted,
                done=self._done,
                failed=len(self._failed),
                failures=tuple(told[:MOST_FAILURES]),
            )
        )


def _left(made: Sequence[Rows]) -> Decimal | None:
    """Units that the first attempt was for and no attempt has traded; None: no attempt
    was made."""
    if not made:
        return None
    wanted = sum((row.order.quantity for row in made[0]), start=ZERO)
    traded = sum((row.filled_quantity for rows in made for row in rows), start=ZERO)
    return wanted - traded


def _may_follow(made: Sequence[Rows]) -> None:
    """Refuse another attempt where it could trade twice, or would only be refused.

    Raises:
        _Failed: why there is none.
    """
    last = made[-1]
    if any(row.status is OrderStatus.NOT_PLACED for rows in made for row in rows):
        raise _Failed("an order for it was lost, and may yet turn up; look at its book")
    if len(made) >= MOST_ATTEMPTS:
        said = {row.message or str(row.status) for row in last if not _traded(row)}
        raise _Failed("; ".join(sorted(said)))


def _traded(row: OrderRecord) -> bool:
    return row.filled_quantity == row.order.quantity


def _words(reply: BatchReply | Denial) -> str:
    """Why nothing was accepted."""
    match reply:
        case NothingAccepted(legs=legs):
            said = [leg.answer for leg in legs if isinstance(leg.answer, Denial)]
            return said[0].message
        case InProgress():
            return "its orders are still on their way"
        case Denial(message=words):
            return words
    return getattr(reply, "message", None) or "the halt is not stored, or is over"
