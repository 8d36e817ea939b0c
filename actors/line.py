"""The line to one broker: rate slots, the breaker, the session, and reads over them.

Retries of reads live here and nowhere else; orders have a way of their own (`sender`).
"""

import itertools
import logging
import math
import random
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import trio

from actors.breaker import Breaker, BreakerState, Permit, Reason
from actors.clockwork import Wall
from actors.mailbox import Mailbox
from actors.outcomes import backoff, denial_of, result_of
from actors.pacer import NoSlot, Pacer
from actors.session import Session
from actors.traffic import Traffic
from actors.verdicts import VERDICTS, CallResult, Verdict
from actors.windows import Kind
from actors.writer import tell
from adapters import (
    AuditEntry,
    BrokerError,
    BrokerPort,
    Grant,
    Note,
    NotSent,
    RateLimited,
    SentUnknown,
    SessionExpired,
    Stopped,
)

__all__ = [
    "READ_TIMEOUT",
    "READ_TRIES",
    "Line",
    "Tries",
    "backoff",
    "denial_of",
    "result_of",
]

log = logging.getLogger("ordo.broker")

T = TypeVar("T")

READ_TRIES = 3
READ_TIMEOUT = 10.0
"""Seconds for one try of a read."""
FLAPS, FLAPPING_WITHIN = 3, 600.0
"""A breaker that opens so often in so many seconds is told as an alert."""


class Tries:
    """How often a read was tried, and the seconds its last try took at the broker."""

    def __init__(self) -> None:
        self.made = 0
        self.latency = 0.0


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
        traffic: counts what changes orders.
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
        traffic: Traffic | None = None,
    ) -> None:
        self.traffic = traffic or Traffic(wall)
        self.name = name
        self.port = port
        self.pacer = pacer
        self.breaker = breaker
        self.session = session
        self.rng = rng
        self.last_call_at: datetime | None = None
        self.last_failed = False
        self.session_news = trio.Event()
        self._writer = writer
        self._wall = wall
        self._count = itertools.count()
        self._opened: deque[float] = deque(maxlen=FLAPS)

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

    @property
    def probe_at(self) -> float:
        """When a read should prove the broker well again; infinite while none need."""
        if self.closed or self.breaker.forced:
            return math.inf
        now = trio.current_time()
        return now + self.breaker.retry_after(Kind.READ, now)

    def report(
        self, permit: Permit, result: CallResult, left: Kind | None = None
    ) -> None:
        """Tell the breaker how a call ended, and the audit what came of it.

        Args:
            left: what the call was, where it changes orders and may have left.
        """
        if left is not None:
            self.traffic.called(left, result)
        self.breaker.report(permit, result, trio.current_time())
        if VERDICTS[result] is Verdict.FAILED:
            self.last_failed = True
        elif result in (CallResult.ANSWERED, CallResult.REJECTED):
            self.last_failed = False
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
            self.note("breaker.changed", detail, by)
            if move.reason is Reason.FAILURES:
                self._tell_flapping(move.at)

    def _tell_flapping(self, opened_at: float) -> None:
        """A broker that comes and goes is worse than one that is down: tell people."""
        self._opened.append(opened_at)
        if len(self._opened) == FLAPS and opened_at - self._opened[0] < FLAPPING_WITHIN:
            log.critical(
                "%s is flapping: its breaker opened %d times in %d s",
                self.name,
                FLAPS,
                opened_at - self._opened[0],
                extra={"broker": self.name, "event": "breaker.flapping"},
            )

    def login_needed(self, reason: str, grant: Grant | None) -> None:
        """The broker refused *grant*; news of an earlier one say nothing any more."""
        if grant is not self.session.grant or not self.session.active:
            return
        log.warning(
            "%s wants a new login: %s",
            self.name,
            reason,
            extra={"broker": self.name, "event": "session.expired"},
        )
        self.note("session.expired", {"reason": reason}, None)
        self.session.expired(reason)
        self.session_news.set()

    async def read(
        self,
        kind: Kind,
        call: Callable[[], Awaitable[T]],
        tries: Tries | None = None,
    ) -> T:
        """Make a read: wait for a slot, try at most three times, inside the deadline.

        Args:
            tries: counts along, for whoever wants to know.

        Raises:
            BrokerError: the last try's; `Stopped` where it was not even tried.
        """
        tries = tries or Tries()
        while True:
            try:
                return await self._try(kind, call, tries)
            except (NotSent, SentUnknown, RateLimited) as error:
                wait = self._before_next(tries.made, error)
                if wait is None:
                    raise
            await trio.sleep(wait)

    async def download(self, call: Callable[[], Awaitable[T]]) -> T:
        """Fetch long files: one try, in a slot of a read, inside the deadline.

        How it ends says nothing of the broker's health nor of the session: masters
        mostly come from another host, and without a session. So a failure must not
        keep orders from leaving, and an answer must not count as a login.

        Raises:
            BrokerError: `Stopped` where it was not even tried.
        """
        if not self.closed:
            raise self.unavailable(Kind.READ)
        await self.slot(Kind.READ)
        self.last_call_at = self._wall()
        return await call()

    def _before_next(self, attempt: int, error: BrokerError) -> float | None:
        if attempt >= READ_TRIES or isinstance(error, Stopped):
            return None
        wait = backoff(attempt, self.rng)
        left = trio.current_effective_deadline() - trio.current_time()
        return wait if wait < left else None

    async def _try(
        self, kind: Kind, call: Callable[[], Awaitable[T]], tries: Tries
    ) -> T:
        if self.breaker.retry_after(kind, trio.current_time()) > 0:
            raise self.unavailable(kind)  # before a slot is spent
        slot = await self.slot(kind)
        try:
            permit = self.admit(kind)
        except Stopped:
            self.pacer.give_back(kind, slot)
            raise
        result, started = CallResult.CANCELLED, trio.current_time()
        grant = self.session.grant
        tries.made += 1
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
                self.login_needed(str(error), grant)
            raise
        finally:
            tries.latency = trio.current_time() - started
            if patience.cancelled_caught:
                result = CallResult.TIMED_OUT
            self.report(permit, result)
        raise SentUnknown(f"{self.name} gave no answer in {READ_TIMEOUT:g} s")

    async def slot(self, kind: Kind) -> float:
        """Wait for a rate slot, until the deadline around it, and give its time.

        Raises:
            Stopped: there will be none in time.
        """
        name = f"{kind}:{next(self._count)}"
        deadline = trio.current_effective_deadline()
        try:
            return await self.pacer.take(name, kind, deadline)
        except NoSlot as none:
            raise Stopped(none.code, none.message) from none

    def note(
        self,
        action: str,
        detail: dict[str, str],
        by: str | None,
        request_id: str | None = None,
    ) -> None:
        """Write to the audit log what befell the broker."""
        entry = self.entry(action, detail, by, request_id)
        tell(self._writer, Note(audit=(entry,)))

    def entry(
        self,
        action: str,
        detail: dict[str, str],
        by: str | None,
        request_id: str | None = None,
    ) -> AuditEntry:
        """A record of the audit log about this broker."""
        return AuditEntry(
            actor=by or f"broker:{self.name}",
            action=action,
            request_id=request_id,
            broker=self.name,
            detail=detail,
        )
