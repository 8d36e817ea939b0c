"""What a call can end in besides a result.

OrdoError
|-- Unreachable            no answer came
|-- BadRequest             not JSON, a malformed key, too large, no such method
|-- Unauthorized           no token, or not a good one
|-- Forbidden              the token's scope is too small
|-- NotFound
|-- Conflict               the order is settled, no log-in waits
|   `-- InProgress         the first request with this key still runs
|-- ValidationFailed       names the field, what was wanted, what was found
|-- KeyReused              the key was used with other orders
|-- KeyExpired             the key was used long ago
|-- RateLimited
|-- KillSwitchEngaged
|-- Overloaded
|-- ShuttingDown
|-- StorageUnavailable     nothing can be recorded, so nothing is sent
|-- ServerError            a fault of Ordo, or an answer that is not Ordo's
`-- LegsFailed             of `raise_for_legs()` only

What a single broker refused is no exception: it stands in the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ordo_client.answers import BrokerResult


class OrdoError(Exception):
    """A call as a whole came to nothing, or nobody knows what it came to.

    Attributes:
        message: what was wanted, what was found.
        error_code: Ordo's, such as `kill_switch_engaged`; None where no Ordo said it.
        http_status: None where no answer came.
        request_id: as Ordo's log and audit name the call, all its tries alike.
        retry_after: seconds, where Ordo said when to ask again.
        results: what each broker said, where that is known.
        data: what else Ordo told, such as the `path` of a bad field.
        may_have_arrived: whether what was asked may have been done all the same.
            Orders: ask again with the same `idempotency_key`, never with a new one.
        idempotency_key: the key that the call was made with.
    """

    def __init__(
        self,
        message: str,
        *,
        error_code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        results: Sequence[BrokerResult] = (),
        data: Mapping[str, Any] | None = None,
        may_have_arrived: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after = retry_after
        self.results = tuple(results)
        self.data = dict(data or {})
        self.may_have_arrived = may_have_arrived
        self.idempotency_key: str | None = None

    def __str__(self) -> str:
        known = {
            "error_code": self.error_code,
            "request_id": self.request_id,
            "idempotency_key": self.idempotency_key,
        }
        more = ", ".join(f"{name} {text}" for name, text in known.items() if text)
        return f"{self.message} ({more})" if more else self.message


class Unreachable(OrdoError):
    """No answer came. `lasting`: trying again would not help, as with a wrong CA."""

    lasting = False


class BadRequest(OrdoError):
    """Ordo could not read the request."""


class Unauthorized(OrdoError):
    """There is no token, or it is not a good one."""


class Forbidden(OrdoError):
    """The token's scope is too small for this."""


class NotFound(OrdoError):
    """There is no such order, batch, broker or instrument."""


class Conflict(OrdoError):
    """It does not go with how things stand, such as a cancel of a filled order."""


class InProgress(Conflict):
    """The first request with this key still runs: ask again with the same key."""


class ValidationFailed(OrdoError):
    """A value is not as wanted; `data["path"]` names it."""


class KeyReused(OrdoError):
    """The idempotency key was used with other orders; nothing was sent."""


class KeyExpired(OrdoError):
    """The idempotency key was used long ago; nothing was sent."""


class RateLimited(OrdoError):
    """Too many calls came from here; `retry_after` says when to come back."""


class KillSwitchEngaged(OrdoError):
    """Trading is halted; nothing was sent."""


class Overloaded(OrdoError):
    """Ordo, or a part of it, has too much to do just now."""


class ShuttingDown(OrdoError):
    """Ordo is stopping; nothing was sent."""


class StorageUnavailable(OrdoError):
    """Ordo cannot record anything, so that it sends nothing."""


class ServerError(OrdoError):
    """A fault of Ordo, or an answer that is not Ordo's."""


class LegsFailed(OrdoError):
    """Not every leg is good; raised by `raise_for_legs()` only.

    `failed` have ended without an order. `unknown` have not: they may be at the broker,
    and placing them again could double them.
    """

    def __init__(
        self,
        message: str,
        *,
        failed: Sequence[BrokerResult],
        unknown: Sequence[BrokerResult],
        results: Sequence[BrokerResult],
        request_id: str | None,
    ) -> None:
        super().__init__(
            message,
            request_id=request_id,
            results=results,
            may_have_arrived=len(failed) < len(results),
        )
        self.failed = tuple(failed)
        self.unknown = tuple(unknown)


BY_CODE: dict[str, type[OrdoError]] = {
    "bad_request": BadRequest,
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "method_not_allowed": BadRequest,
    "conflict": Conflict,
    "idempotency_in_progress": InProgress,
    "payload_too_large": BadRequest,
    "validation_failed": ValidationFailed,
    "idempotency_key_reused": KeyReused,
    "idempotency_key_expired": KeyExpired,
    "rate_limited": RateLimited,
    "internal": ServerError,
    "kill_switch_engaged": KillSwitchEngaged,
    "overloaded": Overloaded,
    "shutting_down": ShuttingDown,
    "storage_unavailable": StorageUnavailable,
}
"""Ordo's global error codes."""

MAYBE = (InProgress, ServerError, StorageUnavailable)
"""Errors that do not prove that nothing was done."""


def error_of(code: str | None, status: int) -> type[OrdoError]:
    """The class for an error code; for one that is new, by its HTTP status."""
    if code in BY_CODE:
        return BY_CODE[code]
    return BadRequest if 400 <= status < 500 else ServerError
