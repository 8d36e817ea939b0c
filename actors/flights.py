"""The orders on their way: each is answered when it lands, or at its deadline."""

from collections.abc import Mapping

import msgspec
import trio

from actors.cancels import Cancels, StartSoon
from actors.flight import Flight
from actors.journal import Journal
from actors.mailbox import Request
from actors.pacer import Pacer
from actors.reconciler import Reconciler
from actors.sender import Sender
from actors.trading import TradingState
from actors.windows import Kind
from adapters import OrderRecord


class Flights:
    """Starts one broker's flights and answers for them.

    Args:
        aloft: the flights by order id, kept here, read by others.
        sender: flies them.
        journal: holds their orders.
        reconciler: told when one has landed.
        cancels: told too; may have a cancel that came before the order.
        pacer: whose queue they wait in.
        trading: whether they may still go.
        start_soon: runs a flight.
    """

    def __init__(
        self,
        aloft: dict[str, Flight],
        sender: Sender,
        journal: Journal,
        reconciler: Reconciler,
        cancels: Cancels,
        pacer: Pacer,
        trading: TradingState,
        start_soon: StartSoon,
    ) -> None:
        self._aloft = aloft
        self._sender = sender
        self._journal = journal
        self._reconciler = reconciler
        self._cancels = cancels
        self._pacer = pacer
        self._trading = trading
        self._start_soon = start_soon
        self._left_over: Mapping[str, OrderRecord] = {}

    @property
    def departed(self) -> int:
        """How many have left and are not answered yet."""
        return sum(flight.departed for flight in self._aloft.values())

    def ground(self, left_over: Mapping[str, OrderRecord]) -> None:
        """Never send these: the last run had them, and their fate is being settled.

        A `SendOrder` of one may still come: it was queued before this start.
        """
        self._left_over = left_over

    def start(self, request: Request, slot: float | None) -> None:
        """Send the order of the request's `SendOrder`, which is answered in time."""
        message = request.message
        order_id = message.record.order_id
        if order_id in self._left_over:
            if slot is not None:
                self._pacer.give_back(Kind.PLACE, slot)
            request.reply(self._journal.get(order_id) or self._left_over[order_id])
            return
        flight = Flight(message.record, slot, message.answer_by)
        flight.cancel_wanted = self._cancels.wanted(order_id)
        self._aloft[order_id] = flight
        record, by = message.record, self._cancels.wanted_by(order_id)
        if by is not None:  # its cancel was here before it
            record = msgspec.structs.replace(
                record, cancel_requested=True, cancel_by=by
            )
        self._journal.hold(record, request.ids.get("request_id"))
        self._start_soon(self._fly, flight, request)

    def withdraw(self) -> None:
        """The switch has turned: of those that wait, who may not go any more ends."""
        for flight in tuple(self._aloft.values()):
            if not self._trading.may_go(flight.closes_for):
                self._pacer.withdraw(flight.order_id)

    async def _fly(self, flight: Flight, request: Request) -> None:
        with request:
            async with trio.open_nursery() as watch:
                watch.start_soon(self._answer_at_deadline, flight, request)
                _answer(flight, request, await self._land(flight))
                watch.cancel_scope.cancel()
            self._journal.release(flight.order_id)

    async def _answer_at_deadline(self, flight: Flight, request: Request) -> None:
        await trio.sleep_until(flight.deadline)
        _answer(flight, request, await self._sender.overdue(flight))

    async def _land(self, flight: Flight) -> OrderRecord:
        record = await self._sender.fly(flight)
        del self._aloft[flight.order_id]
        self._reconciler.landed(flight.order_id)
        self._cancels.changed(flight.order_id)
        return record


def _answer(flight: Flight, request: Request, record: OrderRecord) -> None:
    """Reply, unless the other one of landing and deadline was first."""
    if not flight.answered:
        flight.answered = True
        request.reply(record)
