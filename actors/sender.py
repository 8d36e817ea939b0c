"""One order's way to the wire: slot, SENDING, last look, send, outcome.

Nothing here is ever sent twice: only what provably did not leave is tried again, with
the same tag. Whatever cannot be proven is unknown, and left to the reconciler.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from actors.breaker import CallResult
from actors.egress import Egress
from actors.flight import Flight
from actors.journal import Journal
from actors.landings import Landings
from actors.lifecycle import Change
from actors.line import Line, backoff, denial_of, result_of
from actors.one_of_a_kind import OneOfAKind
from actors.pacer import NoSlot, Withdrawn
from actors.protection import outgoing
from actors.trading import TradingState
from actors.windows import Kind
from actors.writer import COMMIT_TIMEOUT
from adapters import (
    Acked,
    BrokerError,
    NotSent,
    OrderRecord,
    RateLimited,
    Rejected,
    SentUnknown,
    SessionExpired,
    Stopped,
    Unsupported,
)
from adapters.correlation import about

log = logging.getLogger("ordo.orders")

SEND_TRIES = 3
"""Tries of an order that provably did not leave."""


class _SlotStale(Stopped):
    """Its slot was taken too long ago to leave on, and now there is none."""

    def __init__(self) -> None:
        super().__init__("rate_queue_full", "its rate slot was overdue")


class Sender:
    """Sends one broker's orders, which its journal holds while they fly.

    Args:
        line: to the broker.
        journal: its live orders.
        turns: one of a kind at a time, where the broker shows no tags.
        trading: read as the last thing before the bytes go.
        submit_timeout: seconds the broker has to answer an order.
        in_doubt: told of each order whose outcome is unknown.
        renewed: waits for a session that is being renewed without the user; whether
            there is a good one then.
        egress: where orders would leave from; None: any address will do.
    """

    def __init__(
        self,
        line: Line,
        journal: Journal,
        turns: OneOfAKind,
        trading: TradingState,
        submit_timeout: float,
        in_doubt: Callable[[str], None],
        renewed: Callable[[], Awaitable[bool]],
        egress: Egress | None = None,
    ) -> None:
        self._line = line
        self._journal = journal
        self._turns = turns
        self._trading = trading
        self._submit_timeout = submit_timeout
        self._renewed = renewed
        self._egress = egress
        self._landings = Landings(line.name, journal, trading, in_doubt)

    async def fly(self, flight: Flight) -> OrderRecord:
        """Bring the order to its outcome, and tell it when that is stored.

        Shielded, for the time it may take at the most: cut short, the order would be
        half told, and a stop must leave none behind unexplained.
        """
        now = trio.current_time()
        limit = max(0.0, flight.deadline - now) + self._submit_timeout
        limit += 2 * COMMIT_TIMEOUT
        try:
            with (
                trio.CancelScope(shield=True, deadline=now + limit),
                about(self._journal.ids(flight.order_id)),
            ):
                await self._journal.save(await self._outcome(flight))
                await self._journal.flush(flight.order_id)  # the book was first
        finally:
            flight.landed.set()
        return self._journal.spoken(flight.order_id)

    async def overdue(self, flight: Flight) -> OrderRecord:
        """The deadline is here: say what is known, and let what has left go on.

        What has not left will not: the last look refuses it from now on.
        """
        if flight.departed:
            change = self._landings.unknown(
                flight, "no answer by the request's deadline"
            )
        elif flight.renewal:
            words = "the broker wants a new login, which was not done in time"
            change = self._landings.denied(flight, "session_expired", words)
        else:
            late = "its deadline passed before it left"
            words = self._turns.hindrance(flight.order_id) or late
            change = self._landings.denied(flight, "deadline_exceeded", words)
        await self._journal.save(change)
        await self._journal.flush(flight.order_id)
        return self._journal.spoken(flight.order_id)

    async def _outcome(self, flight: Flight) -> Change | None:
        while True:
            try:
                await self._ready(flight)
                return self._landings.answered(flight, await self._try(flight))
            except Withdrawn:
                return self._landings.withdrawn(flight)
            except NoSlot as none:
                return self._landings.denied(flight, none.code, none.message)
            except SentUnknown as error:
                if error.http_status == 429:
                    self._line.pacer.limited(None)
                return self._landings.unknown(
                    flight, str(error), http_status=error.http_status
                )
            except RateLimited as error:
                self._line.pacer.limited(error.retry_after)
            except _SlotStale:
                pass  # with the next slot, then
            except Stopped as stopped:
                self._give_back(flight)
                if not await self._logged_in_again(flight, stopped.code):
                    return self._landings.denied(flight, stopped.code, stopped.message)
            except NotSent as error:
                if not await self._try_again(flight):
                    return self._landings.denied(flight, "not_sent", str(error))
            except (SessionExpired, Unsupported) as error:
                denial = denial_of(error)
                if not await self._logged_in_again(flight, denial.code):
                    return self._landings.denied(flight, denial.code, denial.message)
            flight.slot = None

    async def _ready(self, flight: Flight) -> None:
        """Have its turn, hold a slot, and have SENDING on disk.

        Raises:
            Stopped: it would not be let go anyhow, or SENDING could not be stored.
            NoSlot: there will be none in time.
            Withdrawn: it was taken out of the queue.
        """
        self._may_go(flight)
        record = self._journal[flight.order_id]
        if not await self._turns.turn(record, flight.deadline):
            raise Withdrawn
        if flight.slot is None:
            flight.slot = await self._line.pacer.take(
                flight.order_id, Kind.PLACE, flight.deadline
            )
        sending = self._journal[flight.order_id].sending_at is not None
        if not sending and not await self._journal.save_sending(flight.order_id):
            raise Stopped("not_sent", "the store could not take it")

    async def _try(self, flight: Flight) -> Acked | Rejected:
        """One call, from connecting to the answer.

        Raises:
            BrokerError: see `adapters.errors`; `SentUnknown` for silence.
        """
        permit = self._line.admit(Kind.PLACE)
        flight.attempts += 1
        result, started = CallResult.CANCELLED, trio.current_time()
        record = self._journal[flight.order_id]
        grant = self._line.session.grant
        log.info(
            "%s %s goes to %s",
            record.order.side,
            record.order.symbol,
            self._line.name,
            extra={"event": "order.sending", "attempt": flight.attempts},
        )
        try:
            with trio.move_on_after(self._submit_timeout) as patience:
                answer = await self._line.port.place(
                    outgoing(record.order, record.sent_as),
                    record.client_tag,
                    lambda: self._last_look(flight),
                )
                accepted = isinstance(answer, Acked)
                result = CallResult.ANSWERED if accepted else CallResult.REJECTED
                return answer
        except BrokerError as error:
            result = result_of(error)
            if not isinstance(error, SentUnknown):
                flight.departed = False  # proven: nothing left, or nothing was done
            if isinstance(error, Stopped):
                flight.attempts -= 1  # a stop is no try
            if isinstance(error, SessionExpired):
                self._line.login_needed(str(error), grant)
            raise
        finally:
            flight.latency += trio.current_time() - started
            self._trading.arrived(flight.order_id)
            if patience.cancelled_caught:
                result = CallResult.TIMED_OUT
            departed = Kind.PLACE if flight.departed else None
            self._line.report(permit, result, departed)
        words = f"no answer in {self._submit_timeout:g} s"
        raise SentUnknown(words) if flight.departed else NotSent(words)

    def _may_go(self, flight: Flight) -> None:
        """Refuse an order that must not go.

        Raises:
            Stopped: with the reason.
        """
        if trio.current_time() >= flight.deadline:
            raise Stopped("deadline_exceeded", "its deadline passed before it left")
        if flight.cancel_wanted:
            raise Stopped("cancelled", "cancelled before it was sent")
        if not self._line.closed:
            raise self._line.unavailable(Kind.PLACE)
        if not self._line.session.active:
            raise Stopped("session_expired", "the broker wants a new login")
        if self._egress is not None:
            self._egress.check()
        self._trading.check(flight.closes_for)

    def _last_look(self, flight: Flight) -> None:
        """The last thing before the first byte; there is no await after it.

        Raises:
            Stopped: it must not go.
        """
        self._may_go(flight)
        assert flight.slot is not None  # noqa: S101 - `_ready` took it
        flight.slot = self._line.pacer.redate(Kind.PLACE, flight.slot)
        if flight.slot is None:
            raise _SlotStale
        self._trading.depart(flight.order_id, flight.closes_for)
        flight.departed = True

    async def _try_again(self, flight: Flight) -> bool:
        """Whether another try makes sense, after the wait that it needs."""
        if flight.attempts >= SEND_TRIES:
            return False
        wait = backoff(flight.attempts, self._line.rng)
        if trio.current_time() + wait >= flight.deadline:
            return False
        words, extra = (
            "it did not leave, and is tried again",
            {"event": "order.retried"},
        )
        log.warning(words, extra=extra)
        await trio.sleep(wait)
        return True

    async def _logged_in_again(self, flight: Flight, code: str) -> bool:
        """Whether what only a session was missing for can be tried again, once.

        The adapter lists the refusal as one that came before acting: nothing was done.
        """
        if code != "session_expired" or flight.renewal is not None:
            return False
        flight.renewal, good = True, False
        with trio.move_on_at(flight.deadline):
            good = await self._renewed()
        if good or trio.current_time() < flight.deadline:
            flight.renewal = False
        return good

    def _give_back(self, flight: Flight) -> None:
        """Return the slot: no byte was sent for it."""
        if flight.slot is not None:
            self._line.pacer.give_back(Kind.PLACE, flight.slot)
