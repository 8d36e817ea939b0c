"""Squaring off one broker's positions for one halt.

What was sent for a position is read from the store before anything is sent for it: an
attempt has a key of its own, and none begins before the one before it is certain. So a
position is closed once, whatever crashes in between.
"""

import logging
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

import trio

from actors.closing_reads import ClosingReads, Rows
from actors.exits import Held, exits
from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    MOST_FAILURES,
    BatchDone,
    BatchReply,
    CloseProgress,
    Denial,
    InProgress,
    Leg,
    NothingAccepted,
    PlaceBatch,
)
from adapters import ZERO, Order, OrderRecord, OrderStatus
from adapters.instruments import InstrumentIndex

log = logging.getLogger("ordo.closing")

ROUTE = "PUT /api/v1/kill-switch"
"""What the keys of closing orders are unique in."""
DEADLINE_MS = 30_000
"""Milliseconds for a closing order to leave: others may be before it in the queue."""
WAITS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Seconds until what could not be done is tried again; the last one from there on."""
PATIENCE = 300.0
"""Seconds for a position's orders to be accepted by somebody at all."""
MOST_ATTEMPTS = 3
"""Attempts of a position that were accepted: a broker that refuses says why."""
LOOK_EVERY, AGE = 0.5, 0.25
"""Seconds between looks whether orders have ended, and how old a look may be that is
shared with others."""
ALONE_WITHIN = 60.0
"""Seconds for the other open orders of a symbol to end. Source: as long as a cancel
lives (`actors.cancels`)."""
SETTLE = 1.0
"""Seconds for a broker's positions to know the last fills of what was cancelled."""


class Means(NamedTuple):
    """How it is done.

    Args:
        broker: the broker's name.
        reads: what is known of it.
        router: its mailbox, which places orders.
        instruments: what trades there.
        by: who sends, for keys and the audit.
    """

    broker: str
    reads: ClosingReads
    router: Mailbox
    instruments: InstrumentIndex
    by: str


class _Failed(Exception):
    """The position will not be closed for this halt; its text says why."""


