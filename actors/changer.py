"""Changing an order at the broker: only ever to absolute terms, so safe to repeat.

What provably did not arrive is tried again; of anything else the book tells.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from actors.breaker import CallResult
from actors.egress import Egress
from actors.line import Line, backoff, denial_of, result_of
from actors.messages import Denial
from actors.pacer import NoSlot
from actors.trading import TradingState
from actors.windows import Kind
from adapters import (
    Acked,
    BrokerError,
    NotSent,
    Order,
    OrderRecord,
    RateLimited,
    Rejected,
    SentUnknown,
    SessionExpired,
    Stopped,
)
from adapters.correlation import about, of_order

log = logging.getLogger("ordo.orders")

CHANGE_TRIES = 3


class Changer:
    """Changes one broker's orders.

    Args:
        line: to the broker.
        trading: read as the last thing before the bytes go.
        submit_timeout: seconds the broker has to answer.
        look: reads the book afresh: it says what came of a lost answer.
        egress: where changes would leave from; None: any address will do.
    """

    def __init__(
        self,
        line: Line,
        trading: TradingState,
        submit_timeout: float,
        look: Callable[[], Awaitable[None]],
        egress: Egress | None = None,
    ) -> None:
        self._line = line
        self._trading = trading
        self._submit_timeout = submit_timeout
        self._look = look
        self._egress = egress

    async def change(
        self,
        record: OrderRecord,
        to: Order,
        deadline: float,
        still: Callable[[], str | None],
    ) -> Acked | Denial:
        """Have the broker make an open order *to*.

        Args:
            deadline: no byte leaves after it, on the Trio clock.
            still: why it must not be changed any more; asked right before each try.

        Returns:
            What the broker said. A denial `unknown`: it may have arrived, and the book
            was read since.
        """
        with about(of_order(record)):
            return await self._change(record, to, deadline, still)

    async def _change(
        self,
        record: OrderRecord,
        to: Order,
        deadline: float,
        still: Callable[[], str | None],
    ) -> Acked | Denial:
        tries = 0
        while True:
            try:
                answer = await self._try(record, to, deadline, still)
            except NoSlot as none:
                return Denial(
                    code=none.code, message=none.message, retry_after=none.retry_after
                )
            except SentUnknown as error:
                await self._look()
                words = f"no answer to use ({error}); the book tells what came of it"
                return Denial(code="unknown", message=words)
            except (NotSent, RateLimited) as error:
                tries += 1
                wait = backoff(tries, self._line.rng)
                if tries == CHANGE_TRIES or trio.current_time() + wait >= deadline:
                    return denial_of(error)
                await trio.sleep(wait)
            except BrokerError as error:
                return denial_of(error)
            else:
                if isinstance(answer, Acked):
                    return answer
                await self._look()  # it may be filled, or gone
                words = f"{answer.code}: {answer.text}"
                return Denial(code="rejected", message=words)

    async def _try(
        self,
        record: OrderRecord,
        to: Order,
        deadline: float,
        still: Callable[[], str | None],
    ) -> Acked | Rejected:
        """One call.

        Raises:
            NoSlot, BrokerError: `SentUnknown` also for silence.
        """
        line, name = self._line, f"modify:{record.order_id}"
        slot = await line.pacer.take(name, Kind.MODIFY, deadline)
        try:
            permit = line.admit(Kind.MODIFY)
        except Stopped:
            line.pacer.give_back(Kind.MODIFY, slot)
            raise
        result, grant, left = CallResult.CANCELLED, line.session.grant, False

        def last_look() -> None:
            nonlocal left
            self._may_go(deadline, still)
            left = True

        assert record.broker_order_id is not None  # noqa: S101 - it is in the book
        words = "its change goes to %s"
        log.info(words, line.name, extra={"event": "change.sending"})
        try:
            # Cut short, nobody would know whether the change arrived.
            with trio.move_on_after(self._submit_timeout, shield=True) as patience:
                answer = await line.port.modify(record.broker_order_id, to, last_look)
                accepted = isinstance(answer, Acked)
                result = CallResult.ANSWERED if accepted else CallResult.REJECTED
                return answer
        except BrokerError as error:
            result = result_of(error)
            if isinstance(error, RateLimited):
                line.pacer.limited(error.retry_after)
            if isinstance(error, SessionExpired):
                line.login_needed(str(error), grant)
            raise
        finally:
            if patience.cancelled_caught:
                result = CallResult.TIMED_OUT
            line.report(permit, result, Kind.MODIFY if left else None)
        words = f"no answer in {self._submit_timeout:g} s"
        raise SentUnknown(words) if left else NotSent(words)

    def _may_go(self, deadline: float, still: Callable[[], str | None]) -> None:
        """The last thing before the first byte; there is no await after it.

        Raises:
            Stopped: it must not go.
        """
        if trio.current_time() >= deadline:
            raise Stopped("deadline_exceeded", "its deadline passed before it left")
        if (why := still()) is not None:
            raise Stopped("conflict", why)
        if self._egress is not None:
            self._egress.check()
        self._trading.check()
