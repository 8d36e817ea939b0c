"""Sequential batches: at each broker, buys wait until the sells before them are filled.

They wait here, before they are handed to their broker: stored and not yet SENDING, so
whatever crashes meanwhile, they have provably not left. A buy whose sells are not
filled in time, or never will be, is denied: it was to be paid for by them.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
import trio

from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    Admission,
    CheckSkipped,
    Denial,
    Leg,
    LegAnswer,
    LookAtBook,
    PlaceBatch,
)
from actors.records import Records
from actors.trading import TradingState
from adapters import OrderRecord, OrderStatus, Side, Store, StoreFailed

WAITS = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Seconds until the broker's book is looked at again; the last one from there on. A
guess: each look is one of the broker's reads, and most fills take less than a second.
"""
FILLED = frozenset({OrderStatus.FILLED, OrderStatus.SETTLED})
LATER = CheckSkipped(check="funds", reason="the sells before it are to pay for it")
"""Said of each buy that waits: what there is to spend is not known before."""


def waiting(message: PlaceBatch) -> dict[int, tuple[int, ...]]:
    """The legs that wait, by index, and the legs that each of them waits for."""
    if not message.sequential:
        return {}
    sells: dict[str, list[int]] = {}
    for index, leg in enumerate(message.legs):
        if leg.order.side is Side.SELL:
            sells.setdefault(leg.broker, []).append(index)
    return {
        index: tuple(sells[leg.broker])
        for index, leg in enumerate(message.legs)
        if leg.order.side is Side.BUY and leg.broker in sells
    }


def turns(
    message: PlaceBatch, answers: Sequence[LegAnswer]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each broker whose buys wait: the legs that go first, and those after them.

    Buys that were denied with their sells wait for nothing.
    """
    buys: dict[tuple[int, ...], list[int]] = {}
    for index, sells in waiting(message).items():
        if isinstance(answers[index].answer, Admission):
            buys.setdefault(sells, []).append(index)
    return [(sells, tuple(then)) for sells, then in buys.items()]


def without_sells(
    waits: Mapping[int, Sequence[int]], answers: Sequence[LegAnswer]
) -> tuple[LegAnswer, ...]:
    """The answers, with those buys denied whose sells are denied already."""
    return tuple(
        _without(answer, [answers[sell] for sell in waits.get(index, ())])
        for index, answer in enumerate(answers)
    )


def _without(buy: LegAnswer, sells: Sequence[LegAnswer]) -> LegAnswer:
    for sell in sells:
        if isinstance(buy.answer, Admission) and isinstance(sell.answer, Denial):
            why = f"denied ({sell.answer.code})"
            denial = Denial(code="not_sent", message=_words(sell.leg, why))
            return msgspec.structs.replace(buy, answer=denial)
    return buy


def _words(sell: Leg | OrderRecord, how: str) -> str:
    """Which order was waited for, and what became of it."""
    name = "a sell"
    if isinstance(sell, OrderRecord):
        name = sell.order_id
    return f"it waited for {name} (SELL {sell.order.symbol}), which is {how}"


class SellsFirst:
    """Waits for sells to be filled.

    Args:
        brokers: mailboxes by the name of the broker; their books are read meanwhile.
        records: what is stored, which is what counts.
        trading: a halt ends the wait for good.
    """

    def __init__(
        self, brokers: Mapping[str, Mailbox], records: Records, trading: TradingState
    ) -> None:
        self._brokers = brokers
        self._records = records
        self._trading = trading

    async def filled(
        self, sells: Sequence[OrderRecord], by: float, version: int
    ) -> Denial | None:
        """Wait until all are filled; None, or why their buys must not go.

        Args:
            sells: one broker's, as they were left when they were sent.
            by: no longer than that, on the Trio clock.
            version: the kill-switch's when the batch was accepted: a halt that came
                and went since ends the wait too.
        """
        tries = 0
        while True:
            sells = await self._as_stored(sells)
            if all(sell.status in FILLED for sell in sells):
                return None
            denial = self._hindrance(sells, by, version)
            if denial is not None:
                return denial
            with trio.move_on_at(by):
                await self._pause(WAITS[min(tries, len(WAITS) - 1)])
                await self._look(sells[0].broker)
            tries += 1

    def _hindrance(
        self, sells: Sequence[OrderRecord], by: float, version: int
    ) -> Denial | None:
        switch = self._trading.switch
        if switch.engaged or switch.version != version:
            words = f"halted: {switch.reason}"
            return Denial(code="kill_switch_engaged", message=words)
        for sell in sells:
            if sell.is_settled and sell.status not in FILLED:
                words = _words(sell, f"{sell.status} and not filled")
                return Denial(code="not_sent", message=words)
        if trio.current_time() < by:
            return None
        late = next(sell for sell in sells if sell.status not in FILLED)
        words = _words(late, f"{late.status} and was not filled by the deadline")
        return Denial(code="deadline_exceeded", message=words)

    async def as_stored(self, record: OrderRecord) -> OrderRecord:
        """The order as it stands; as it was, where that cannot be read."""
        return (await self._as_stored([record]))[0]

    async def _as_stored(self, orders: Sequence[OrderRecord]) -> list[OrderRecord]:
        ids = tuple(order.order_id for order in orders)
        try:
            found = await self._records.read(partial(_orders, order_ids=ids))
        except StoreFailed:
            return list(orders)  # asked again, and by the deadline it is too late
        return [stored or order for stored, order in zip(found, orders, strict=True)]

    async def _pause(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._trading.turned()

    async def _look(self, broker: str) -> None:
        """Have the book read: fills come by it, and seldom otherwise."""
        try:
            await self._brokers[broker].ask(LookAtBook())
        except MailboxError:
            return  # it is being restarted, or has too much to do: later, then


def _orders(store: Store, order_ids: Sequence[str]) -> list[OrderRecord | None]:
    return [store.order(order_id) for order_id in order_ids]
