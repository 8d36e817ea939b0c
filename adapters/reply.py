"""A broker's whole answer over HTTP, and what can be read in it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import msgspec

from adapters.errors import SentUnknown

T = TypeVar("T")


class Reply(NamedTuple):
    """A whole answer, not yet understood; headers by their names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def decoded(reply: Reply, decoder: msgspec.json.Decoder[T]) -> T:
    """The reply's JSON as the decoder's type; numbers meant as `Decimal` are exact.

    Raises:
        SentUnknown: it is a page, cut off, or of another shape.
    """
    try:
        return decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        kind = reply.headers.get("content-type", "no content type")[:40]
        raise SentUnknown(
            f"HTTP {reply.status}: wanted the broker's JSON, found {len(reply.body)}"
            f" bytes of {kind}: {exc}",
            reply.status,
        ) from exc


def unpacked(reply: Reply, most: int) -> Reply:
    """The reply with its body plain, for a server that packs although asked not to.

    Raises:
        SentUnknown: it is packed in a way not asked for, badly, or is too long.
    """
    encoding = reply.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return reply
    if encoding != "gzip":
        raise SentUnknown(
            f"HTTP {reply.status}: wanted it plain, found {encoding}", reply.status
        )
    try:
        # One byte more than it may have: a small answer can unpack to gigabytes.
        body = zlib.decompressobj(wbits=31).decompress(reply.body, most + 1)
    except zlib.error as exc:
        words = f"HTTP {reply.status}: not gzip: {exc}"
        raise SentUnknown(words, reply.status) from exc
    if len(body) > most:
        raise too_long(reply.status, most)
    return reply._replace(body=body)


def too_long(status: int, most: int) -> SentUnknown:
    """What an answer of more than *most* bytes is."""
    words = f"HTTP {status}: wanted at most {most} bytes, found more"
    return SentUnknown(words, status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds in `Retry-After`; None without it, or where it gives a date."""
    return seconds(headers.get("retry-after"))


def seconds(text: str | None) -> float | None:
    """A plain number out of a header, None for anything else."""
    text = (text or "").strip()
    if len(text) > 12 or not text.replace(".", "", 1).isdecimal():
        return None
    return float(text)
