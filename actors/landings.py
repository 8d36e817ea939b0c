"""What comes of an order on its way, as the change of its record that says so."""

from collections.abc import Callable
from typing import Any

from actors.flight import Flight
from actors.journal import Journal
from actors.lifecycle import Change, advance
from actors.trading import OTHER_HALT, TradingState
from adapters import Acked, OrderStatus, Rejected


class Landings:
    """Says how a flight ended. A change is None where the record knows better by now.

    Args:
        broker: its name, for words.
        journal: holds the order.
        trading: says why it is halted.
        in_doubt: told of each order whose outcome is unknown.
    """

    def __init__(
        self,
        broker: str,
        journal: Journal,
        trading: TradingState,
        in_doubt: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._journal = journal
        self._trading = trading
        self._in_doubt = in_doubt

    def answered(self, flight: Flight, answer: Acked | Rejected) -> Change | None:
        """The broker took it, or refused it."""
        if isinstance(answer, Acked):
            return self._change(
                flight,
                OrderStatus.ACKED,
                "the broker took it",
                broker_order_id=answer.broker_order_id,
                http_status=answer.http_status,
                error_code=None,
                message=None,
            )
        return self._change(
            flight,
            OrderStatus.REJECTED,
            "the broker refused it",
            broker_order_id=answer.broker_order_id,
            http_status=answer.http_status,
            error_code="rejected",
            message=f"refused by {self._broker}: {answer.text}",
            broker_code=answer.code,
            broker_message=answer.text,
        )

    def unknown(self, flight: Flight, cause: str, **fields: Any) -> Change | None:
        """It may have arrived. *fields*: of the record, such as `http_status`."""
        change = self._change(
            flight,
            OrderStatus.UNKNOWN,
            cause,
            error_code="unknown",
            message=f"it may have arrived ({cause}); being reconciled",
            **fields,
        )
        if change is not None:  # else its fate is known, or it is looked for already
            self._in_doubt(flight.order_id)
        return change

    def denied(self, flight: Flight, code: str, message: str) -> Change | None:
        """It did not leave: refused by us, or cancelled where *code* is that."""
        if code == "cancelled":
            by = self._journal[flight.order_id].cancel_by or "a client"
            cause = f"asked by {by}; {message}"
            return self._change(flight, OrderStatus.CANCELLED, cause)
        return self._change(
            flight, OrderStatus.DENIED, message, error_code=code, message=message
        )

    def withdrawn(self, flight: Flight) -> Change | None:
        """Taken out before it left: cancelled by its owner, or else by a halt."""
        if flight.cancel_wanted:
            return self.denied(flight, "cancelled", "cancelled before it was sent")
        if flight.closes_for is not None:
            return self.denied(flight, "not_sent", OTHER_HALT)
        reason = f"halted: {self._trading.switch.reason}"
        return self.denied(flight, "kill_switch_engaged", reason)

    def _change(
        self, flight: Flight, to: OrderStatus, cause: str, **fields: Any
    ) -> Change | None:
        return advance(
            self._journal[flight.order_id],
            to,
            cause,
            self._journal.wall(),
            attempts=flight.attempts,
            latency_ms=round(flight.latency * 1000, 3),
            **fields,
        )
