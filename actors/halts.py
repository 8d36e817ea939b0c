"""What a halt does at one broker: clears the queue, and cancels what is open if wanted.

That no order leaves any more is not its work: the senders look at the trading state
themselves, as the last thing before the bytes go.
"""

import logging
from collections.abc import Callable

import msgspec
import trio

from actors.cancels import Cancels, StartSoon
from actors.flights import Flights
from actors.journal import Journal
from actors.mailbox import Mailbox, MailboxError
from actors.messages import MOST_FAILURES, CancelOrder, CancelProgress, Denial
from actors.trading import TradingState

log = logging.getLogger("ordo.broker")

TELL_EVERY = 0.1
"""Seconds between counts told: each cancel would fill the kill-switch's mailbox."""


class Halts:
    """Carries out halts at one broker.

    Args:
        journal: the live orders.
        flights: those on their way.
        cancels: carries out the cancels.
        trading: what the kill-switch wants.
        killswitch: its mailbox, which is told how the cancels go.
        start_soon: runs a cancel-all.
    """

    def __init__(
        self,
        journal: Journal,
        flights: Flights,
        cancels: Cancels,
        trading: TradingState,
        killswitch: Mailbox,
        start_soon: StartSoon,
    ) -> None:
        self._journal = journal
        self._flights = flights
        self._cancels = cancels
        self._trading = trading
        self._killswitch = killswitch
        self._start_soon = start_soon

    async def watch(self) -> None:
        """Act on each halt until cancelled, and first on one that is in force."""
        seen = 0 if self._trading.cancel_open else self._trading.cancels_wanted
        while True:
            self._flights.withdraw()
            if self._trading.cancels_wanted != seen:
                seen = self._trading.cancels_wanted
                self._start_soon(self._cancel_all, seen)
            await self._trading.turned()

    async def _cancel_all(self, round_: int) -> None:
        """Cancel every order that is not settled, and count along.

        One that is unknown is neither done nor failed before it is found.
        """
        closing = self._trading.closes_for
        left = [
            record.order_id
            for record in self._journal
            if not record.is_settled
            # What this halt itself sends to close positions is not to be cancelled.
            and (closing is None or record.closes_for != closing)
        ]
        count = CancelProgress(
            broker=self._journal.broker,
            round=round_,
            wanted=len(left),
            done=0,
            failed=0,
        )
        self._tell(count)
        by = f"kill_switch:{self._trading.switch.by}"

        async def cancel(order_id: str) -> None:
            nonlocal count
            message = CancelOrder(order_id=order_id, by=by)
            denial = await self._cancels.cancel(message)
            if self._has_ended(order_id):
                denial = None  # it was filled, say: there is nothing left to cancel
            failed = denial is not None
            open_ = not failed and self._cancels.wanted(order_id)
            count = msgspec.structs.replace(
                count,
                done=count.done + (not failed and not open_),
                failed=count.failed + failed,
                failures=(*count.failures, *_words(order_id, denial))[:MOST_FAILURES],
            )

        async with trio.open_nursery() as teller:
            teller.start_soon(self._keep_telling, lambda: count)
            async with trio.open_nursery() as cancels:
                for order_id in left:
                    cancels.start_soon(cancel, order_id)
            teller.cancel_scope.cancel()
        self._tell(count)

    async def _keep_telling(self, count: Callable[[], CancelProgress]) -> None:
        told = count()
        while True:
            await trio.sleep(TELL_EVERY)
            if count() is not told:
                told = count()
                self._tell(told)

    def _has_ended(self, order_id: str) -> bool:
        record = self._journal.get(order_id)
        return record is None or record.is_settled

    def _tell(self, count: CancelProgress) -> None:
        try:
            self._killswitch.tell(count)
        except MailboxError as exc:
            log.warning(
                "progress not told: %s",
                exc,
                extra={"event": "progress.not_told", "broker": count.broker},
            )


def _words(order_id: str, denial: Denial | None) -> tuple[str, ...]:
    return () if denial is None else (f"{order_id}: {denial.message}",)
