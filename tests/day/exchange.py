"""The brokers of a simulated day: paper ones whose orders trade when the plan says.

Each order is known here by its note, which the plan sets; so nothing that Ordo answers
is needed to fill it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from adapters import NotSent, PublishedLimits
from adapters.brokers.paper import Fault, PaperBroker
from adapters.brokers.paper.journal import Event
from adapters.brokers.paper.matching import Entry
from tests.day.books import Booked, Fill
from tests.day.plan import Part
from tests.support.chatty import Chatty
from tests.support.gateway import make_paper
from tests.support.market import Able

LIMITS = PublishedLimits(orders_per_second=10, per_second=10, per_minute=200)
BALANCE = 10**9

MANY = 10_000
"""Tries to connect that are refused, one after the other."""


class Exchange:
    """One broker, and the exchange behind it.

    Args:
        prices: of its symbols; they stay.
        book_poll: seconds between reads of its book that it asks Ordo for.
        tells: whether it has a stream of order updates; each row is told twice.

    Attributes:
        port: what Ordo is handed: limits are kept as a real broker's.
    """

    def __init__(
        self,
        seed: int,
        prices: dict[str, Decimal],
        *,
        book_poll: float,
        tells: bool = False,
    ) -> None:
        self.paper: PaperBroker = make_paper(
            seed, prices=prices, fill="manual", balance=BALANCE
        )
        self.port: Any = Able(
            self.paper, simulated=False, limits=LIMITS, book_poll=book_poll
        )
        self._stream: Chatty | None = None
        if tells:
            self.port = self._stream = Chatty(self.port, poll=book_poll)
            self._listen()
        self._stumbles = self._is_down = False
        script = self.paper.script
        nobody, lost = Fault.connect_failure(), Fault.lose_answer(after=0.5)
        script.on("*", nobody, times=None, when=lambda _: self._is_down)
        script.on("place", lost, times=None, when=lambda _: self._stumbles)

    def refuse(self, note: str) -> None:
        """Let the risk desk refuse the order; it stands in the book as rejected."""
        self._at_place(note, Fault.refuse("RMS", "RMS: refused", in_book=True))

    def lose(self, note: str) -> None:
        """Let the order arrive, and its answer get lost."""
        self._at_place(note, Fault.lose_answer(after=0.5))

    def _at_place(self, note: str, fault: Fault) -> None:
        self.paper.script.on(
            "place",
            fault,
            when=lambda call: call.order is not None and call.order.note == note,
        )

    def stumble(self) -> None:
        """It is about to go down: orders arrive, and nobody hears of them."""
        self._stumbles = True
        if self._stream is not None:
            self._stream.refusals = [NotSent("connection refused")] * MANY
            self.hang_up()

    def down(self) -> None:
        """Nobody gets a connection, until `up`."""
        self._is_down = True

    def up(self) -> None:
        self._stumbles = self._is_down = False
        if self._stream is not None:
            self._stream.refusals.clear()

    def hang_up(self) -> None:
        """Break the stream of order updates."""
        if self._stream is not None and self._stream.open:
            self._stream.drop()

    @property
    def connections(self) -> int:
        """How often somebody tried to listen."""
        return 0 if self._stream is None else len(self._stream.tries)

    def trade(self, note: str, part: Part) -> None:
        """Fill as much of it as is left to fill, if it is there and open."""
        entry = self._entry(note)
        if entry is None or not entry.is_open:
            return
        units = min(Decimal(part.quantity), entry.remaining)
        self.paper.fill(entry.id, units, part.price)

    def trade_all(self) -> None:
        """Fill whole whatever is open, at its own price."""
        for entry in self._entries():
            if entry.is_open:
                self.paper.fill(entry.id)

    def book(self) -> dict[str, Booked]:
        """Every order by its tag, with its fills."""
        return {str(entry.tag): _booked(entry) for entry in self._entries()}

    def _listen(self) -> None:
        """Tell of whatever happens in the account, as long as somebody listens."""
        account = self.paper._account
        happen = account.happen

        def telling(event: Event) -> None:
            happen(event)
            if self._stream is not None and self._stream.open:
                row = account.book.entries[event.id].row()
                self._stream.say(row, row)

        account.happen = telling  # type: ignore[method-assign]

    def _entry(self, note: str) -> Entry | None:
        found = [entry for entry in self._entries() if entry.order.note == note]
        return found[0] if found else None

    def _entries(self) -> list[Entry]:
        return list(self.paper._account.book.entries.values())


def _booked(entry: Entry) -> Booked:
    return Booked(
        tag=str(entry.tag),
        symbol=entry.order.symbol,
        side=str(entry.order.side),
        status=str(entry.status),
        quantity=entry.order.quantity,
        price=entry.order.price,
        fills=tuple(Fill(trade.quantity, trade.price) for trade in entry.trades),
    )
