"""What one broker has said in the last seconds, asked once for all who want to know.

The legs of a batch ask in the same turn of the loop, and are asked for together: twenty
market orders take one call for their quotes, not twenty.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import trio
import trio.lowlevel

from actors.mailbox import Mailbox, MailboxError
from actors.messages import Denial, Fetch, Fetched, FetchFailed
from adapters import Margin, Order

MOST_KEPT = 4096
"""Answers kept; past that all are forgotten, for they only spare calls."""


class Question(NamedTuple):
    """One thing to know: the quote of a symbol, whether there is margin for an order or
    for several together, or the account's funds or positions.

    `margin` may be answered with what others asked about at the same time, where there
    is enough for all; `alone` is what one order blocks by itself.
    """

    kind: Literal["quotes", "margin", "alone", "funds", "positions"]
    about: str | Order | tuple[Order, ...] | None = None

    @property
    def orders(self) -> tuple[Order, ...]:
        """Those that the margin is asked of."""
        about = (self.about,) if isinstance(self.about, Order) else self.about
        return about if isinstance(about, tuple) else ()


class Answer(NamedTuple):
    """What came of it: the row (of positions all rows), or why there is none.

    `at` is the Trio time at which it was asked: what it says is not older.
    """

    at: float
    row: Any = None
    failure: Denial | None = None


class _Round:
    """Questions of one kind that are asked together."""

    def __init__(self) -> None:
        self.questions: dict[Question, None] = {}
        self.answers: dict[Question, Answer] = {}
        self.over = trio.Event()


class Lookups:
    """Asks one broker, over its own actor's reads, and remembers.

    Args:
        broker: its name, for messages.
        mailbox: the broker actor's.
    """

    def __init__(self, broker: str, mailbox: Mailbox) -> None:
        self._broker = broker
        self._mailbox = mailbox
        self._kept: dict[Question, Answer] = {}
        self._gathering: dict[str, _Round] = {}
        self._under_way: dict[Question, _Round] = {}

    def known(self, question: Question, since: float) -> Answer | None:
        """The good answer that was asked for at *since* (Trio clock) or later."""
        answer = self._kept.get(question)
        return answer if answer is not None and answer.at >= since else None

    async def ask(self, question: Question) -> Answer:
        """Ask the broker, or wait for who does; as long as the caller's scopes allow.

        A failure is an answer too, and is not remembered.
        """
        while True:
            asked = self._under_way.get(question) or self._gathering.get(question.kind)
            if asked is None:
                return await self._lead(question)
            asked.questions[question] = None
            self._under_way[question] = asked
            await asked.over.wait()
            if question in asked.answers:
                return asked.answers[question]
            # Who asked for us had less time, and gave up.

    async def _lead(self, question: Question) -> Answer:
        lead = _Round()
        lead.questions[question] = None
        self._under_way[question] = self._gathering[question.kind] = lead
        try:
            await trio.lowlevel.checkpoint()  # for those who ask in this very turn
            del self._gathering[question.kind]
            at = trio.current_time()
            await self._fetch(question.kind, lead, at)
        finally:
            if self._gathering.get(question.kind) is lead:
                del self._gathering[question.kind]
            for each in lead.questions:
                del self._under_way[each]
            lead.over.set()
        return lead.answers[question]

    async def _fetch(self, kind: str, asked: _Round, at: float) -> None:
        questions = tuple(asked.questions)
        match kind:
            case "quotes":
                answers = await self._quotes(questions, at)
            case "margin":
                answers = await self._margins(questions, at)
            case "alone":
                answers = await self._each_alone(questions, at)
            case _:
                answers = {each: await self._account(each, at) for each in questions}
        asked.answers.update(answers)
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        good = {q: answer for q, answer in answers.items() if answer.failure is None}
        self._kept.update(good)

    async def _quotes(
        self, questions: Sequence[Question], at: float
    ) -> dict[Question, Answer]:
        symbols = tuple(str(question.about) for question in questions)
        rows = await self._rows(Fetch(kind="quotes", symbols=symbols))
        if isinstance(rows, Denial):
            return dict.fromkeys(questions, Answer(at, failure=rows))
        quotes = {quote.symbol: quote for quote in rows}
        none = Denial(code="price_unavailable", message="it has no quote")
        return {
            question: Answer(at, quotes[question.about])
            if question.about in quotes
            else Answer(at, failure=none)
            for question in questions
        }

    async def _margins(
        self, questions: Sequence[Question], at: float
    ) -> dict[Question, Answer]:
        """One call where all together can be paid for; else each question alone."""
        together = await self._margin(questions, at)
        if len(questions) == 1 or _settles(together):
            return dict.fromkeys(questions, together)
        return await self._each_alone(questions, at)

    async def _each_alone(
        self, questions: Sequence[Question], at: float
    ) -> dict[Question, Answer]:
        answers: dict[Question, Answer] = {}

        async def alone(question: Question) -> None:
            answers[question] = await self._margin((question,), at)

        async with trio.open_nursery() as asks:
            for question in questions:
                asks.start_soon(alone, question)
        return answers

    async def _margin(self, questions: Sequence[Question], at: float) -> Answer:
        orders = tuple(order for question in questions for order in question.orders)
        rows = await self._rows(Fetch(kind="margin", orders=orders))
        if isinstance(rows, Denial):
            return Answer(at, failure=rows)
        margin: Margin = rows[0]
        return Answer(at, margin)

    async def _account(self, question: Question, at: float) -> Answer:
        positions = question.kind == "positions"
        rows = await self._rows(Fetch(kind="positions" if positions else "funds"))
        if isinstance(rows, Denial):
            return Answer(at, failure=rows)
        return Answer(at, rows if positions else rows[0])

    async def _rows(self, message: Fetch) -> tuple[Any, ...] | Denial:
        try:
            answer: Fetched | FetchFailed = await self._mailbox.ask(message)
        except MailboxError as error:
            words = f"{self._broker} cannot be asked just now: {error}"
            return Denial(code="broker_unavailable", message=words)
        return answer.rows if isinstance(answer, Fetched) else answer.denial


def _settles(together: Answer) -> bool:
    """Whether the margin of all answers each: there is enough, or nobody tells."""
    if together.failure is not None:  # so many at once may be more than it takes
        return together.failure.code != "unsupported"
    margin: Margin = together.row
    return margin.available is not None and margin.required <= margin.available
