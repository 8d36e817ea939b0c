"""Global errors: nothing was attempted, and why."""

from __future__ import annotations

import math
import re
from typing import Any

STATUS_OF = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "idempotency_in_progress": 409,
    "payload_too_large": 413,
    "validation_failed": 422,
    "idempotency_key_reused": 422,
    "idempotency_key_expired": 422,
    "rate_limited": 429,
    "internal": 500,
    "kill_switch_engaged": 503,
    "overloaded": 503,
    "shutting_down": 503,
    "storage_unavailable": 507,
}
"""HTTP status by global error code. Source: api.md, "The envelope"."""

RETRY_AFTER = 1.0
"""Seconds told with 429 and 503 where nothing better is known."""
LONGEST_WORDS = 500
"""Characters of a message; what a client sent is quoted, and may be a megabyte."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Characters that break logs, files and other people's parsers, half pairs too."""


class ApiError(Exception):
    """A global error: nothing was attempted.

    Args:
        code: a key of `STATUS_OF`.
        message: what was wanted, what was found.
        retry_after: seconds, for 409, 429 and 503.
        data: what else helps, such as a batch id.
        headers: what goes with it, such as `Allow`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.message = printable(message)
        super().__init__(self.message)
        self.code = code
        self.data = data or {}
        self.status = STATUS_OF[code]
        self.headers = dict(headers or {})
        if self.status in (429, 503) or retry_after is not None:
            seconds = max(1, math.ceil(retry_after or RETRY_AFTER))
            self.headers["Retry-After"] = str(seconds)


def printable(words: str) -> str:
    """*words* on one line, not too long, and good in every encoding."""
    words = words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}..."
    return CONTROL.sub("?", words)


def invalid(path: str, problem: str) -> ApiError:
    """A 422 that names the JSON path and what is wrong there."""
    path = printable(path)
    return ApiError("validation_failed", f"{path}: {problem}", data={"path": path})


def query_error(name: str, problem: str) -> ApiError:
    """A 422 that names a query parameter."""
    name = printable(name[:64])
    return ApiError("validation_failed", f"?{name}: {problem}", data={"path": name})
