"""Cancelling at the broker: safe to repeat, refused by no halt and no open breaker."""

from collections.abc import Awaitable, Callable

import trio

from actors.breaker import CallResult
from actors.limiter import Kind
from actors.line import Line, backoff, denial_of, result_of
from actors.messages import Denial
from actors.pacer import NoSlot
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

CANCEL_TRIES = 3


class Canceller:
    """Cancels one broker's orders.

    Args:
        line: to the broker.
        submit_timeout: seconds the broker has to answer.
        look: reads the book afresh: only the book says how an order ended.
    """

    def __init__(
        self, line: Line, submit_timeout: float, look: Callable[[], Awaitable[bool]]
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
        for attempt in range(1, CANCEL_TRIES + 1):
            try:
                answer = await self._try(record, deadline)
            except NoSlot as none:
                return Denial(
                    code=none.code, message=none.message, retry_after=none.retry_after
                )
            except RateLimited as error:
                self._line.pacer.limited(error.retry_after)
                failure: BrokerError = error
            except SessionExpired as error:
                self._line.login_needed(str(error))
                return denial_of(error)
            except (NotSent, SentUnknown) as error:
                failure = error
                await trio.sleep(self._pause(attempt, error))
            except BrokerError as error:
                return denial_of(error)
            else:
                await self._look()
                return _refusal(answer)
        await self._look()
        return denial_of(failure)

    def _pause(self, attempt: int, error: BrokerError) -> float:
        """Seconds until the next try; an open breaker lets one cancel pass a second."""
        if isinstance(error, Stopped):
            now = trio.current_time()
            return self._line.breaker.retry_after(Kind.CANCEL, now)
        return backoff(attempt, self._line.rng)

    async def _try(self, record: OrderRecord, deadline: float) -> Acked | Rejected:
        await self._line.pacer.take(f"cancel:{record.order_id}", Kind.CANCEL, deadline)
        permit = self._line.admit(Kind.CANCEL)
        result = CallResult.CANCELLED
        assert record.broker_order_id is not None  # noqa: S101 - it is in the book
        try:
            # Cut short, nobody would know whether the cancel arrived.
            with trio.move_on_after(self._submit_timeout, shield=True) as patience:
                answer = await self._line.port.cancel(record.broker_order_id)
                result = CallResult.ANSWERED
                return answer
        except BrokerError as error:
            result = result_of(error)
            raise
        finally:
            if patience.cancelled_caught:
                result = CallResult.TIMED_OUT
            self._line.report(permit, result)
        raise SentUnknown(f"no answer in {self._submit_timeout:g} s")


def _refusal(answer: Acked | Rejected) -> Denial | None:
    if isinstance(answer, Acked):
        return None
    return Denial(code="rejected", message=f"{answer.code}: {answer.text}")
