"""The session that every call bears, and what of it expires when."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, time, timedelta

import msgspec

from adapters.brokers.fyers.translate import IST
from adapters.errors import SessionExpired
from adapters.http1 import RawHeaders
from adapters.login import Grant
from adapters.secret import Secret

END_OF_DAY = time(6, 30)
"""When every token dies, India time. Source: dossier 3.3; the reference names no zone,
and `exp` claims seen agree with India's."""


class Session:
    """The token in force at one account, if any."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._headers: RawHeaders = ()

    def use(self, grant: Grant | None) -> None:
        """Let *grant* be what calls bear from now on."""
        self._headers = () if grant is None else self._of(grant.access_token)

    @property
    def is_there(self) -> bool:
        return bool(self._headers)

    def headers(self) -> RawHeaders:
        """Those of every call.

        Raises:
            SessionExpired: nobody is logged in; nothing is sent.
        """
        if not self._headers:
            raise SessionExpired("no access token: a log-in is wanted")
        return self._headers

    def authorization(self) -> RawHeaders:
        """What the order socket wants of them.

        Raises:
            SessionExpired: nobody is logged in; nothing is sent.
        """
        return [line for line in self.headers() if line[0] == b"Authorization"]

    def _of(self, token: Secret) -> RawHeaders:
        """Source: dossier 1."""
        return (
            (b"Authorization", f"{self._app_id}:{token.reveal()}".encode()),
            (b"Content-Type", b"application/json"),
            (b"version", b"3"),
        )


def granted(token: Secret, now: datetime) -> Grant:
    """A grant of *token*, which dies at 06:30, or earlier where it says so itself.

    Args:
        now: aware.
    """
    expires = end_of_day(now)
    claimed = _expiry_claim(token)
    if claimed is not None:
        expires = min(expires, claimed)
    return Grant(access_token=token, issued_at=now.astimezone(UTC), expires_at=expires)


def end_of_day(now: datetime) -> datetime:
    """The next 06:30 in India after *now*, UTC: at 06:00 that is the same morning."""
    here = now.astimezone(IST)
    end = datetime.combine(here.date(), END_OF_DAY, IST)
    return (end if end > here else end + timedelta(days=1)).astimezone(UTC)


class _Claims(msgspec.Struct):
    exp: int


def _expiry_claim(token: Secret) -> datetime | None:
    """`exp` of a JWT, unverified: it can only bring the end nearer."""
    _, _, rest = token.reveal().partition(".")
    payload = rest.partition(".")[0]
    try:
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        expires = msgspec.json.decode(claims, type=_Claims).exp
        return datetime.fromtimestamp(expires, UTC)
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError, OSError):
        return None
