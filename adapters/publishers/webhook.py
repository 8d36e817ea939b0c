"""Events to a web hook: signed, over HTTPS, to public addresses."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime

import httpcore
import httpx

from adapters.errors import ConfigError
from adapters.events import VERSION, Event
from adapters.publishers.addresses import CheckedBackend
from adapters.publishing import PublishFailed, encoded
from adapters.secret import Secret

MOST_AT_ONCE = 100
"""Events in one call: some 50 kB."""
SIGNATURE = "Ordo-Signature"
TIMEOUT = 10.0
STEPS = ("connect", "read", "write", "pool")
FOREIGN = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class Webhook:
    """One URL that is told events.

    Each call is a POST of `{"version", "events": [...]}`. The signature is
    `t=SECONDS,v1=HEX`: HMAC-SHA256 by the secret over `SECONDS.BODY`. Whoever verifies
    it refuses old times, and knows events told again by their ids.

    Args:
        url: `https://`, or `http://` with *allow_private*.
        secret: signs; None: unsigned.
        wall: for the signature's time.
        allow_private: whether private addresses may be called.
        tls: trust other than the usual authorities.

    Raises:
        ConfigError: the URL is none that may be called.
    """

    def __init__(
        self,
        url: str,
        secret: Secret | None,
        *,
        wall: Callable[[], datetime],
        name: str = "webhook",
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = _checked(url, allow_private)
        self._name = name
        self._secret = secret
        self._wall = wall
        # httpcore, for httpx has no way to say where its connections may go; it follows
        # no redirects, which could lead anywhere, and reads no proxy from elsewhere.
        self._pool = httpcore.AsyncConnectionPool(
            tls or ssl.create_default_context(),
            network_backend=CheckedBackend(allow_private=allow_private),
        )

    @property
    def name(self) -> str:
        """What its place among the events is stored under."""
        return self._name

    async def publish(self, events: Sequence[Event]) -> None:
        """Have all *events* taken.

        Raises:
            PublishFailed: not all were; what was taken will be told again.
        """
        for start in range(0, len(events), MOST_AT_ONCE):
            rows = b",".join(map(encoded, events[start : start + MOST_AT_ONCE]))
            await self.post(b'{"version":%d,"events":[%s]}' % (VERSION, rows))

    async def post(self, body: bytes) -> None:
        """Send one signed body.

        Raises:
            PublishFailed: it was not taken, or nobody knows.
        """
        headers: list[tuple[bytes | str, bytes | str]] = [
            ("Host", self._url.netloc),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("User-Agent", "ordo-gateway"),
        ]
        if self._secret is not None:
            moment = int(self._wall().timestamp())
            signed = signature(self._secret, moment, body)
            headers.append((SIGNATURE, f"t={moment},v1={signed}"))
        try:
            async with self._pool.stream(
                "POST",
                str(self._url),
                headers=headers,
                content=body,
                extensions={"timeout": dict.fromkeys(STEPS, TIMEOUT)},
            ) as answer:  # its body says nothing to us, and is not read
                status = answer.status
        except FOREIGN as error:
            raise PublishFailed(f"{type(error).__name__}: {error}") from error
        if not 200 <= status < 300:
            raise PublishFailed(f"HTTP {status}")

    async def aclose(self) -> None:
        """Close its connections."""
        await self._pool.aclose()


def signature(secret: Secret, moment: int, body: bytes) -> str:
    """What a body is signed with at a *moment* (Unix seconds)."""
    text = b"%d." % moment + body
    return hmac.new(secret.reveal().encode(), text, hashlib.sha256).hexdigest()


def _checked(url: str, allow_private: bool) -> httpx.URL:
    """The URL; what it holds is not shown, for it may be a token."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ConfigError("wanted an https:// address") from None
    schemes = {"https", "http"} if allow_private else {"https"}
    if parsed.scheme not in schemes or not parsed.host:
        raise ConfigError("wanted an https:// address (http:// with allow_private)")
    return parsed
