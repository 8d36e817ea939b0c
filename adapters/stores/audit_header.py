"""The names of the audit files, and the first line of each, which links the files."""

from __future__ import annotations

import hmac
import re
from pathlib import Path

import msgspec

from adapters.stores.audit_chain import GENESIS, Head, canonical, digest

PATTERN = re.compile(r"audit-(\d{8})-(\d{6,})\.jsonl")


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a file says of itself and of the file before it.

    `previous_lines` counts that file's lines, its own header too; `previous_head` is
    the hash that record `first_seq` follows. `hash` seals it all.
    """

    file: str
    first_seq: int
    previous: str | None
    previous_lines: int
    previous_head: str
    hash: str = ""

    @property
    def before(self) -> Head:
        """The chain's end before this file's first record."""
        return Head(self.first_seq - 1, self.previous_head)

    @property
    def is_first(self) -> bool:
        """Whether it claims to open the log."""
        return self.previous is None and self.before == GENESIS


_decode = msgspec.json.Decoder(Header).decode


def sealed(key: bytes, header: Header) -> bytes:
    """The header as a line, with its hash and its end of line."""
    return canonical(msgspec.structs.replace(header, hash=_seal(key, header))) + b"\n"


def read_header(key: bytes, text: bytes) -> Header | None:
    """The header of a file's first line; None unless it is whole and sealed."""
    try:
        header = _decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    genuine = hmac.compare_digest(_seal(key, header), header.hash)
    return header if genuine and canonical(header) + b"\n" == text else None


def _seal(key: bytes, header: Header) -> str:
    body = canonical(msgspec.structs.replace(header, hash=""))
    return digest(key, header.previous_head, body)


def files_in(directory: Path) -> list[Path]:
    """The audit files, oldest first: by number, whatever the clock did to the days."""
    found = [
        (int(match[2]), path.name, path)
        for path in directory.iterdir()
        if (match := PATTERN.fullmatch(path.name))
    ]
    return [path for _, _, path in sorted(found)]


def number_of(name: str) -> int:
    """A file's number; 0 where the name is no audit file's."""
    match = PATTERN.fullmatch(name)
    return int(match[2]) if match else 0


def day_of(name: str) -> str:
    """The UTC day of a file's first record, as YYYY-MM-DD."""
    match = PATTERN.fullmatch(name)
    day = match[1] if match else "00000000"
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def name_for(day: str, number: int) -> str:
    """The name of file *number*, whose first record is of *day* (YYYY-MM-DD)."""
    return f"audit-{day.replace('-', '')}-{number:06d}.jsonl"
