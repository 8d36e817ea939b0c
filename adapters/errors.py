"""Every error that crosses a floor, as one tree.

    OrdoError
    ├── BrokerError                 a call to a broker did not give an answer to use
    │   ├── NotSent                 proven: no byte left; may be tried again
    │   │   └── Stopped             the last look said no (halt, deadline, breaker)
    │   ├── SentUnknown             it may have arrived; never send it again
    │   ├── SessionExpired          the broker wants a new login
    │   ├── RateLimited             refused for pace; nothing was done
    │   ├── Refused                 a structured no to a read
    │   ├── LoginRefused            a structured no to a log-in or an answer of it
    │   └── Unsupported             this broker cannot do it
    ├── StoreError
    │   ├── StoreFailed             a commit failed: nothing of it is stored
    │   └── StoreUnusable           corrupt, newer than this version, or held by another
    ├── SealError                   a secret at rest cannot be opened
    │   ├── WrongKey                another master key sealed it
    │   └── SealDamaged             changed, or moved to another row
    └── ConfigError                 a setting is missing, unknown or wrong

Messages say what was wanted and what was found, and never hold a secret.
"""

from __future__ import annotations


class OrdoError(Exception):
    """The root of the tree."""


class BrokerError(OrdoError):
    """A call to a broker did not give an answer to use."""


class NotSent(BrokerError):
    """Provably nothing left: connect error, connect or pool time-out."""


class Stopped(NotSent):
    """The last look, right before the first byte, said no.

    Args:
        code: the broker-level code that clients see, such as `kill_switch_engaged`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SentUnknown(BrokerError):
    """The request may have arrived: time-out, reset, 5xx, an answer nobody can read."""

    def __init__(self, message: str, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class SessionExpired(BrokerError):
    """The broker does not accept the session any more; it refused before acting."""

    def __init__(
        self, message: str, code: str | None = None, http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status


class RateLimited(BrokerError):
    """Refused for pace, before acting. `retry_after` is seconds, None when not told."""

    def __init__(
        self,
        message: str,
        retry_after: float | None = None,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.http_status = http_status


class Refused(BrokerError):
    """A structured no to a read, in the broker's own code and words."""

    def __init__(self, code: str, text: str, http_status: int | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.http_status = http_status


class LoginRefused(BrokerError):
    """The broker said no to a log-in, in its own code and words.

    Args:
        again: the same challenge can be answered once more, as after a mistyped OTP.
    """

    def __init__(
        self,
        code: str,
        text: str,
        http_status: int | None = None,
        *,
        again: bool = False,
    ) -> None:
        super().__init__(f"{code}: {text}" if code else text)
        self.code = code
        self.text = text
        self.http_status = http_status
        self.again = again


class Unsupported(BrokerError):
    """This broker cannot do what was asked; nothing was sent."""


class StoreError(OrdoError):
    """The store could not do what was asked."""


class StoreFailed(StoreError):
    """A commit failed (disk full, I/O error, read-only): nothing of it is stored."""


class StoreUnusable(StoreError):
    """The store cannot be opened: corrupt, newer than this version, held by another."""


class SealError(OrdoError):
    """A secret at rest cannot be opened; it is left as it is."""


class WrongKey(SealError):
    """Another master key sealed it."""


class SealDamaged(SealError):
    """It was changed, moved to another row, or is no sealed text at all."""


class ConfigError(OrdoError):
    """A setting is missing, unknown or of the wrong kind; the text names its key."""
