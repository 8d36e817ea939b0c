"""One read of a broker's book, and what came of it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import trio

from actors.line import Tries
from actors.messages import Difference
from adapters import BookOrder

NEVER = datetime.min.replace(tzinfo=UTC)


class Round:
    """A round of a reconciler; whoever waits for it sees it grow.

    Attributes:
        over: set at the end.
        started, read_at: when the read began, on Trio's clock and by the wall's.
        book: every row; None where it could not be read.
        whole: no row is gone that an earlier book has shown.
        differences: where the book and our orders differed.
        undecided: orders in doubt, and the rows that may be theirs.
        compared: how many orders that are not settled were looked for.
        error: why it was cut short.
        tries: of the book's read.
    """

    def __init__(self) -> None:
        self.over = trio.Event()
        self.started = 0.0
        self.read_at = NEVER
        self.book: Sequence[BookOrder] | None = None
        self.whole = False
        self.differences: list[Difference] = []
        self.undecided: dict[str, Sequence[BookOrder]] = {}
        self.compared = 0
        self.error: Exception | None = None
        self.tries = Tries()
