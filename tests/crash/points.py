"""Places in an order's life at which Ordo dies, each by one function wrapped."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import trio

from actors.cancels import Cancels
from actors.journal import Journal
from actors.recovery import Recovery
from actors.trading import TradingState
from adapters import Accept, OrderRecord, OrderStatus, SaveOrder, SaveSwitch, Write
from adapters.brokers.fyers.adapter import FyersBroker
from adapters.stores.sqlite import SqliteStore

Burn = Callable[[], None]
Wanted = Callable[[Sequence[Write]], bool]

PLACE, CANCEL = b"POST /api/v3/orders/sync", b"DELETE /api/v3/orders/sync"


class Fuse:
    """Ends this process with SIGKILL the *count*-th time that it burns."""

    def __init__(self, count: int) -> None:
        self._left = count

    def burn(self) -> None:
        """Once more; no handler runs and nothing is flushed when it is the last."""
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @property
    def is_last(self) -> bool:
        """Whether the next time is the last."""
        return self._left <= 1


# What a commit holds ------------------------------------------------------------------


def _accepts(writes: Sequence[Write]) -> bool:
    return any(isinstance(write, Accept) for write in writes)


def _acks(writes: Sequence[Write]) -> bool:
    return _saves(writes, lambda order: order.status is OrderStatus.ACKED)


def _notes_a_cancel(writes: Sequence[Write]) -> bool:
    return _saves(writes, lambda order: order.cancel_requested and not order.is_settled)


def _engages(writes: Sequence[Write]) -> bool:
    return any(isinstance(each, SaveSwitch) and each.switch.engaged for each in writes)


def _releases(writes: Sequence[Write]) -> bool:
    return any(
        isinstance(each, SaveSwitch) and not each.switch.engaged for each in writes
    )


def _saves(writes: Sequence[Write], which: Callable[[OrderRecord], bool]) -> bool:
    return any(isinstance(each, SaveOrder) and which(each.order) for each in writes)


# Where to wrap ------------------------------------------------------------------------


def _before_commit(of: Wanted) -> Callable[[Fuse], None]:
    def install(fuse: Fuse) -> None:
        original = SqliteStore.commit

        def commit(self: SqliteStore, writes: Sequence[Write]) -> Any:
            if of(writes):
                fuse.burn()
            return original(self, writes)

        SqliteStore.commit = commit  # type: ignore[method-assign]

    return install


def _after_commit(of: Wanted) -> Callable[[Fuse], None]:
    def install(fuse: Fuse) -> None:
        original = SqliteStore.commit

        def commit(self: SqliteStore, writes: Sequence[Write]) -> Any:
            answers = original(self, writes)
            if of(writes):
                fuse.burn()
            return answers

        SqliteStore.commit = commit  # type: ignore[method-assign]

    return install


def _after_sending(fuse: Fuse) -> None:
    original = Journal.save_sending

    async def save_sending(self: Journal, order_id: str) -> bool:
        stored = await original(self, order_id)
        fuse.burn()
        return stored

    Journal.save_sending = save_sending  # type: ignore[method-assign]


def _after_last_look(fuse: Fuse) -> None:
    original = TradingState.depart

    def depart(self: TradingState, *of: Any) -> None:
        original(self, *of)
        fuse.burn()

    TradingState.depart = depart  # type: ignore[method-assign, assignment]


def _first_byte(of: bytes) -> Callable[[Fuse], None]:
    """One byte of the request leaves, and no more."""

    def install(fuse: Fuse) -> None:
        original = trio.SocketStream.send_all

        async def send_all(self: trio.SocketStream, data: Any) -> None:
            if bytes(data[: len(of)]) == of:
                if fuse.is_last:
                    await original(self, data[:1])
                fuse.burn()
            await original(self, data)

        trio.SocketStream.send_all = send_all  # type: ignore[method-assign]

    return install


def _last_byte(of: bytes) -> Callable[[Fuse], None]:
    """The whole request leaves, in one piece or in more; nobody hears what follows."""

    def install(fuse: Fuse) -> None:
        original = trio.SocketStream.send_all
        begun: dict[trio.SocketStream, bytes] = {}

        async def send_all(self: trio.SocketStream, data: Any) -> None:
            await original(self, data)
            if self in begun or bytes(data[: len(of)]) == of:
                request = begun.pop(self, b"") + bytes(data)
                if _is_whole(request):
                    fuse.burn()
                else:
                    begun[self] = request

        trio.SocketStream.send_all = send_all  # type: ignore[method-assign]

    return install


def _is_whole(request: bytes) -> bool:
    """Whether all of a request's body is there, by the length it gives."""
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return length is not None and len(body) >= int(length[1])


