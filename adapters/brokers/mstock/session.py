"""The session that every call bears, and what of it expires when."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, time, timedelta

import msgspec

from adapters.brokers.mstock.dialect import Dialect
from adapters.brokers.mstock.translate import IST
from adapters.errors import SessionExpired
from adapters.http1 import RawHeaders
from adapters.login import Grant
from adapters.secret import Secret

LONGEST = timedelta(hours=12)
"""How long a token lives at most, midnight in India apart. Source: dossier 5."""


class Session:
    """The token in force at one account, if any."""

    def __init__(self, dialect: Dialect, api_key: Secret) -> None:
        self._dialect = dialect
        self._api_key = api_key
        self._headers: RawHeaders = ()
        self._token: Secret | None = None

    def use(self, grant: Grant | None) -> None:
        """Let *grant* be what calls bear from now on."""
        self._headers, self._token = (), None
        if grant is not None:
            self._token = token = grant.access_token
            self._headers = self._dialect.bearing(self._api_key, token)

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

    def keys(self) -> tuple[Secret, Secret]:
        """The API key and the token, for what bears no headers.

        Raises:
            SessionExpired: nobody is logged in; nothing is sent.
        """
        if self._token is None:
            raise SessionExpired("no access token: a log-in is wanted")
        return self._api_key, self._token


class _Claims(msgspec.Struct):
    exp: float | None = None
    iat: float | None = None


def granted(token: Secret, now: datetime, feed_token: Secret | None = None) -> Grant:
    """A grant of *token*: until midnight in India, for 12 hours, or until the token's
    own end, whichever comes first (dossier 5).

    Args:
        now: aware.
    """
    issued, ends = now.astimezone(UTC), [_midnight(now)]
    claims = _claims(token)
    made = _moment(claims.iat)
    ends.append(LONGEST + (issued if made is None else min(issued, made)))
    claimed = _moment(claims.exp)
    if claimed is not None:
        ends.append(claimed)
    return Grant(
        access_token=token,
        issued_at=issued,
        expires_at=min(ends),
        feed_token=feed_token,
    )


def _midnight(now: datetime) -> datetime:
    """The next one in India after *now*, UTC."""
    tomorrow = now.astimezone(IST).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), IST).astimezone(UTC)


def _claims(token: Secret) -> _Claims:
    """Of a JWT, unverified: they can only bring the end nearer."""
    _, _, rest = token.reveal().partition(".")
    payload = rest.partition(".")[0]
    try:
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return msgspec.json.decode(text, type=_Claims)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return _Claims()


def _moment(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
