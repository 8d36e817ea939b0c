"""Where a broker shows no tags: one order of a kind on its way or in doubt at a time.

Two equal orders could not be told apart in the book. So the second waits until the
first one's fate is certain; orders of other kinds go past.
"""

from collections import deque
from collections.abc import Iterator

import trio

from actors.matching import Kind, kind_of
from adapters import OrderRecord, Stopped


class _Waiter:
    """An order that waits for its turn, and how its wait ended."""

    def __init__(self, record: OrderRecord) -> None:
        self.record = record
        self.over = trio.Event()
        self.failure: Stopped | None = None
        self.withdrawn = False


class _Turn:
    """An order whose turn it is; `began` as in `matching.Seeker`."""

    def __init__(self, kind: Kind, began: float | None) -> None:
        self.kind = kind
        self.began = began


class OneOfAKind:
    """The turns of one broker's orders.

    Args:
        needed: False where the broker shows tags: then every order goes at once.
    """

    def __init__(self, *, needed: bool) -> None:
        self.needed = needed
        self._turns: dict[str, _Turn] = {}
        self._holders: dict[Kind, set[str]] = {}
        self._waiting: dict[Kind, deque[_Waiter]] = {}
        self._closed: str | None = None

    def __iter__(self) -> Iterator[str]:
        """The ids of the orders that are on their way or in doubt."""
        return iter(tuple(self._turns))

    @property
    def depth(self) -> int:
        """Orders that wait."""
        return sum(len(queue) for queue in self._waiting.values())

    def began(self, order_id: str) -> float | None:
        """No byte of it left before, on Trio's clock; None: an earlier run sent it."""
        turn = self._turns.get(order_id)
        return None if turn is None else turn.began

    def hold(self, record: OrderRecord) -> None:
        """The order may have been sent by an earlier run: others of its kind wait."""
        if self.needed and record.order_id not in self._turns:
            self._begin(record, None)

    async def turn(self, record: OrderRecord, deadline: float) -> bool:
        """Wait for the order's turn, which lasts until `release`.

        Args:
            deadline: on Trio's clock.

        Returns:
            False where it was withdrawn instead.

        Raises:
            Stopped: it does not get one in time, or Ordo stops.
        """
        if not self.needed or record.order_id in self._turns:
            return True
        if self._closed is not None:
            raise Stopped("not_sent", self._closed)
        kind = kind_of(record)
        if kind not in self._holders:
            self._begin(record, trio.current_time())
            return True
        return await self._wait(kind, _Waiter(record), deadline)

    def release(self, order_id: str) -> None:
        """The order's fate is certain: the next of its kind may go."""
        turn = self._turns.pop(order_id, None)
        if turn is None:
            return
        holders = self._holders[turn.kind]
        holders.discard(order_id)
        if not holders:
            del self._holders[turn.kind]
            self._wake(turn.kind)

    def withdraw(self, order_id: str) -> bool:
        """Take a waiting order out; False where it does not wait any more."""
        for waiter in self._all():
            if waiter.record.order_id == order_id:
                waiter.withdrawn = True
                self._end(waiter)
                return True
        return False

    def close(self, message: str) -> None:
        """Refuse all who wait, and all who come, with the code `not_sent`."""
        self._closed = message
        for waiter in self._all():
            waiter.failure = Stopped("not_sent", message)
            self._end(waiter)

    def hindrance(self, order_id: str) -> str | None:
        """Why the order waits, in words; None where it does not."""
        for waiter in self._all():
            if waiter.record.order_id == order_id:
                return self._words(kind_of(waiter.record))
        return None

    async def _wait(self, kind: Kind, waiter: _Waiter, deadline: float) -> bool:
        self._waiting.setdefault(kind, deque()).append(waiter)
        try:
            with trio.move_on_at(deadline):
                await waiter.over.wait()
        finally:
            self._end(waiter)
        if waiter.withdrawn:
            return False
        if waiter.failure is not None:
            raise waiter.failure
        if waiter.record.order_id not in self._turns:
            raise Stopped("deadline_exceeded", self._words(kind))
        return True

    def _begin(self, record: OrderRecord, began: float | None) -> None:
        kind = kind_of(record)
        self._turns[record.order_id] = _Turn(kind, began)
        self._holders.setdefault(kind, set()).add(record.order_id)

    def _wake(self, kind: Kind) -> None:
        """Whoever waited longest is next, before anybody who comes now."""
        queue = self._waiting.get(kind)
        if queue:
            waiter = queue[0]
            self._begin(waiter.record, trio.current_time())
            self._end(waiter)

    def _end(self, waiter: _Waiter) -> None:
        waiter.over.set()
        kind = kind_of(waiter.record)
        queue = self._waiting.get(kind)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._waiting[kind]

    def _all(self) -> list[_Waiter]:
        return [waiter for queue in self._waiting.values() for waiter in queue]

    def _words(self, kind: Kind) -> str:
        others = " and ".join(sorted(self._holders.get(kind, ())))
        return (
            f"it was not sent: what became of {others}, an equal order, was not certain"
            " by the deadline, and this broker shows no tags to tell two apart"
        )
