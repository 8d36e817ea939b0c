"""What a broker's errors mean: for its breaker, for clients, for a next try."""

import random

from actors.messages import Denial
from actors.verdicts import CallResult
from adapters import (
    BrokerError,
    LoginRefused,
    NotSent,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    Stopped,
    Unsupported,
)

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 5.0
"""Seconds before a second try, and where doubling stops."""


def result_of(error: BrokerError) -> CallResult:
    """What an error says about the broker's health.

    Where nobody knows what became of an order, its HTTP status may still tell that the
    broker is well: a 429 is the limiter's job, a 401 that of a log-in.
    """
    match error:
        case Stopped() | Unsupported():
            return CallResult.DENIED
        case NotSent():
            return CallResult.CONNECT_FAILED
        case SessionExpired():
            return CallResult.LOGIN_EXPIRED
        case RateLimited():
            return CallResult.LIMITED
        case Refused() | LoginRefused():
            return CallResult.REJECTED
        case SentUnknown(http_status=429):
            return CallResult.LIMITED
        case SentUnknown(http_status=401):
            return CallResult.LOGIN_EXPIRED
    return CallResult.UNKNOWN


def backoff(attempt: int, rng: random.Random) -> float:
    """Seconds to wait after the *attempt*-th try, with jitter so that none march."""
    longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** (attempt - 1))
    return rng.uniform(longest / 2, longest)


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
