"""Which audit files are old enough to go, and good enough to be let go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from adapters.model import AuditEntry
from adapters.store_port import OldFile
from adapters.stores.audit_chain import Head, fault, read
from adapters.stores.audit_header import Header, day_of, files_in, read_header
from adapters.stores.times import stamp

EXPIRED = "audit.expired"
"""The action of the record that says which files were deleted for their age."""


class _Whole(NamedTuple):
    lines: int
    head: Head
    last_at: str


def old_files(
    directory: Path, key: bytes, before: datetime, most: int
) -> tuple[OldFile, ...]:
    """The oldest files, *most* at most, whose records are all from before a time.

    Up to the first that has later ones, that is not whole, or that the next file does
    not vouch for; so the last file, which is written to, is never among them.
    """
    old = []
    files = files_in(directory)
    for path, following in pairwise(files[: most + 1]):
        if day_of(path.name) > stamp(before)[:10]:
            break
        whole = _check(path, key)
        header = _header(following, key)
        if whole is None or header is None or whole.last_at >= stamp(before):
            break
        link = (header.previous, header.previous_lines, header.before)
        if link != (path.name, whole.lines, whole.head):
            break
        old.append(OldFile(path.name, whole.head.seq))
    return tuple(old)


def expiry(files: Sequence[OldFile]) -> AuditEntry:
    """The record that `verify` wants to see for files that are gone."""
    detail = {"files": [file.name for file in files], "through": files[-1].through}
    return AuditEntry(actor="ordo", action=EXPIRED, detail=detail)


def _header(path: Path, key: bytes) -> Header | None:
    with path.open("rb") as file:
        header = read_header(key, file.readline())
    return header if header and header.file == path.name else None


def _check(path: Path, key: bytes) -> _Whole | None:
    header = _header(path, key)
    if header is None:
        return None
    head, at, lines = header.before, "", 1
    with path.open("rb") as file:
        file.readline()
        for text in file:
            line = read(text)
            if line is None or fault(key, head, line):
                return None
            head, at, lines = line.head, line.at, lines + 1
    return _Whole(lines, head, at)