def _before_cancel(fuse: Fuse) -> None:
    original = FyersBroker.cancel

    async def cancel(self: FyersBroker, broker_order_id: str) -> Any:
        fuse.burn()
        return await original(self, broker_order_id)

    FyersBroker.cancel = cancel  # type: ignore[method-assign]


def _after_cancel(fuse: Fuse) -> None:
    original = Cancels.cancel

    async def cancel(self: Cancels, message: Any) -> Any:
        answer = await original(self, message)
        fuse.burn()
        return answer

    Cancels.cancel = cancel  # type: ignore[method-assign]


def _recovery_commit(fuse: Fuse) -> None:
    """What the last run left is judged, and not stored yet."""
    take_up, inside = Recovery.take_up, [False]

    async def judged(self: Recovery, queued: Sequence[str]) -> Any:
        inside[0] = True
        try:
            return await take_up(self, queued)
        finally:
            inside[0] = False

    Recovery.take_up = judged  # type: ignore[method-assign]
    _before_commit(lambda writes: inside[0] and _saves(writes, lambda _: True))(fuse)


def _recovery_book(fuse: Fuse) -> None:
    """The book that tells of unknown orders is read, and not compared yet."""
    take_up, order_book, asks = Recovery.take_up, FyersBroker.order_book, [False]

    async def taken_up(self: Recovery, queued: Sequence[str]) -> Any:
        left = await take_up(self, queued)
        asks[0] = bool(self._reconciler.doubts)
        return left

    async def read(self: FyersBroker) -> Any:
        rows = await order_book(self)
        if asks[0]:
            fuse.burn()
        return rows

    Recovery.take_up = taken_up  # type: ignore[method-assign]
    FyersBroker.order_book = read  # type: ignore[method-assign]


class Point(NamedTuple):
    """A place to die at.

    Args:
        install: puts a fuse there.
        most: the fuse burns that many times at the most; few occasions, few times.
        needs: what somebody has to ask for, so that it is reached.
        halted: killed there, Ordo must come back halted.
    """

    install: Callable[[Fuse], None]
    most: int = 1
    needs: Literal["orders", "cancels", "halts"] = "orders"
    halted: bool = False


POINTS: dict[str, Point] = {
    "accept, before its commit": Point(_before_commit(_accepts), most=30),
    "accept, after its commit": Point(_after_commit(_accepts), most=30),
    "SENDING stored, nothing sent": Point(_after_sending, most=20),
    "last look taken, nothing sent": Point(_after_last_look, most=40),
    "one byte of an order sent": Point(_first_byte(PLACE), most=40),
    "all of an order sent": Point(_last_byte(PLACE), most=40),
    "answered, before its commit": Point(_before_commit(_acks), most=30),
    "answered, after its commit": Point(_after_commit(_acks), most=30),
    "cancel noted, not sent": Point(_after_commit(_notes_a_cancel), 3, "cancels"),
    "cancel about to be sent": Point(_before_cancel, 3, "cancels"),
    "all of a cancel sent": Point(_last_byte(CANCEL), 3, "cancels"),
    "cancel done, not told": Point(_after_cancel, 3, "cancels"),
    "halt, before its commit": Point(_before_commit(_engages), 1, "halts"),
    "halt, after its commit": Point(_after_commit(_engages), 1, "halts", halted=True),
    "release, before its commit": Point(
        _before_commit(_releases), 1, "halts", halted=True
    ),
    "recovery, before its commit": Point(_recovery_commit),
    "recovery, the book just read": Point(_recovery_book),
}
"""By name, as it is printed."""
