"""What a paper account is: its book, its ledger, and the events that made them so.

Everything that happens is an event: journalled, then applied. Only `_apply` changes the
book and the ledger, so that a replay ends where the account stood.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from adapters.brokers.paper.house import IST
from adapters.brokers.paper.journal import (
    Changed,
    Ended,
    Event,
    Filled,
    Journal,
    Placed,
    Triggered,
)
from adapters.brokers.paper.ledger import Block, Ledger
from adapters.brokers.paper.matching import Book, Entry
from adapters.model import BookStatus, Trade


class Account:
    """One paper account, as its journal tells.

    Args:
        zone: Where its trading day begins and ends.

    Raises:
        ConfigError: The journal cannot be read.
    """

    def __init__(self, ledger: Ledger, journal: Journal, zone: tzinfo = IST) -> None:
        self.book = Book()
        self.ledger = ledger
        self.trades: list[Trade] = []
        self.zone = zone
        self._journal = journal
        for event in journal.replay():
            self._apply(event)
        for symbol in self.book.open_symbols():
            for entry in self.book.open_in(symbol):
                entry.resting = not entry.waits_for_trigger

    def day(self, at: datetime) -> date:
        """The trading day at that time."""
        return at.astimezone(self.zone).date()

    def happen(self, event: Event) -> None:
        """Write the event down, then let it be so.

        Raises:
            NotSent: It could not be written, and is not so.
        """
        self._journal.append(event)
        self._apply(event)

    def _apply(self, event: Event) -> None:
        if isinstance(event, Placed):
            self._place(event)
            return
        entry = self.book.entries[event.id]
        match event:
            case Changed():
                self.ledger.unblock(entry.id)
                entry.change(event.order)
                block = Block(event.order, event.blocked, entry.remaining)
                self.ledger.block(entry.id, block)
            case Triggered():
                entry.triggered = True
            case Filled():
                self._fill(entry, event)
            case Ended():
                self.ledger.unblock(entry.id)
                entry.end(event.status, event.message)
                self.book.settle(entry)

    def _place(self, event: Placed) -> None:
        entry = Entry(event.id, event.order_tag, event.order, event.at)
        if event.refused is None:
            block = Block(event.order, event.blocked, event.order.quantity)
            self.ledger.block(entry.id, block)
        else:
            entry.end(BookStatus.REJECTED, event.refused)
        self.book.add(entry)

    def _fill(self, entry: Entry, event: Filled) -> None:
        self.trades.append(entry.fill(event.quantity, event.price, event.at))
        self.ledger.unblock(entry.id, event.quantity)
        day = self.day(event.at)
        self.ledger.trade(entry.order, event.quantity, event.price, day)
        if not entry.is_open:
            self.book.settle(entry)
