"""The audit chain: each record is sealed over the one before it. Pure.

A record's body is canonical JSON (keys sorted, no spaces, UTF-8) of `at`, `boot`,
`entry` and `seq`. Its hash is HMAC-SHA256(key, prev || body) in hex, where `prev` is
the hash of the record before it, as ASCII. A line is the body with `hash` and `prev`
added.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from adapters.stores.audit_key import load_or_make_key as load_or_make_key

canonical = msgspec.json.Encoder(order="sorted").encode
"""JSON with keys sorted and no spaces: one text for one value."""


class Head(NamedTuple):
    """Where a chain ends: its last record's number and hash."""

    seq: int
    hash: str


GENESIS = Head(0, "0" * 64)
"""What the first record follows."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record as it is written; `entry` is its canonical JSON, `at` RFC 3339 UTC."""

    seq: int
    at: str
    boot: str
    entry: msgspec.Raw
    prev: str
    hash: str

    @property
    def head(self) -> Head:
        """The chain's end where this is its last record."""
        return Head(self.seq, self.hash)


class _Body(msgspec.Struct, frozen=True):
    seq: int
    at: str
    boot: str
    entry: msgspec.Raw


class Checked(NamedTuple):
    """How far a chain is good; `fault` is what is wrong with line `number` (from 1)."""

    head: Head
    number: int
    fault: str | None


_decode = msgspec.json.Decoder(Line).decode


def seal(key: bytes, head: Head, *, at: str, boot: str, entry: Any) -> Line:
    """Make the record that follows *head*; *entry* is any JSON value or struct."""
    seq, prev = head.seq + 1, head.hash
    raw = msgspec.Raw(canonical(entry))
    body = canonical(_Body(seq, at, boot, raw))
    return Line(
        seq=seq, at=at, boot=boot, entry=raw, prev=prev, hash=digest(key, prev, body)
    )


def digest(key: bytes, prev: str, body: bytes) -> str:
    """HMAC-SHA256(key, prev || body), in hex."""
    return hmac.digest(key, prev.encode() + body, "sha256").hex()


def written(line: Line) -> bytes:
    """The record as a line of a file, with its end of line."""
    return canonical(line) + b"\n"


def read(text: bytes) -> Line | None:
    """The record of a line; None unless it is exactly as `written` writes it."""
    try:
        line = _decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return line if written(line) == text else None


def is_sealed(key: bytes, line: Line) -> bool:
    """Whether the record's hash is right for what it says, whatever came before."""
    body = canonical(_Body(line.seq, line.at, line.boot, line.entry))
    return digest(key, line.prev, body) == line.hash


def fault(key: bytes, head: Head, line: Line) -> str | None:
    """What is wrong with *line* as the record after *head*, or None."""
    if line.seq != head.seq + 1:
        return f"record {head.seq + 1} was wanted, found {line.seq}"
    if line.prev != head.hash:
        return "it does not follow the record before it"
    if not is_sealed(key, line):
        return "its content is not what was sealed"
    return None


def verify_lines(lines: Iterable[bytes], key: bytes, head: Head = GENESIS) -> Checked:
    """Check a chain from *head* on, as far as it is good."""
    number = 0
    for number, text in enumerate(lines, 1):
        line = read(text)
        if line is None:
            return Checked(head, number, "it is not a record as Ordo writes them")
        if wrong := fault(key, head, line):
            return Checked(head, number, wrong)
        head = line.head
    return Checked(head, number, None)
