"""The line to one broker: rate slots, the breaker, the session, and reads over them.

Retries of reads live here and nowhere else; orders have a way of their own (`sender`).
"""

import itertools
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, TypeVar

import trio

from actors.breaker import Breaker, BreakerState, CallResult, Permit
from actors.clockwork import Wall
from actors.limiter import Kind
from actors.mailbox import Mailbox, MailboxError
from actors.messages import Commit, Denial
from actors.pacer import NoSlot, Pacer
from actors.session import Session
from adapters import (
    AuditEntry,
    BrokerError,
    BrokerPort,
    Note,
    NotSent,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    Stopped,
    Unsupported,
)

log = logging.getLogger("ordo.broker")

T = TypeVar("T")

READ_TRIES = 3
READ_TIMEOUT = 10.0
"""Seconds for one try of a read."""
FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 5.0
"""Seconds before a second try, and where doubling stops."""


class Read(NamedTuple):
    """What a read gave, in how many tries, and its last try's milliseconds."""

    value: object
    attempts: int
    latency_ms: float


def result_of(error: BrokerError) -> CallResult:
    """What an error says about the broker's health."""
    match error:
        case Stopped() | Unsupported():
            return CallResult.DENIED
        case NotSent():
            return CallResult.CONNECT_FAILED
        case SessionExpired():
            return CallResult.LOGIN_EXPIRED
        case RateLimited():
            return CallResult.LIMITED
        case Refused():
            return CallResult.REJECTED
    return CallResult.UNKNOWN


def backoff(attempt: int, rng: random.Random) -> float:
    """Seconds to wait after the *attempt*-th try, with jitter so that none march."""
    longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** (attempt - 1))
    return rng.uniform(longest / 2, longest)


class Line:
    """Everything between the actor of a broker and its port.

    Args:
        name: the broker's.
        port: the adapter.
        pacer: gives rate slots.
        breaker: says whether to call at all.
        session: whether we are logged in.
        writer: where changes of the breaker and the session are noted.
        wall: for stamps.
        rng: for jitter.
    """

    def __init__(
        self,
        name: str,
        port: BrokerPort,
        pacer: Pacer,
        breaker: Breaker,
        session: Session,
        writer: Mailbox,
        wall: Wall,
        rng: random.Random,
    ) -> None:
        self.name = name
        self.port = port
        self.pacer = pacer
        self.breaker = breaker
        self.session = session
        self.rng = rng
        self.last_call_at: datetime | None = None
        self.last_failed = False
        self._writer = writer
        self._wall = wall
        self._count = itertools.count()

    def admit(self, kind: Kind) -> Permit:
        """Leave to make one call now.

        Raises:
            Stopped: the breaker is open.
        """
        now = trio.current_time()
        permit = self.breaker.admit(kind, now)
        if permit is None:
            raise self.unavailable(kind)
        self.last_call_at = self._wall()
        return permit

    def unavailable(self, kind: Kind) -> Stopped:
        """The refusal that an open breaker means."""
        after = self.breaker.retry_after(kind, trio.current_time())
        return Stopped(
            "broker_unavailable",
            f"{self.name} failed too often and is left alone; try in {after:.0f} s",
        )

    @property
    def closed(self) -> bool:
        """Whether the breaker lets orders through."""
        return self.breaker.state(trio.current_time()) is BreakerState.CLOSED

    def report(self, permit: Permit, result: CallResult) -> None:
        """Tell the breaker how a call ended, and the audit what came of it."""
        self.breaker.report(permit, result, trio.current_time())
        self.last_failed = result in (
            CallResult.CONNECT_FAILED,
            CallResult.TIMED_OUT,
            CallResult.UNKNOWN,
        )
        if result in (CallResult.ANSWERED, CallResult.REJECTED):
            self.session.answered(self._wall())
        self.note_transitions()

    def note_transitions(self, by: str | None = None) -> None:
        """Write what the breaker did to the log and the audit."""
        for move in self.breaker.drain_transitions():
            log.warning(
                "breaker %s -> %s (%s)",
                move.before,
                move.after,
                move.reason,
                extra={"broker": self.name, "event": "breaker.changed"},
            )
            detail: dict[str, str] = {
                "from": move.before,
                "to": move.after,
                "reason": move.reason,
            }
            self._note("breaker.changed", detail, by)

    def login_needed(self, reason: str) -> None:
        """The broker refused the session."""
        if self.session.active:
            log.warning(
                "%s wants a new login: %s",
                self.name,
                reason,
                extra={"broker": self.name, "event": "session.expired"},
            )
            self._note("session.expired", {"reason": reason}, None)
        self.session.expired(reason)

    async def read(self, kind: Kind, call: Callable[[], Awaitable[T]]) -> T:
        """Make a read: wait for a slot, try at most three times, inside the deadline.

        Raises:
            BrokerError: the last try's; `Stopped` where it was not even tried.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._try(kind, call)
            except (NotSent, SentUnknown, RateLimited) as error:
                wait = self._before_next(attempt, error)
                if wait is None:
                    raise
            await trio.sleep(wait)

    def _before_next(self, attempt: int, error: BrokerError) -> float | None:
        if attempt >= READ_TRIES or isinstance(error, Stopped):
            return None
        wait = backoff(attempt, self.rng)
        left = trio.current_effective_deadline() - trio.current_time()
        return wait if wait < left else None

    async def _try(self, kind: Kind, call: Callable[[], Awaitable[T]]) -> T:
        await self._slot(kind)
        permit = self.admit(kind)
        result = CallResult.CANCELLED
        try:
            with trio.move_on_after(READ_TIMEOUT) as patience:
                answer = await call()
                result = CallResult.ANSWERED
                return answer
        except BrokerError as error:
            result = result_of(error)
            if isinstance(error, RateLimited):
                self.pacer.limited(error.retry_after)
            if isinstance(error, SessionExpired):
                self.login_needed(str(error))
            raise
        finally:
            if patience.cancelled_caught:
                result = CallResult.TIMED_OUT
            self.report(permit, result)
        raise SentUnknown(f"{self.name} gave no answer in {READ_TIMEOUT:g} s")

    async def _slot(self, kind: Kind) -> None:
        if self.pacer.try_take("now", kind) is not None:
            return
        name = f"{kind}:{next(self._count)}"
        try:
            await self.pacer.take(name, kind, trio.current_effective_deadline())
        except NoSlot as none:
            raise Stopped(none.code, none.message) from none

    def _note(self, action: str, detail: dict[str, str], by: str | None) -> None:
        entry = AuditEntry(
            actor=by or f"broker:{self.name}",
            action=action,
            broker=self.name,
            detail=detail,
        )
        try:
            self._writer.tell(Commit(writes=(Note(audit=(entry,)),)))
        except MailboxError as exc:
            log.error("not in the audit: %s: %s", action, exc)  # noqa: TRY400


def denial_of(error: BrokerError) -> Denial:
    """What clients are told of an error: a broker-level code and words."""
    match error:
        case Stopped(code=code, message=message):
            return Denial(code=code, message=message)
        case NotSent():
            return Denial(code="broker_unavailable", message=f"not reached: {error}")
        case SessionExpired():
            return Denial(code="session_expired", message=str(error))
        case RateLimited():
            return Denial(
                code="rate_queue_full",
                message=f"the broker refused for pace: {error}",
                retry_after=error.retry_after,
            )
        case Unsupported():
            return Denial(code="unsupported", message=str(error))
        case Refused():
            return Denial(code="rejected", message=error.text)
    return Denial(code="broker_unavailable", message=f"no answer to use: {error}")
