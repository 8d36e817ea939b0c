"""The closer: squares positions off while a halt wants that, and only then.

It is the one sender whose orders leave while trading is halted. They bear the version
of the halt that wants them; the accept, and the senders' last look, let them pass while
that very halt is in force.
"""

import logging
from collections.abc import Mapping

import trio

from actors.closing_reads import ClosingReads
from actors.mailbox import Mailbox, MailboxError
from actors.messages import CloseProgress
from actors.records import Records
from actors.squaring import Means, Squaring
from actors.trading import TradingState
from adapters.instruments import InstrumentIndex

log = logging.getLogger("ordo.closing")

TELL_EVERY = 0.1
"""Seconds between counts told: each position would fill the kill-switch's mailbox."""


class Closer:
    """The closing actor.

    Args:
        brokers: mailboxes by the name of the broker.
        router: its mailbox.
        killswitch: its mailbox, which is told how it goes.
        records: what is stored.
        trading: what the kill-switch wants.
        instruments: what each broker trades, by its name.
    """

    def __init__(
        self,
        brokers: Mapping[str, Mailbox],
        router: Mailbox,
        killswitch: Mailbox,
        records: Records,
        trading: TradingState,
        instruments: Mapping[str, InstrumentIndex],
    ) -> None:
        self._brokers = brokers
        self._router = router
        self._killswitch = killswitch
        self._records = records
        self._trading = trading
        self._instruments = instruments
        self._untold: dict[str, CloseProgress] = {}
        self._news = trio.Event()

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Close what each halt wants closed, also one that was there at the start."""
        task_status.started()
        while True:
            halt = self._trading.closes_for
            if halt is None:
                await self._trading.turned()
            else:
                await self._close_all(halt)

    async def _close_all(self, halt: int) -> None:
        """Square off everywhere, side by side, until that halt is over."""
        self._untold.clear()
        async with trio.open_nursery() as squarings:
            squarings.start_soon(self._keep_telling)
            for broker in self._brokers:
                squaring = Squaring(self._means(broker, halt), halt, self._note)
                squarings.start_soon(squaring.run)
            while self._trading.closes_for == halt:
                await self._trading.turned()
            squarings.cancel_scope.cancel()

    def _means(self, broker: str, halt: int) -> Means:
        mailbox = self._brokers[broker]
        return Means(
            broker=broker,
            reads=ClosingReads(broker, mailbox, self._records, halt),
            router=self._router,
            instruments=self._instruments[broker],
            by=f"kill_switch:{self._trading.switch.by}",
        )

    def _note(self, progress: CloseProgress) -> None:
        self._untold[progress.broker] = progress
        self._news.set()

    async def _keep_telling(self) -> None:
        while True:
            await self._news.wait()
            self._news = trio.Event()
            untold, self._untold = self._untold, {}
            for progress in untold.values():
                self._tell_switch(progress)
            await trio.sleep(TELL_EVERY)

    def _tell_switch(self, progress: CloseProgress) -> None:
        try:
            self._killswitch.tell(progress)
        except MailboxError as exc:
            log.warning(
                "progress not told: %s",
                exc,
                extra={"event": "progress.not_told", "broker": progress.broker},
            )
