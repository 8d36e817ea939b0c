"""The token in force at one account, and when it dies."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, time, timedelta, timezone

import msgspec

from adapters.brokers.hdfc.wire import Claims
from adapters.errors import SessionExpired
from adapters.http1 import RawHeaders
from adapters.login import Grant
from adapters.secret import Secret

IST = timezone(timedelta(hours=5, minutes=30))
LIFE = timedelta(hours=8)
"""Of every token seen. Source: dossier 4.4."""
END_OF_DAY = time(6, 0)
"""No session of one trading day is good on the next. Source: regulation 3, rule 16."""
AGENT = b"Mozilla/5.0 (X11; Linux x86_64) ordo-gateway"
"""Mandatory, and library defaults are refused. Source: dossier 2."""
JSON = (b"Content-Type", b"application/json")

_claims = msgspec.json.Decoder(Claims)


class Session:
    """What calls bear."""

    def __init__(self) -> None:
        self._headers: RawHeaders = ()

    def use(self, grant: Grant | None) -> None:
        """Let *grant* be what calls bear from now on."""
        self._headers = () if grant is None else _headers(grant.access_token)

    def headers(self, body: bytes) -> RawHeaders:
        """Those of a call that sends *body*, which is JSON or nothing.

        Raises:
            SessionExpired: nobody is logged in; nothing is sent.
        """
        if not self._headers:
            raise SessionExpired("no access token: a log-in is wanted")
        return (*self._headers, JSON) if body else self._headers


def _headers(token: Secret) -> RawHeaders:
    """The token alone, without `Bearer`. Source: dossier 2."""
    return ((b"Authorization", token.reveal().encode()),)


def granted(token: Secret, now: datetime) -> Grant:
    """A grant of *token*: eight hours, or as it says itself, within the trading day.

    Args:
        now: aware.
    """
    claimed = _expiry_claim(token)
    expires = now + LIFE if claimed is None else claimed
    return Grant(
        access_token=token,
        issued_at=now.astimezone(UTC),
        expires_at=min(expires, end_of_day(now)).astimezone(UTC),
    )


def end_of_day(now: datetime) -> datetime:
    """The next 06:00 in India after *now*."""
    here = now.astimezone(IST)
    end = datetime.combine(here.date(), END_OF_DAY, IST)
    return end if end > here else end + timedelta(days=1)


def _expiry_claim(token: Secret) -> datetime | None:
    """`exp` of a JWT, unverified."""
    _, _, rest = token.reveal().partition(".")
    payload = rest.partition(".")[0]
    try:
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return datetime.fromtimestamp(_claims.decode(claims).exp, UTC)
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError, OSError):
        return None
