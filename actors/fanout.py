"""The legs of a batch before its accept: each checked, and its broker asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import trio

from actors.case import Case, Verdict
from actors.clockwork import Clockwork
from actors.mailbox import Mailbox, MailboxError, MailboxFull
from actors.messages import (
    Admission,
    Admit,
    Denial,
    Leg,
    LegAnswer,
    PlaceBatch,
)
from actors.pretrade import PreTrade
from actors.sequence import LATER, waiting, without_sells
from actors.slicing import Cut, cut
from adapters.instruments import Instrument

ADMIT_PATIENCE = 0.5
"""Seconds for a broker actor to answer by itself; longer, it is restarting."""
ANSWER_MARGIN = 0.1
"""Seconds, or a tenth of the time there is, kept for collating and encoding."""


def margin_before(deadline: float) -> float:
    """Seconds to keep of the time until *deadline* (Trio clock) for the answer."""
    left = deadline - trio.current_time()
    return min(ANSWER_MARGIN, max(0.0, left) / 10)


class Glances(NamedTuple):
    """The request, with what is too large cut up, and what is seen of each leg.

    A verdict, or a case where somebody has to be asked first.
    """

    message: PlaceBatch
    legs: list[Verdict | Case]

    @property
    def asks(self) -> bool:
        """Whether some broker may have to be asked."""
        return any(isinstance(each, Case) or each.owes for each in self.legs)


class FanOut:
    """Asks several brokers at once.

    Args:
        brokers: mailboxes by the name of the broker.
        clockwork: ids.
        pretrade: judges the legs; None lets all through as they are.
    """

    def __init__(
        self,
        brokers: Mapping[str, Mailbox],
        clockwork: Clockwork,
        pretrade: PreTrade | None,
    ) -> None:
        self._brokers = brokers
        self._clockwork = clockwork
        self._pretrade = pretrade

    def glance(self, message: PlaceBatch) -> Glances:
        """Cut up what is too large; what the checks say without asking anybody."""
        if self._pretrade is None:
            return Glances(message, [Verdict() for _ in message.legs])
        cut = self._cut(message, self._pretrade)
        message = msgspec.structs.replace(message, legs=cut.legs)
        waits = waiting(message)
        pay = {i for i in range(len(cut.legs)) if not message.exits and i not in waits}
        payers = Counter(cut.legs[index].broker for index in pay)
        return Glances(
            message,
            [
                Verdict(cut.refused[index])
                if index in cut.refused
                else self._pretrade.glance(
                    leg.broker,
                    leg.order,
                    new=index in pay,
                    beside=payers[leg.broker] > 1,
                )
                for index, leg in enumerate(cut.legs)
            ],
        )

    def _cut(self, message: PlaceBatch, pretrade: PreTrade) -> Cut:
        if not any(leg.cut for leg in message.legs):
            return Cut(message.legs, {})

        def find(leg: Leg) -> Instrument | None:
            return pretrade.instrument(leg.broker, leg.order.symbol)

        new_id = self._clockwork.ids.new
        return cut(message.legs, find, new_id, pretrade.most_slices)

    async def admit(self, glances: Glances, deadline: float) -> tuple[LegAnswer, ...]:
        """Check each leg, then ask its broker whether it would take it, side by side.

        All checks come first: a slot taken before would grow old while others wait.
        """
        message, began = glances.message, trio.current_time()
        verdicts = await self._settle(glances.legs, deadline)
        await self._check_funds(message, verdicts, deadline, began)
        checked_ms = (trio.current_time() - began) * 1000
        answers: dict[int, LegAnswer] = {}
        waits = waiting(message)
        patience = trio.current_time() + ADMIT_PATIENCE
        patience = min(patience, deadline - margin_before(deadline))

        async def ask(index: int, leg: Leg) -> None:
            order_id, verdict = self._clockwork.ids.new(), verdicts[index]
            waits_for_sells = index in waits
            admit = Admit(
                order_id=order_id,
                order=leg.order,
                # A slot taken for what waits would be overdue when it goes.
                reserve=not (
                    message.dry_run or waits_for_sells or verdict.denial is not None
                ),
                sent_as=verdict.sent_as,
            )
            answer = await self._answer(leg.broker, admit, verdict, patience)
            answers[index] = LegAnswer(
                order_id=order_id,
                leg=leg,
                answer=answer,
                skipped=verdict.skipped + ((LATER,) if waits_for_sells else ()),
                checked_ms=checked_ms,
            )

        if len(message.legs) == 1:
            await ask(0, message.legs[0])
        else:
            async with trio.open_nursery() as asks:
                for index, leg in enumerate(message.legs):
                    asks.start_soon(ask, index, leg)
        told = tuple(answers[index] for index in range(len(message.legs)))
        return without_sells(waits, told) if waits else told

    async def _settle(
        self, glances: Sequence[Verdict | Case], deadline: float
    ) -> list[Verdict]:
        cases = {i: each for i, each in enumerate(glances) if isinstance(each, Case)}
        verdicts = {
            i: each for i, each in enumerate(glances) if isinstance(each, Verdict)
        }

        async def settle(index: int, case: Case) -> None:
            assert self._pretrade is not None  # noqa: S101 - the case is one of its own
            verdicts[index] = await self._pretrade.settle(case, deadline)

        if cases:
            async with trio.open_nursery() as asks:
                for index, case in cases.items():
                    asks.start_soon(settle, index, case)
        return [verdicts[index] for index in range(len(glances))]

    async def _check_funds(
        self,
        message: PlaceBatch,
        verdicts: list[Verdict],
        deadline: float,
        began: float,
    ) -> None:
        """Check what is owed, each broker's legs together; the verdicts change."""
        owing: dict[str, list[int]] = {}
        for index, verdict in enumerate(verdicts):
            if verdict.owes:
                owing.setdefault(message.legs[index].broker, []).append(index)

        async def check(broker: str, indices: list[int]) -> None:
            assert self._pretrade is not None  # noqa: S101 - it has said what is owed
            legs = [(message.legs[index], verdicts[index]) for index in indices]
            found = await self._pretrade.together(broker, legs, deadline, began)
            for index, verdict in zip(indices, found, strict=True):
                verdicts[index] = verdict

        if owing:
            async with trio.open_nursery() as asks:
                for broker, indices in owing.items():
                    asks.start_soon(check, broker, indices)

    async def _answer(
        self, broker: str, admit: Admit, verdict: Verdict, patience: float
    ) -> Admission | Denial:
        """The broker's word, unless the checks have spoken.

        Where they only found that the broker does not answer, it is asked still: that
        it wants a login says more than that there is no price.
        """
        if verdict.denial is not None and not verdict.unanswered:
            return verdict.denial
        answer = await self._ask_broker(broker, admit, patience)
        if verdict.denial is not None and isinstance(answer, Admission):
            return verdict.denial
        return answer

    async def _ask_broker(
        self, broker: str, admit: Admit, patience: float
    ) -> Admission | Denial:
        try:
            with trio.fail_at(patience):
                return await self._brokers[broker].ask(admit)
        except MailboxFull as full:
            return Denial(code="rate_queue_full", message=str(full), retry_after=1.0)
        except (MailboxError, trio.TooSlowError):
            return Denial(
                code="broker_unavailable",
                message=f"{broker} is being restarted",
                retry_after=1.0,
            )