class Squaring:
    """Closes what is open at one broker, once.

    Args:
        means: how.
        halt: the version of the halt that wants it.
        tell: told how far it is, as that changes.
    """

    def __init__(
        self, means: Means, halt: int, tell: Callable[[CloseProgress], None]
    ) -> None:
        self._means = means
        self._reads = means.reads
        self._halt = halt
        self._tell = tell
        self._wanted = 0
        self._done = 0
        self._failed = 0
        self._troubles: dict[Held | None, str] = {}

    async def run(self) -> None:
        """Close everything, or say why not; cancelled once the halt is over."""
        while True:
            if await self._reads.is_stored():
                break
            await trio.sleep(LOOK_EVERY)
        attempts = await self._reads.attempts()
        nets = await self._nets()
        targets = list(dict.fromkeys((*attempts, *nets)))
        self._wanted = len(targets)
        self._report()
        async with trio.open_nursery() as closes:
            for held in targets:
                closes.start_soon(self._close, held, attempts.get(held, []))

    async def _close(self, held: Held, attempts: list[Rows]) -> None:
        """Close one position; *attempts* are those that were accepted already."""
        try:
            await self._bring_to_nothing(held, attempts)
        except _Failed as failed:
            self._failed += 1
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

        Raises:
            _Failed: no attempt is left, or none may be made.
        """
        made = [await self._ended(rows) for rows in attempts]
        while (left := _left(made)) is None or left > 0:
            if made:
                _may_follow(made)
            await self._be_alone(held)
            net = (await self._nets()).get(held, ZERO)
            if made:
                net = _at_most(net, made)
            if net == 0:
                return
            instrument = self._means.instruments.by_symbol(held.symbol)
            orders = exits(held, net, instrument)
            if isinstance(orders, Denial):
                raise _Failed(orders.message)
            rows = await self._accepted(held, len(made) + 1, orders)
            made.append(await self._ended(rows))

    async def _be_alone(self, held: Held) -> None:
        """Wait until no other order of ours could trade in the symbol.

        Raises:
            _Failed: some are still open. To send beside them could trade twice.
        """
        began = trio.current_time()
        while others := await self._reads.others(held.symbol, AGE):
            if trio.current_time() >= began + ALONE_WITHIN:
                raise _Failed(
                    f"after {ALONE_WITHIN:g} s {len(others)} other orders in it are"
                    f" still open ({', '.join(others[:3])}); see to them, then engage"
                    " again"
                )
            await trio.sleep(LOOK_EVERY)
        if trio.current_time() > began:
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
            wait = WAITS[min(tries, len(WAITS) - 1)]
            if trio.current_time() + wait >= give_up:
                raise _Failed(_words(reply))
            tries += 1
            self._troubles[held] = f"{_words(reply)}; being tried again"
            self._report()
            await trio.sleep(wait)

    def _batch(self, held: Held, number: int, orders: tuple[Order, ...]) -> PlaceBatch:
        broker = self._means.broker
        key = f"{self._halt}:{broker}:{held.symbol}:{held.product}:{number}"
        return PlaceBatch(
            principal=self._means.by,
            request_id=f"kill-switch-{self._halt}",
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
            closes_for=self._halt,
        )

    async def _ask(self, message: PlaceBatch) -> BatchReply | Denial:
        try:
            with trio.fail_after(DEADLINE_MS / 1000):
                return await self._means.router.ask(message)
        except (MailboxError, trio.TooSlowError):
            return Denial(code="overloaded", message="the router gave no answer")

    async def _ended(self, rows: Rows) -> Rows:
        """The rows of an attempt once all have ended; one that is unknown has not."""
        batch_id = rows[0].batch_id
        while not all(row.is_settled for row in rows):
            await trio.sleep(LOOK_EVERY)
            rows = await self._reads.attempt(batch_id, AGE)
        return rows

    async def _nets(self) -> dict[Held, Decimal]:
        """What is open now, as the broker tells; asked for until it does."""
        tries = 0
        while True:
            answer = await self._reads.positions()
            if isinstance(answer, dict):
                if self._troubles.pop(None, None) is not None:
                    self._report()
                return answer
            self._troubles[None] = f"positions cannot be read: {answer.message}"
            self._report()
            await trio.sleep(WAITS[min(tries, len(WAITS) - 1)])
            tries += 1

    def _report(self) -> None:
        told = [
            words if held is None else f"{held}: {words}"
            for held, words in self._troubles.items()
        ]
        self._tell(
            CloseProgress(
                broker=self._means.broker,
                closes_for=self._halt,
                wanted=self._wanted,
                done=self._done,
                failed=self._failed,
                failures=tuple(told[:MOST_FAILURES]),
            )
        )


def _left(made: Sequence[Rows]) -> Decimal | None:
    """Units that the first attempt was for and none has traded; None: none was made."""
    if not made:
        return None
    wanted = sum((row.order.quantity for row in made[0]), start=ZERO)
    traded = sum((row.filled_quantity for rows in made for row in rows), start=ZERO)
    return wanted - traded


def _at_most(net: Decimal, made: Sequence[Rows]) -> Decimal:
    """What another attempt may be for, signed: positions lag behind, and what the
    attempts before have closed must not be closed again.

    Raises:
        _Failed: it lies the other way now.
    """
    left = _left(made) or ZERO
    way = -made[0][0].order.side.sign  # of the position that they were to close
    if net * way < 0:
        raise _Failed("its position has turned meanwhile; close it by hand")
    return way * min(abs(net), left)


def _may_follow(made: Sequence[Rows]) -> None:
    """Refuse another attempt where it could trade twice, or would only be refused.

    Raises:
        _Failed: why there is none.
    """
    if any(row.status is OrderStatus.NOT_PLACED for rows in made for row in rows):
        raise _Failed("an order for it was lost, and may yet turn up; look at its book")
    if len(made) >= MOST_ATTEMPTS:
        said = {row.message or str(row.status) for row in made[-1] if not _traded(row)}
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
