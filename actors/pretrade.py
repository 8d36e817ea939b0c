"""Pre-trade checks: each leg judged, its broker asked where something must be known.

A leg whose figures are at hand is judged without a single await. Else its broker is
asked, the legs of a batch side by side, for a short time: what it does not tell by then
is reported as not checked.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import trio

from actors.asking import Asking
from actors.basket import Basket, Entry
from actors.case import Case, Desk, Mode, Verdict, strict
from actors.checks import Finding
from actors.lookups import Answer, Question
from actors.messages import CheckSkipped, Denial, Leg
from actors.protection import outgoing
from actors.slicing import MOST_SLICES
from adapters import Order
from adapters.instruments import Instrument
from adapters.market import ProtectionTable

F = TypeVar("F")

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

    def glance(
        self, broker: str, order: Order, *, new: bool = True, beside: bool = False
    ) -> Verdict | Case:
        """The verdict, if nobody has to be asked; else the case, to be settled.

        Args:
            new: False: an order that stands is to become this one, or it only takes
                from a position. What it blocks is blocked already, so its funds are
                the broker's to check.
            beside: others are to be paid for with it: the verdict says what is owed.
        """
        desk, table, mode = self._desks[broker], self._table, self._mode
        case = Case(desk, order, table, mode, funds=new, beside=beside)
        return case.judge(trio.current_time()) or case

    def instrument(self, broker: str, symbol: str) -> Instrument | None:
        """What that broker's master has under *symbol*."""
        return self._desks[broker].instruments.by_symbol(symbol)

    async def settle(self, case: Case, deadline: float) -> Verdict:
        """Ask what has to be asked, well before *deadline* (Trio clock)."""
        return await _settled(case, deadline, trio.current_time())

    async def together(
        self,
        broker: str,
        legs: Sequence[tuple[Leg, Verdict]],
        deadline: float,
        began: float,
    ) -> list[Verdict]:
        """The verdicts of legs at one broker, with their funds checked together.

        Args:
            legs: with what the other checks have said; their funds are owed.
            deadline: as of `settle`.
            began: when the request's checks did, whose time this is part of.
        """
        basket = Basket(self._desks[broker], [_entry(*each) for each in legs])
        findings = await _settled(basket, deadline, began)
        return [
            self._with_funds(verdict, finding)
            for (_, verdict), finding in zip(legs, findings, strict=True)
        ]

    def _with_funds(self, verdict: Verdict, finding: Finding) -> Verdict:
        if isinstance(finding, Denial):
            return Verdict(finding, skipped=verdict.skipped)
        if finding is None:
            return verdict
        funds = CheckSkipped(check="funds", reason=finding.reason)
        skipped = (*verdict.skipped, funds)
        if self._mode == "strict" and finding.blocks:
            return Verdict(strict("funds", finding), skipped=skipped, unanswered=True)
        return verdict._replace(skipped=skipped)


def _entry(leg: Leg, verdict: Verdict) -> Entry:
    parent_id = None if leg.slice is None else leg.slice.parent_id
    return Entry(outgoing(leg.order, verdict.sent_as), parent_id)


async def _settled(check: Asking[F], deadline: float, began: float) -> F:
    """What the check finds once all that it wants is answered, or time is up."""
    patience = min(PATIENCE, max(0.0, deadline - began) / 2)
    with trio.move_on_at(began + patience):
        while (found := check.judge(trio.current_time())) is None:
            await _ask(check)
        return found
    return _without(check, f"no answer in {patience:g} s")


async def _ask(check: Asking[F]) -> None:
    """Ask all that it wants, side by side."""

    async def ask(question: Question) -> None:
        check.answered(question, await check.lookups.ask(question))

    if len(check.wanted) == 1:
        await ask(check.wanted[0])
        return
    async with trio.open_nursery() as asks:
        for question in check.wanted:
            asks.start_soon(ask, question)


def _without(check: Asking[F], why: str) -> F:
    """What it finds where whatever is still wanted stays unanswered."""
    now = trio.current_time()
    silence = Answer(now, failure=Denial(code="deadline_exceeded", message=why))
    while (found := check.judge(now)) is None:
        for question in check.wanted:
            check.answered(question, silence)
    return found
