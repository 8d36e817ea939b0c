"""Cancelling at the broker: safe to repeat, refused by no halt and no open breaker."""

import logging
from collections.abc import Awaitable, Callable

import trio

from actors.breaker import CallResult
from actors.line import Line, backoff, denial_of, result_of
from actors.messages import Denial
from actors.pacer import NoSlot
from actors.windows import Kind
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
)
from adapters.correlation import about, of_order

log = logging.getLogger("ordo.orders")

CANCEL_TRIES = 3


class Canceller:
    """Cancels one broker's orders, each at most once at a time.

    Args:
        line: to the broker.
        submit_timeout: seconds the broker has to answer.
        look: reads the book afresh: only the book says how an order ended.
    """

    def __init__(
        self, line: Line, submit_timeout: float, look: Callable[[], Awaitable[None]]
    ) -> None:
        self._line = line
        self._submit_timeout = submit_timeout
        self._look = look

    async def cancel(self, record: OrderRecord, deadline: float) -> Denial | None:
        """Cancel an order that is open at the broker.

        Returns:
            None where the broker took the cancel, and the book was read since;
            otherwise why not.
        """
        with about(of_order(record)):
            return await self._cancel(record, deadline)

    async def _cancel(self, record: OrderRecord, deadline: float) -> Denial | None:
        tries = 0
        while True:
            try:
                answer = await self._try(record, deadline)
            except NoSlot as none:
                return Denial(
                    code=none.code, message=none.message, retry_after=none.retry_after
                )
            except Stopped as stopped:  # no try: nothing was called
                if not await self._wait_for_breaker(deadline):
                    return denial_of(stopped)
                continue
            except (NotSent, SentUnknown, RateLimited) as error:
                failure = error
            except BrokerError as error:
                return denial_of(error)
            else:
                await self._look()
                return _refusal(answer)
            tries += 1
            if tries == CANCEL_TRIES:
                await self._look()
                return denial_of(failure)
            await trio.sleep(backoff(tries, self._line.rng))

    async def _wait_for_breaker(self, deadline: float) -> bool:
        """An open breaker lets one cancel pass a second: wait, if there is time."""
        now = trio.current_time()
        wait = self._line.breaker.retry_after(Kind.CANCEL, now)
        if now + wait > deadline:
            return False
        await trio.sleep(wait)
        return True

    async def _try(self, record: OrderRecord, deadline: float) -> Acked | Rejected:
        pacer = self._line.pacer
        slot = await pacer.take(f"cancel:{record.order_id}", Kind.CANCEL, deadline)
        try:
            permit = self._line.admit(Kind.CANCEL)
        except Stopped:
            pacer.give_back(Kind.CANCEL, slot)
            raise
        result, grant = CallResult.CANCELLED, self._line.session.grant
        assert record.broker_order_id is not None  # noqa: S101 - it is in the book
        words, extra = "its cancel goes to %s", {"event": "cancel.sending"}
        log.info(words, self._line.name, extra=extra)
        try:
            # Cut short, nobody would know whether the cancel arrived.
            with trio.move_on_after(self._submit_timeout, shield=True) as patience:
                answer = await self._line.port.cancel(record.broker_order_id)
                result = CallResult.ANSWERED
                return answer
        except BrokerError as error:
            result = result_of(error)
            if isinstance(error, RateLimited):
                pacer.limited(error.retry_after)
            if isinstance(error, SessionExpired):
                self._line.login_needed(str(error), grant)
            raise
        finally:
            if patience.cancelled_caught:
                result = CallResult.TIMED_OUT
            self._line.report(permit, result, Kind.CANCEL)
        raise SentUnknown(f"no answer in {self._submit_timeout:g} s")


def _refusal(answer: Acked | Rejected) -> Denial | None:
    if isinstance(answer, Acked):
        return None
    return Denial(code="rejected", message=f"{answer.code}: {answer.text}")
