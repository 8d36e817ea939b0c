"""Requests: one message on its way to an actor, and the answer on its way back.

MailboxError
├── MailboxFull    nothing was queued; denied, the caller may try again
├── MailboxClosed  nothing was queued; the actor will not run again
└── NoReply        it was queued; the actor may have acted on it, nobody knows
"""

import math
from contextvars import Token
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import trio

from adapters import correlation

R_co = TypeVar("R_co", covariant=True)


class MailboxError(Exception):
    """A message found no answer; the subclass tells what became of it."""


class MailboxFull(MailboxError):
    """The lane has no room; nothing was queued."""


class MailboxClosed(MailboxError):
    """The actor will not run again; nothing was queued."""


class NoReply(MailboxError):
    """The request ended unanswered; the actor may have acted on it or not."""


class Ask(Generic[R_co]):
    """Marks a message with the type of its reply, for the type checker alone.

    ``class Halt(msgspec.Struct, Ask[HaltReport], frozen=True, kw_only=True)`` makes
    ``await mailbox.ask(Halt(...))`` a ``HaltReport``.
    """

    __slots__ = ()


class Request:
    """One message in an actor's hands. Handle it inside ``with request:``.

    Attributes:
        message: what was asked or told.
        deadline: Trio clock, seconds, after which the asker no longer waits;
            ``math.inf`` when it set none, and for every `tell`.
        abandoned: the asker was cancelled and will not see the reply.
        ids: what the asker's work is about, and so what ``with request:`` does.
    """

    __slots__ = (
        "_ended",
        "_hands",
        "_replied",
        "_reply",
        "_token",
        "_waker",
        "abandoned",
        "deadline",
        "ids",
        "message",
    )

    def __init__(
        self,
        message: Any,
        *,
        deadline: float = math.inf,
        waker: trio.Event | None = None,
    ) -> None:
        self.message = message
        self.deadline = deadline
        self.abandoned = False
        self.ids = correlation.ids()
        self._token: Token[correlation.Ids] | None = None
        self._waker = waker  # None for a tell: nobody waits
        self._hands: dict[Request, None] | None = None
        self._ended = False
        self._replied = False
        self._reply: Any = None

    def __enter__(self) -> Self:
        self._token = correlation.take_up(self.ids)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        correlation.put_down(self._token)
        self.drop()

    @property
    def awaited(self) -> bool:
        """Whether it was asked: somebody waits for the end of it."""
        return self._waker is not None

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed, by Trio's clock."""
        return trio.current_time() >= self.deadline

    def reply(self, value: object) -> None:
        """Answer, at once and without an await; an asker that has gone is no error.

        Raises:
            RuntimeError: the request was answered or dropped before.
        """
        if self._ended:
            kind = type(self.message).__name__
            raise RuntimeError(f"{kind} is answered once, was already over")
        self._reply = value
        self._replied = True
        self._end()

    def drop(self) -> None:
        """End without an answer: the asker gets `NoReply`. Harmless once answered."""
        if not self._ended:
            self._end()

    def hand_out(self, hands: dict["Request", None]) -> None:
        """Stand in *hands* until the end, if somebody waits for it (the mailbox's)."""
        if self._waker is not None:
            hands[self] = None
            self._hands = hands

    async def answer(self) -> Any:
        """Wait for the reply (the asker's side, once).

        Raises:
            NoReply: the request was dropped.
        """
        assert self._waker is not None, "nobody waits for a tell"  # noqa: S101
        try:
            await self._waker.wait()
        finally:
            self.abandoned = not self._ended
        if not self._replied:
            raise NoReply(f"{type(self.message).__name__} was left unanswered")
        return self._reply

    def _end(self) -> None:
        self._ended = True
        if self._hands is not None:
            del self._hands[self]
        if self._waker is not None:
            self._waker.set()
