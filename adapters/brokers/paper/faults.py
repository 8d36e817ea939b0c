"""How one call to the paper broker can go wrong."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from adapters.errors import (
    BrokerError,
    NotSent,
    RateLimited,
    SentUnknown,
    SessionExpired,
)
from adapters.model import Rejected


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """How one call goes. Take one of the methods below; all lengths are seconds.

    Args:
        connecting: Before the last look, and so before anything has left.
        connects: Whether the last look is reached; else `error` is raised there.
        carried_out: Whether the broker does what it was asked to.
        after: From the broker's doing (or not) to the answer, beside its usual delay.
        error: Makes what is raised in place of an answer.
        refusal: What is answered in place of doing it.
        in_book: Whether the refused order stands in the book as rejected.
        hidden_for: How long the book does not show the accepted order.
        leaves_out: How many of the newest orders an order book does not show.
        answers: False waits until the caller is cancelled.
    """

    connecting: float = 0.0
    connects: bool = True
    carried_out: bool = True
    after: float = 0.0
    error: Callable[[], BrokerError] | None = None
    refusal: Rejected | None = None
    in_book: bool = False
    hidden_for: float = 0.0
    leaves_out: int = 0
    answers: bool = True

    def __post_init__(self) -> None:
        ends = self.error is not None or self.refusal is not None or not self.answers
        if not self.carried_out and not ends:
            raise ValueError("what is not carried out needs another ending")
        if not self.connects and self.error is None:
            raise ValueError("what does not connect needs an error")

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Carried out at once, answered *seconds* later."""
        return cls(after=seconds)

    @classmethod
    def slow_connect(cls, seconds: float) -> Fault:
        """The last look comes *seconds* later; then all is well."""
        return cls(connecting=seconds)

    @classmethod
    def connect_failure(cls, after: float = 0.0) -> Fault:
        """`NotSent`: there is no last look, nothing leaves."""
        error = _raises(NotSent, "connection refused")
        return cls(connecting=after, connects=False, carried_out=False, error=error)

    @classmethod
    def lose_answer(cls, after: float = 0.0, hidden_for: float = 0.0) -> Fault:
        """Carried out, then `SentUnknown`."""
        error = _raises(SentUnknown, "connection reset before the answer")
        return cls(after=after, hidden_for=hidden_for, error=error)

    @classmethod
    def lose_request(cls, after: float = 0.0) -> Fault:
        """It left, but never arrived: `SentUnknown`."""
        error = _raises(SentUnknown, "connection reset before the answer")
        return cls(carried_out=False, after=after, error=error)

    @classmethod
    def refuse(
        cls,
        code: str = "RMS_REJECTED",
        text: str = "RMS: order rejected",
        *,
        http_status: int | None = None,
        in_book: bool = False,
    ) -> Fault:
        """A structured no: `Rejected` to an order, `Refused` to a read.

        *in_book*: a place stands in the book all the same, as rejected.
        """
        refusal = Rejected(code=code, text=text, http_status=http_status)
        return cls(carried_out=False, refusal=refusal, in_book=in_book)

    @classmethod
    def limited(cls, retry_after: float | None = None) -> Fault:
        """`RateLimited`: refused for pace, with HTTP status 429."""
        error = _raises(RateLimited, "too many requests", retry_after, 429)
        return cls(carried_out=False, error=error)

    @classmethod
    def session_expired(cls) -> Fault:
        """`SessionExpired`: refused before acting, with HTTP status 401."""
        error = _raises(SessionExpired, "session expired", "SESSION_EXPIRED", 401)
        return cls(carried_out=False, error=error)

    @classmethod
    def server_error(
        cls, status: int = 500, *, accepted: bool = False, after: float = 0.0
    ) -> Fault:
        """`SentUnknown` with that HTTP status; *accepted*: it was done all the same."""
        error = _raises(SentUnknown, f"HTTP {status}", status)
        return cls(carried_out=accepted, after=after, error=error)

    @classmethod
    def late(cls, seconds: float) -> Fault:
        """Answered at once; the book and the trades show the order *seconds* later."""
        return cls(hidden_for=seconds)

    @classmethod
    def stale_book(cls, leaves_out: int = 1) -> Fault:
        """An order book (or look-up by tag) without its newest orders."""
        return cls(leaves_out=leaves_out)

    @classmethod
    def never(cls, *, accepted: bool = True, hidden_for: float = 0.0) -> Fault:
        """No answer at all: the caller waits until cancelled."""
        return cls(carried_out=accepted, answers=False, hidden_for=hidden_for)


NO_FAULT = Fault()


def _raises(
    error: type[BrokerError], *args: str | float | None
) -> Callable[[], BrokerError]:
    """Make a new exception each time: one raised twice would grow its traceback."""
    return lambda: error(*args)
