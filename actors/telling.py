"""How far a broker's own word of its orders can be relied on, for who reads its book.

An open connection proves nothing: there are brokers that take any subscription and then
say nothing. So one has to earn it. The book is read at its usual pace until a read that
began after the connection closed the gap, and the connection told of an order of ours;
and again as soon as the book says what the connection did not.
"""

import math
from typing import Literal

State = Literal["live", "down", "off"]

LIVE_ROUND = 30.0
"""Seconds between reads of the book where its broker tells of changes by itself.
Source: design.md, 30 to 60 s."""


class Telling:
    """One broker's order updates.

    Attributes:
        state: `live`: connected; `down`: should be, and is not; `off`: not wanted, or
            nobody is logged in.
        received: messages about orders, since the actor started.
    """

    def __init__(self) -> None:
        self.state: State = "off"
        self.received = 0
        self._since = math.inf
        self._gap_closed = False
        self._proved = False

    def connected(self, now: float) -> None:
        """A connection stands since *now*, on the Trio clock."""
        self.state, self._since = "live", now
        self._gap_closed = self._proved = False

    def lost(self, state: State) -> None:
        """There is none any more."""
        self.state, self._since = state, math.inf
        self._gap_closed = self._proved = False

    def told(self) -> None:
        """It said what became of an order of ours."""
        self._proved = self.state == "live"

    def book_read(self, started: float, *, had_news: bool) -> None:
        """A read of the book that began at *started* was taken over.

        Args:
            had_news: it said what nobody had told before.
        """
        self._gap_closed = self._gap_closed or started >= self._since
        self._proved = self._proved and not had_news

    def pace(self, poll: float) -> float:
        """Seconds between reads of the book, where *poll* is the usual."""
        relied_on = self._gap_closed and self._proved
        return max(poll, LIVE_ROUND) if relied_on else poll
