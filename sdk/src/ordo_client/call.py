"""One call, described: what to ask and how to read the answer. No I/O is in here."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

R = TypeVar("R")

V1 = "/api/v1"
READ_SECONDS = 10.0
"""How long Ordo waits for brokers' books at most."""
KEY = re.compile(r"[!-~]{1,255}")
ENCODER = msgspec.json.Encoder(decimal_format="number")


class Reply(NamedTuple):
    """What came back. `retry_after`: seconds, where it was told."""

    status: int
    content: bytes
    retry_after: float | None = None


@dataclass(frozen=True)
class Call(Generic[R]):
    """One call; however often it is tried, its bytes and its ids stay the same.

    Attributes:
        read: makes the result of a good reply.
        seconds: how long Ordo may take for it.
        repeat: asked twice, it is done once, or does no harm.
        key: the idempotency key.
    """

    method: str
    path: str
    read: Callable[[Reply], R] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)  # it may hold a one-time password
    seconds: float = READ_SECONDS
    repeat: bool = True
    key: str | None = None
    more_headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this call alone."""
        headers = {"X-Request-ID": self.request_id, **self.more_headers}
        if self.body:
            headers["Content-Type"] = "application/json"
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        return headers


def encode(body: Any) -> bytes:
    """A body as JSON; decimals as numbers, exactly."""
    return ENCODER.encode(body)


def path(*parts: str) -> str:
    """A path below `/api/v1`; each part is text, slashes in it too."""
    return "/".join((V1, *(quote(part, safe=":") for part in parts)))


def query(**wanted: Any) -> dict[str, str]:
    """The parameters that were given: lists with commas, times with their offset.

    Raises:
        ValueError: a time without a zone.
    """
    return {
        name: _text(name, value) for name, value in wanted.items() if value is not None
    }


def key_or_new(given: str | None) -> str:
    """The caller's key, or a new one.

    Raises:
        ValueError: it is no 1 to 255 visible ASCII characters.
    """
    if given is None:
        return str(uuid.uuid4())
    if not KEY.fullmatch(given):
        raise ValueError(f"key: wanted 1 to 255 visible ASCII characters: {given!r}")
    return given


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After`; Ordo gives no dates there."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _text(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name}: wanted a time with a zone, found {value}")
        return value.isoformat()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ",".join(value)
