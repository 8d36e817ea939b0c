"""The legs of one request at one broker, and whether they can all be paid for.

Each may fit alone and not beside the others. The broker is asked what all of them block
together, which counts what hedges what. Only where that is too much is each reckoned
alone, in the order of the request: those that do not fit beside the ones before them
are denied.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import msgspec

from actors import checks
from actors.asking import MONEY_AGE, NO_AGE, Asking, unchecked
from actors.case import Desk
from actors.checks import Finding, Skipped
from actors.lookups import Answer, Question
from adapters import ZERO, Order, Position, Product

Findings = list[Finding]


class Entry(NamedTuple):
    """One leg: as it goes out, and what it shares with the other parts of its order."""

    sent: Order
    parent_id: str | None = None


class _Purse(NamedTuple):
    """What there is, and what each leg needs of it."""

    there: Decimal
    currency: str
    needs: Sequence[Decimal | Skipped]


class Basket(Asking[Findings]):
    """Legs that are paid for together.

    Args:
        desk: their broker's.
        entries: in the order of the request.
    """

    def __init__(self, desk: Desk, entries: Iterable[Entry]) -> None:
        super().__init__(desk.lookups)
        self._by_margin = desk.can.margin
        self._entries = [
            entry._replace(sent=msgspec.structs.replace(entry.sent, note=None))
            for entry in entries
        ]
        self._orders = tuple(entry.sent for entry in self._entries)

    def judge(self, now: float) -> Findings | None:
        """A finding for each leg at *now* (Trio clock), unless more is `wanted`."""
        self.wanted = []
        return self._margin(now) if self._by_margin else self._cash(now)

    # Cash for deliveries --------------------------------------------------------------

    def _cash(self, now: float) -> Findings | None:
        question = Question("funds")
        funds = self._answer(question, now, MONEY_AGE)
        if funds is None:
            return None
        if funds.failure is not None:
            return self._none(funds)
        needs = [checks.cost(order) for order in self._orders]
        findings = self._one_by_one(_Purse(funds.row.cash, funds.row.currency, needs))
        if all(_passes(each) for each in findings) or self._fresh(now, question):
            return findings
        return None

    # Margin ---------------------------------------------------------------------------

    def _margin(self, now: float) -> Findings | None:
        alone = [Question("alone", order) for order in self._orders]
        together = Question("margin", self._orders)
        margin = self._answer(together, now, MONEY_AGE)
        if margin is None:
            return None
        if margin.failure is not None:
            if margin.failure.code != "unsupported":
                return self._none(margin)
            return self._alone(now, alone)  # it does not reckon so many at once
        funds = self._funds(margin, now)
        if funds is None:
            return None
        if funds.failure is not None:
            return self._none(funds)
        if margin.row.required <= _available(margin, funds):
            return [None] * len(self._orders)
        asked = (together,) if funds is margin else (together, Question("funds"))
        return self._alone(now, alone) if self._fresh(now, *asked) else None

    def _alone(self, now: float, questions: Sequence[Question]) -> Findings | None:
        """Each by itself, less what those before it take."""
        answers = [self._answer(question, now, NO_AGE) for question in questions]
        held = self._positions(now)
        margins = [answer for answer in answers if answer is not None]
        if len(margins) < len(answers) or held is None:
            return None
        told = [answer for answer in margins if answer.failure is None]
        if not told:
            return self._none(margins[0])
        funds = self._funds(told[0], now, NO_AGE)
        if funds is None:
            return None
        if funds.failure is not None:
            return self._none(funds)
        needs = [_need(answer) for answer in margins]
        if held.failure is not None:
            # What cannot be told from an exit is not refused.
            needs = [
                need if order.product is Product.CNC else unchecked(held.failure)
                for need, order in zip(needs, self._orders, strict=True)
            ]
        there = _available(told[0], funds)
        purse = _Purse(there, told[0].row.currency, needs)
        return self._one_by_one(purse, held.row or ())

    def _funds(
        self, margin: Answer, now: float, age: float = MONEY_AGE
    ) -> Answer | None:
        """What tells how much there is: the margin's own answer, where it does."""
        if margin.row.available is not None:
            return margin
        return self._answer(Question("funds"), now, age)

    def _positions(self, now: float) -> Answer | None:
        """What is held: an order that only takes from it is never refused."""
        if all(order.product is Product.CNC for order in self._orders):
            return Answer(now)
        return self._answer(Question("positions"), now, NO_AGE)

    # ----------------------------------------------------------------------------------

    def _one_by_one(
        self, purse: _Purse, positions: tuple[Position, ...] = ()
    ) -> Findings:
        """A finding for each leg; the parts of one order are paid for as one."""
        findings: Findings = [None] * len(self._orders)
        exits = set(_exits(self._orders, positions))
        taken = ZERO
        for indices in self._units():
            needs = {
                index: need
                for index in indices
                if index not in exits
                and not isinstance(need := purse.needs[index], Skipped)
            }
            needed = sum(needs.values(), start=ZERO)
            denial = checks.enough(needed, purse.there, purse.currency, taken)
            if denial is None:
                taken += needed
            for index in indices:
                if index in needs:
                    findings[index] = denial
                elif index not in exits:
                    need = purse.needs[index]
                    findings[index] = need if isinstance(need, Skipped) else None
        return findings

    def _units(self) -> Iterator[list[int]]:
        """The legs by index; together those that are one order's."""

        def whose(index: int) -> str | int:
            return self._entries[index].parent_id or index

        for _, indices in groupby(range(len(self._entries)), whose):
            yield list(indices)

    def _none(self, answer: Answer) -> Findings:
        """Nothing could be checked."""
        assert answer.failure is not None  # noqa: S101 - that is why
        return [unchecked(answer.failure)] * len(self._orders)


def _passes(finding: Finding) -> bool:
    return finding is None or isinstance(finding, Skipped)


def _need(margin: Answer) -> Decimal | Skipped:
    if margin.failure is not None:
        return unchecked(margin.failure)
    required: Decimal = margin.row.required
    return required


def _available(margin: Answer, funds: Answer) -> Decimal:
    """*funds* is the margin's own answer, or that of the account."""
    there: Decimal = funds.row.available
    return there if funds is not margin else margin.row.available


def _exits(orders: Sequence[Order], positions: tuple[Position, ...]) -> Iterator[int]:
    """Those that only take from a position, and together from no more than it is."""
    left: dict[tuple[str, Product], Decimal] = {}
    for index, order in enumerate(orders):
        if order.product is Product.CNC:
            continue
        what = order.symbol, order.product
        units = left.get(what)
        units = checks.held(order, positions) if units is None else units
        if checks.takes_from(order, units):
            left[what] = units + order.side.sign * order.quantity
            yield index
