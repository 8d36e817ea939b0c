"""How a call to a broker ended, and what that says about the broker's health."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Verdict(StrEnum):
    """What the end of a call says about the broker's health."""

    SUCCEEDED = "succeeded"  # it is alive: that may be a no
    FAILED = "failed"
    ABANDONED = "abandoned"  # says nothing: not counted, a probe's permit comes back


class CallResult(StrEnum):
    """How a call ended, as far as the breaker cares."""

    ANSWERED = "answered"
    CONNECT_FAILED = "connect_failed"
    TIMED_OUT = "timed_out"
    SERVER_ERROR = "server_error"  # any 5xx
    PROTOCOL_ERROR = "protocol_error"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    REJECTED = "rejected"  # a business refusal, in the broker's own words
    DENIED = "denied"  # our own refusal: validation, kill-switch, deadline, limiter
    LIMITED = "limited"  # 429: the limiter's job
    CANCELLED = "cancelled"  # the caller gave up, or we are stopping
    LOGIN_EXPIRED = "login_expired"


VERDICTS: Mapping[CallResult, Verdict] = MappingProxyType(
    {
        CallResult.ANSWERED: Verdict.SUCCEEDED,
        CallResult.CONNECT_FAILED: Verdict.FAILED,
        CallResult.TIMED_OUT: Verdict.FAILED,
        CallResult.SERVER_ERROR: Verdict.FAILED,
        CallResult.PROTOCOL_ERROR: Verdict.FAILED,
        CallResult.UNREADABLE: Verdict.FAILED,
        CallResult.UNKNOWN: Verdict.FAILED,
        CallResult.REJECTED: Verdict.SUCCEEDED,
        CallResult.DENIED: Verdict.ABANDONED,
        CallResult.LIMITED: Verdict.SUCCEEDED,
        CallResult.CANCELLED: Verdict.ABANDONED,
        CallResult.LOGIN_EXPIRED: Verdict.SUCCEEDED,
    }
)
"""Which results count. Source: design.md, "Breaker, limiter, mailboxes".

A refusal of any kind comes from a broker that is alive: as a probe it counts as good.
Were it ignored, a breaker whose probes meet an expired login would stay half-open until
somebody logs in (reliability.md section 3).
"""
