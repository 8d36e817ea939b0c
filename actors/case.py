"""One leg before the checks: what is found for and against it, with what is known.

Synchronous. `judge` gives a verdict, unless its broker must be asked first; once what
is `wanted` has answers, it is called again.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec

from actors import checks, protection
from actors.asking import MONEY_AGE, NO_AGE, Asking, unchecked
from actors.checks import Finding, Money, Skipped
from actors.lookups import Lookups, Question
from actors.messages import CheckSkipped, Denial
from actors.protection import PROTECTED_TYPES, Policy, Way
from adapters import Capabilities, Order, Product, SentAs
from adapters.instruments import InstrumentIndex
from adapters.market import ProtectionTable

Mode = bool | Literal["strict"]

QUOTE_AGE = 2.0
"""Seconds a quote is good for: a protected price has to be near the market."""


class Desk(NamedTuple):
    """What the checks know of one broker.

    `fresh` tells whether its master, and with it the bands, is of today.
    """

    name: str
    can: Capabilities
    instruments: InstrumentIndex
    lookups: Lookups
    policy: Policy = "protected"
    fresh: Callable[[], bool] = lambda: True


class Verdict(NamedTuple):
    """What became of the checks.

    Args:
        denial: why the leg does not go.
        sent_as: what it goes out as, where that is another order.
        skipped: the checks that could not be made.
        unanswered: the denial is for want of an answer from the broker, which may have
            a better reason of its own.
        owes: its funds are still to be checked, with those of the legs beside it.
    """

    denial: Denial | None = None
    sent_as: SentAs | None = None
    skipped: tuple[CheckSkipped, ...] = ()
    unanswered: bool = False
    owes: bool = False


class Case(Asking[Verdict]):
    """One leg at one broker.

    Args:
        desk: the broker's.
        order: as the client wants it.
        table: widths and bands of market protection.
        mode: False: neither band nor funds; "strict": what cannot be checked stays.
        funds: whether they are asked about.
        beside: whether other legs are to be paid for with it.
    """

    def __init__(
        self,
        desk: Desk,
        order: Order,
        table: ProtectionTable,
        mode: Mode,
        *,
        funds: bool = True,
        beside: bool = False,
    ) -> None:
        super().__init__(desk.lookups)
        self._ask_funds = funds
        self._beside = beside
        self._owes = False
        self._desk = desk
        self._order = order
        self._table = table
        self._mode = mode
        self._instrument = desk.instruments.by_symbol(order.symbol)
        self._way = protection.way(order, desk.policy, desk.can, table)
        self._skipped: dict[str, Skipped] = {}

    def judge(self, now: float) -> Verdict | None:
        """The verdict at *now* (Trio clock), unless something is `wanted` before it."""
        self._skipped, self.wanted, self._owes = {}, [], False
        denial = self._at_sight()
        if denial is not None:
            return Verdict(denial)
        sent_as = self._sent_as(now)
        if isinstance(sent_as, Denial):
            return Verdict(sent_as, unanswered=True)
        if self._mode is not False and self._ask_funds:
            denial = self._note("funds", self._funds(sent_as, now))
        if self.wanted:
            return None
        return self._verdict(denial, sent_as)

    # What needs nobody ----------------------------------------------------------------

    def _at_sight(self) -> Denial | None:
        desk, order, instrument = self._desk, self._order, self._instrument
        protected = self._way is Way.PROTECTED
        sent_type = PROTECTED_TYPES[order.type] if protected else None
        loaded = desk.instruments.loaded  # after the look-up, which may give it up
        denial = (
            checks.not_an_index(order)
            or checks.supported(desk.can, order, desk.name, sent_type)
            or self._note(
                "instrument",
                checks.known(order, instrument, desk.can, desk.name, loaded=loaded),
            )
            or self._refused()
        )
        if denial is not None or instrument is None:
            return denial
        denial = checks.quantity(order, instrument) or checks.tick(order, instrument)
        if denial is not None or self._mode is False:
            return denial
        return self._note("band", checks.band(order, instrument, desk.fresh))

    def _refused(self) -> Denial | None:
        if self._way is not Way.REFUSED:
            return None
        words = (
            f"{self._order.type} orders are off for {self._desk.name} (market_policy ="
            ' "reject"); give a price'
        )
        return Denial(code="unsupported", message=words)

    # Market protection ----------------------------------------------------------------

    def _sent_as(self, now: float) -> SentAs | Denial | None:
        """What it goes out as; the quote for it may have to be asked for first."""
        order, table = self._order, self._table
        if self._way is not Way.PROTECTED:
            return None
        terms = protection.terms(
            order.symbol, self._instrument, table, bands=self._desk.fresh()
        )
        if order.trigger_price is not None:
            return protection.protect_stop(
                order.side, order.trigger_price, terms, table
            )
        quote = self._answer(Question("quotes", order.symbol), now, QUOTE_AGE)
        if quote is None:
            return None
        if quote.failure is not None:
            return _no_price(order, quote.failure.message)
        at = protection.reference(quote.row, order.side)
        if at is None:
            return _no_price(order, "its quote holds none")
        last = quote.row.last_price if quote.row.last_price > 0 else at
        return protection.protect_market(order.side, at, last, terms, table)

    # Funds ----------------------------------------------------------------------------

    def _funds(self, sent_as: SentAs | None, now: float) -> Finding:
        """Whether it can be paid for; None too while something is still to be asked."""
        need = checks.money(self._order, self._desk.can, self._desk.name)
        if isinstance(need, Skipped) or need is Money.NOTHING:
            return need if isinstance(need, Skipped) else None
        if self._beside:
            self._owes = True
            return None
        if need is Money.CASH:
            return self._cash(sent_as, now)
        if self.wanted:
            return None  # the price comes first
        return self._margin(sent_as, now)

    def _cash(self, sent_as: SentAs | None, now: float) -> Finding:
        question = Question("funds")
        funds = self._answer(question, now, MONEY_AGE)
        if funds is None:
            return None
        if funds.failure is not None:
            return unchecked(funds.failure)
        sent = protection.outgoing(self._order, sent_as)
        finding = checks.cash(sent, funds.row)
        return self._sure(finding, now, question)

    def _margin(self, sent_as: SentAs | None, now: float) -> Finding:
        sent = protection.outgoing(self._order, sent_as)
        question = Question("margin", msgspec.structs.replace(sent, note=None))
        margin = self._answer(question, now, MONEY_AGE)
        if margin is None:
            return None
        if margin.failure is not None:
            return unchecked(margin.failure)
        questions, funds = [question], None
        if margin.row.available is None:
            questions.append(Question("funds"))
            funds = self._answer(questions[-1], now, MONEY_AGE)
            if funds is None:
                return None
            if funds.failure is not None:
                return unchecked(funds.failure)
        finding = checks.margin(margin.row, None if funds is None else funds.row)
        finding = self._sure(finding, now, *questions)
        if isinstance(finding, Denial) and sent.product is not Product.CNC:
            return self._unless_exit(finding, now)
        return finding

    def _unless_exit(self, denial: Denial, now: float) -> Finding:
        """No denial for an order that closes a position, nor where nobody can tell."""
        positions = self._answer(Question("positions"), now, NO_AGE)
        if positions is None:
            return None
        if positions.failure is not None:
            return unchecked(positions.failure)
        return None if checks.closes(self._order, positions.row) else denial

    def _sure(self, finding: Finding, now: float, *questions: Question) -> Finding:
        """A no is said on fresh figures only: asked for again where they are old."""
        if isinstance(finding, Denial) and not self._fresh(now, *questions):
            return None
        return finding

    # ----------------------------------------------------------------------------------

    def _note(self, check: str, finding: Finding) -> Denial | None:
        if isinstance(finding, Skipped):
            self._skipped[check] = finding
            return None
        return finding

    def _verdict(self, denial: Denial | None, sent_as: SentAs | None) -> Verdict:
        skipped = tuple(
            CheckSkipped(check=check, reason=skip.reason)
            for check, skip in self._skipped.items()
        )
        if denial is not None:
            return Verdict(denial, skipped=skipped)
        if self._mode == "strict":
            for check, skip in self._skipped.items():
                if skip.blocks:
                    return Verdict(
                        strict(check, skip), skipped=skipped, unanswered=True
                    )
        return Verdict(None, sent_as, skipped, owes=self._owes)


def _no_price(order: Order, why: str) -> Denial:
    words = (
        f"no price to protect a market order in {order.symbol} with ({why});"
        " send a LIMIT"
    )
    return Denial(code="price_unavailable", message=words)


def strict(check: str, skip: Skipped) -> Denial:
    """The denial of what could not be checked, where all has to be."""
    words = f"{check} not checked: {skip.reason}; pre_trade_checks is strict"
    return Denial(code=skip.code, message=words)
