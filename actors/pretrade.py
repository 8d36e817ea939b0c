"""Pre-trade checks: each leg judged, its broker asked where something must be known.

A leg whose figures are at hand is judged without a single await. Else its broker is
asked, the legs of a batch side by side, for a short time: what it does not tell by then
is reported as not checked.
"""

from collections.abc import Mapping

import trio

from actors.case import Case, Desk, Mode, Verdict
from actors.lookups import Answer, Question
from actors.messages import Denial
from actors.slicing import MOST_SLICES
from adapters import Order
from adapters.instruments import Instrument
from adapters.market import ProtectionTable

PATIENCE = 1.5
"""Seconds for all that a leg has to ask, and never more than half of what it has left:
the order itself still has to go. Longer than the second that calls rest at a start."""


class PreTrade:
    """Judges legs.

    Args:
        desks: what is known of each broker, by its name.
        table: widths and bands of market protection.
        mode: False: neither band nor funds; "strict": what cannot be checked stays.
        most_slices: parts that an order is cut into at the most.
    """

    def __init__(
        self,
        desks: Mapping[str, Desk],
        table: ProtectionTable,
        mode: Mode,
        most_slices: int = MOST_SLICES,
    ) -> None:
        self.most_slices = most_slices
        self._desks = desks
        self._table = table
        self._mode = mode

    def glance(self, broker: str, order: Order, *, new: bool = True) -> Verdict | Case:
        """The verdict, if nobody has to be asked; else the case, to be settled.

        Args:
            new: False: an order that stands is to become this one, or it only takes
                from a position. What it blocks is blocked already, so its funds are
                the broker's to check.
        """
        case = Case(self._desks[broker], order, self._table, self._mode, funds=new)
        verdict = case.judge(trio.current_time())
        return verdict if isinstance(verdict, Verdict) else case

    def instrument(self, broker: str, symbol: str) -> Instrument | None:
        """What that broker's master has under *symbol*."""
        return self._desks[broker].instruments.by_symbol(symbol)

    async def settle(self, case: Case, deadline: float) -> Verdict:
        """Ask what has to be asked, well before *deadline* (Trio clock)."""
        began = trio.current_time()
        patience = min(PATIENCE, max(0.0, deadline - began) / 2)
        with trio.move_on_after(patience):
            while True:
                verdict = case.judge(trio.current_time())
                if isinstance(verdict, Verdict):
                    return verdict
                await _ask(case, verdict)
        return _without(case, f"no answer in {patience:g} s")


async def _ask(case: Case, questions: tuple[Question, ...]) -> None:
    """Ask all, side by side."""

    async def ask(question: Question) -> None:
        case.answered(question, await case.lookups.ask(question))

    if len(questions) == 1:
        await ask(questions[0])
        return
    async with trio.open_nursery() as asks:
        for question in questions:
            asks.start_soon(ask, question)


def _without(case: Case, why: str) -> Verdict:
    """The verdict where whatever is still wanted stays unanswered."""
    now = trio.current_time()
    silence = Answer(now, failure=Denial(code="deadline_exceeded", message=why))
    while not isinstance(verdict := case.judge(now), Verdict):
        for question in verdict:
            case.answered(question, silence)
    return verdict
