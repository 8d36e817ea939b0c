"""Decides when one broker's book is read: at start, in doubt, while orders are open.

One read of the book serves all; what it says is for `Comparing`.
"""

import logging
import math

import trio

from actors.comparing import ROUND_TIMEOUT, Comparing
from actors.doubts import Doubts
from actors.journal import Journal
from actors.line import Line
from actors.round import Round
from actors.telling import Telling
from actors.windows import Kind
from adapters import BrokerError, OrderStatus

log = logging.getLogger("ordo.reconciler")

IDLE_ROUND = 60.0
"""Seconds between rounds while nothing is open. Source: design.md, 30 to 60 s."""
FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0
"""Seconds after a failed round, and where doubling stops."""
REST_PER_ROW = 0.001
"""Seconds to rest for each row of the last book, while orders are open: to read and
compare a row takes some 40 us of the processor, and so 4 % of it at the most."""
HINT_GAP = 1.0
"""Seconds between reads that only follow a hint: many hints are one read."""
PROBE_EVERY = 1.0
"""Seconds between reads that prove a half-open breaker's broker well."""


class Reconciler:
    """Settles what is not certain.

    Args:
        line: to the broker.
        journal: its live orders.
        comparing: takes over what a book says.
        poll: seconds between rounds while orders are open.
        telling: how far the broker's own word makes rounds needless.
    """

    def __init__(
        self,
        line: Line,
        journal: Journal,
        comparing: Comparing,
        *,
        poll: float,
        telling: Telling | None = None,
    ) -> None:
        self._line = line
        self._journal = journal
        self._comparing = comparing
        self._poll = poll
        self._telling = telling or Telling()
        self._hinted = False
        self.failures = 0
        self._first_done = trio.Event()
        self._last = -math.inf
        self._rest = 0.0
        self._retry_at = -math.inf
        self._poke = trio.Event()
        self._next = Round()
        self._wanted = False

    @property
    def doubts(self) -> Doubts:
        """The orders nobody knows the fate of."""
        return self._comparing.doubts

    @property
    def recovered(self) -> bool:
        """Whether what was left uncertain by the last run has been looked up."""
        return self._first_done.is_set()

    def in_doubt(self, order_id: str) -> None:
        """The order may have arrived, and left no later than now."""
        self._comparing.in_doubt(order_id)
        self._poke.set()

    def landed(self, order_id: str) -> None:
        """An order is not on its way any more; mostly its fate is known by that."""
        record = self._journal.get(order_id)
        if record is None or record.status is not OrderStatus.UNKNOWN:
            self._comparing.certain(order_id)
        self._poke.set()

    def news(self) -> None:
        """The book, or a probe of the breaker, may be due earlier than it was."""
        self._poke.set()

    def look_soon(self) -> None:
        """The book has news that nobody has told; several such are one read."""
        self._hinted = True
        self._poke.set()

    def look_now(self) -> None:
        """Have the book read afresh, without waiting for it."""
        self._wanted = True
        self._poke.set()

    def session_begun(self) -> None:
        """We were just let in: what could not be read before can be now."""
        self._retry_at = -math.inf
        self._poke.set()

    def nothing_to_recover(self) -> None:
        """The last run left nothing uncertain: no read is needed first."""
        self._first_done.set()

    async def look(self) -> None:
        """Have the book read afresh, and wait for it, or for the failure to read it."""
        await self.fresh_round()

    async def fresh_round(self) -> Round:
        """The same, and what came of it."""
        self._wanted = True
        self._poke.set()
        round_ = self._next  # one under way is too old
        await round_.over.wait()
        return round_

    async def run(self) -> None:
        """Read the book whenever something is due, until cancelled."""
        while True:
            self._poke = trio.Event()
            if trio.current_time() < self._due():
                with trio.move_on_at(self._due()):
                    await self._poke.wait()
                continue
            await self._round()

    def _due(self) -> float:
        """When to read the book next, on the Trio clock."""
        if self._wanted:
            return -math.inf
        if not self._line.session.usable:
            return math.inf
        if not self.recovered:
            return self._retry_at
        busy = any(record.is_open for record in self._journal)
        pace = self._telling.pace(self._poll)
        regular = self._last + (max(pace, self._rest) if busy else IDLE_ROUND)
        hinted = math.inf
        if self._hinted:
            hinted = self._last + max(HINT_GAP, self._rest)
        probe = max(self._last + PROBE_EVERY, self._line.probe_at)
        soonest = min(regular, hinted, probe, self.doubts.next_look())
        return max(self._retry_at, soonest)

    async def _round(self) -> None:
        self._wanted = False
        hinted, self._hinted = self._hinted, False  # one from now on wants another read
        round_, self._next = self._next, Round()
        round_.started, round_.read_at = trio.current_time(), self._journal.wall()
        try:
            # Not around the changes: one cut short would be neither stored nor kept.
            with trio.fail_after(ROUND_TIMEOUT):
                book = await self._line.read(
                    Kind.RECONCILE, self._line.port.order_book, round_.tries
                )
            self._rest = min(IDLE_ROUND, REST_PER_ROW * len(book))
            await self._comparing.compare(round_, book)
        except (BrokerError, trio.TooSlowError) as error:
            round_.error = error
            self._hinted = self._hinted or hinted
            self._failed(error)
        else:
            self.failures = 0
            self._retry_at = -math.inf
            self._first_done.set()
            self.doubts.looked(trio.current_time())  # one that failed is made again
            news = any(difference.mended for difference in round_.differences)
            self._telling.book_read(round_.started, had_news=news)
        finally:
            self._last = trio.current_time()
            round_.over.set()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        wait = min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** (self.failures - 1))
        self._retry_at = trio.current_time() + wait
        level = logging.WARNING if self.failures == 1 else logging.DEBUG
        log.log(
            level,
            "%s's book could not be read: %s",
            self._line.name,
            error,
            extra={"event": "book.not_read", "broker": self._line.name},
        )
