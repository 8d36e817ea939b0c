"""Mailboxes: how one actor asks another; bounded, urgent first, none left waiting.

Made by the wiring and handed to its actor, a mailbox outlives each incarnation of it:
what is still queued when an actor crashes is there for the next one. What the crashed
incarnation had taken and not answered ends with `NoReply`: by ``with request:``, and
for a request that never came that far by `abandon_taken`, which the supervisor calls.
"""

from collections import deque
from typing import Any, overload

import trio

from actors.request import (
    Ask,
    MailboxClosed,
    MailboxError,
    MailboxFull,
    NoReply,
    R_co,
    Request,
)

__all__ = [
    "Ask",
    "Mailbox",
    "MailboxClosed",
    "MailboxError",
    "MailboxFull",
    "NoReply",
    "Request",
]


class Mailbox:
    """Two bounded lanes of requests to one actor: urgent first, each in order.

    Args:
        name: the actor's, for errors and metrics.
        capacity: messages the normal lane holds; those already taken do not count.
        urgent_capacity: messages the lane for cancels and the kill-switch holds.

    Attributes:
        taken: messages handed to the actor so far.

    Raises:
        ValueError: a lane without room.
    """

    def __init__(self, name: str, capacity: int, *, urgent_capacity: int = 100) -> None:
        if capacity < 1 or urgent_capacity < 1:
            raise ValueError(
                f"{name}: each lane must have room for one message, "
                f"was {capacity} and {urgent_capacity} urgent"
            )
        self.name = name
        self.capacity = capacity
        self.urgent_capacity = urgent_capacity
        self.taken = 0
        self._normal: deque[Request] = deque()
        self._urgent: deque[Request] = deque()
        self._taken: dict[Request, None] = {}  # a dict keeps the order, a set does not
        self._receivers = trio.lowlevel.ParkingLot()
        self._closed = False
        self._suspended = False

    @property
    def depth(self) -> int:
        """Messages queued in the normal lane."""
        return len(self._normal)

    @property
    def urgent_depth(self) -> int:
        """Messages queued in the urgent lane."""
        return len(self._urgent)

    @property
    def waiting(self) -> tuple[Any, ...]:
        """The messages queued, as they will be taken."""
        return tuple(request.message for request in (*self._urgent, *self._normal))

    @property
    def in_hand(self) -> int:
        """Asks the actor has taken and not yet answered."""
        return len(self._taken)

    @property
    def closed(self) -> bool:
        """Whether asks and tells are refused."""
        return self._closed

    @overload
    async def ask(self, message: Ask[R_co], *, urgent: bool = False) -> R_co: ...
    @overload
    async def ask(self, message: object, *, urgent: bool = False) -> Any: ...
    async def ask(self, message: object, *, urgent: bool = False) -> Any:
        """Queue *message* and wait for its reply, as long as the caller's scopes allow.

        The deadline around the call travels in the request. An asker cancelled while
        waiting leaves the request where it is, marked `Request.abandoned`: the actor
        may be at work on it. One cancelled before asks nothing.

        Raises:
            MailboxFull: the lane has no room, and room is never waited for.
            MailboxClosed: the actor will not run again.
            NoReply: the actor dropped the request, or crashed with it in hand.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        deadline = trio.current_effective_deadline()
        request = Request(message, deadline=deadline, waker=trio.Event())
        self._put(request, urgent)
        return await request.answer()

    def tell(self, message: object, *, urgent: bool = False) -> None:
        """Queue *message* and go on; no reply, no waiting.

        Raises:
            MailboxFull: the lane has no room.
            MailboxClosed: the actor will not run again.
        """
        self._put(Request(message), urgent)

    async def receive(self) -> Request:
        """Take the next request, urgent first, waiting for one if there is none.

        Always a checkpoint; a request is never lost to a cancellation.

        Raises:
            MailboxClosed: there is none, and none can come.
        """
        if self._urgent or self._normal:
            await trio.lowlevel.checkpoint()
        while not (self._urgent or self._normal):
            self._refuse_closed()
            await self._receivers.park()
        return self._take()

    def receive_nowait(self) -> Request:
        """Take the next request, urgent first.

        Raises:
            trio.WouldBlock: none is queued.
        """
        if not (self._urgent or self._normal):
            raise trio.WouldBlock
        return self._take()

    def drain(self, limit: int) -> list[Request]:
        """Take all that is queued, at most *limit*, urgent first; perhaps nothing.

        A group commit is ``[await mailbox.receive(), *mailbox.drain(99)]``.
        """
        return [
            self._take()
            for _ in range(min(limit, len(self._urgent) + len(self._normal)))
        ]

    def abandon_taken(self) -> None:
        """End with `NoReply` what the actor took and left unanswered.

        For the supervisor, once an incarnation and all its tasks have ended. Requests
        still queued stay for the next incarnation.
        """
        for request in tuple(self._taken):
            request.drop()

    def close(self) -> None:
        """Refuse asks and tells from now on, and end what is queued with `NoReply`.

        Requests in the actor's hands may still be answered.
        """
        self._closed = True
        while self._urgent or self._normal:
            self._take().drop()
        self._receivers.unpark_all()

    def reopen(self) -> None:
        """Let asks and tells in again: its supervisor was itself restarted."""
        self._closed = False

    def suspend(self) -> None:
        """Refuse asks, and end those queued with `NoReply`: the actor is down.

        Tells are queued all the same, for the next incarnation. It is for an actor
        that comes back only when those who ask it have ended: they must not wait.
        """
        self._suspended = True
        for lane in (self._urgent, self._normal):
            queued = tuple(lane)
            lane.clear()
            for request in queued:
                if request.awaited:
                    request.drop()
                else:
                    lane.append(request)

    def resume(self) -> None:
        """Let asks in again: the actor is about to be up."""
        self._suspended = False

    def _put(self, request: Request, urgent: bool) -> None:
        self._refuse_closed()
        if self._suspended and request.awaited:
            raise MailboxClosed(f"{self.name} is being restarted")
        lane = self._urgent if urgent else self._normal
        room = self.urgent_capacity if urgent else self.capacity
        if len(lane) >= room:
            kind = "urgent messages" if urgent else "messages"
            raise MailboxFull(f"{self.name} holds {room} {kind}, its limit")
        lane.append(request)
        self._receivers.unpark()

    def _take(self) -> Request:
        request = (self._urgent or self._normal).popleft()
        request.hand_out(self._taken)
        self.taken += 1
        return request

    def _refuse_closed(self) -> None:
        if self._closed:
            raise MailboxClosed(f"{self.name} is closed")
