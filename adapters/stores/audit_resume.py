"""Where the audit files end: what a kill or a damaged disk left, and where to go on."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from adapters.errors import StoreUnusable
from adapters.model import AuditEntry
from adapters.stores.audit_chain import GENESIS, Head, Line, is_sealed, read, written
from adapters.stores.audit_header import files_in, number_of, read_header

Stored = Callable[[int], Iterator[Line]]
"""The store's audit lines after a number, in order."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files end.

    `head` is the last record in them that the store has too. `goes_on`: the last file
    ends with it, and is written on; otherwise a new file is begun. `number` is the last
    file's, `lines` and `size` count all of it. `notes` tell what was found.
    """

    head: Head = GENESIS
    name: str | None = None
    number: int = 0
    lines: int = 0
    size: int = 0
    goes_on: bool = False
    notes: tuple[AuditEntry, ...] = ()


def find_end(directory: Path, key: bytes, stored: Stored) -> End:
    """Find where to go on; a torn last line is moved to a file of its own.

    Damage before it is left as it is, for `verify` to show: a new file goes on after
    the last good record.

    Raises:
        StoreUnusable: the files hold genuine records that the store does not.
        OSError: a file cannot be read or cut.
    """
    notes: list[AuditEntry] = []
    files = files_in(directory)
    while files and not _cut_torn(files[-1], notes):
        files.pop()
    if not files:
        return End(notes=tuple(notes))
    last = files[-1]
    head, whole = _last_good(files, key, stored)
    if not whole:
        found = {"file": last.name, "good_through": head.seq}
        notes.append(_note("audit.file_damaged", found))
    return End(
        head=head,
        name=last.name,
        number=number_of(last.name),
        lines=_count_lines(last),
        size=last.stat().st_size,
        goes_on=whole,
        notes=tuple(notes),
    )


def _cut_torn(path: Path, notes: list[AuditEntry]) -> bool:
    """Keep what follows the last end of line aside; False where nothing else was in."""
    with path.open("r+b") as file:
        good = 0
        size = file.seek(0, os.SEEK_END)
        if size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                good = data.rfind(b"\n") + 1
        if good < size:
            file.seek(good)
            aside = _keep(path, file.read())
            file.truncate(good)
            os.fsync(file.fileno())
            found = {"file": path.name, "kept_in": aside.name, "bytes": size - good}
            notes.append(_note("audit.torn_line", found))
    if not good:
        path.unlink()
    return bool(good)


def _keep(path: Path, torn: bytes) -> Path:
    """Write a torn line to a new file beside its own."""
    number = 0
    while True:
        suffix = f".{number}.torn" if number else ".torn"
        aside = path.with_name(path.name + suffix)
        try:
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(torn)
            file.flush()
            os.fsync(handle)
        return aside


def _last_good(files: list[Path], key: bytes, stored: Stored) -> tuple[Head, bool]:
    """The last record that is genuine, and whether it is what the last file ends with.

    A last file with nothing in it but its header ends with what that header follows.
    """
    at_the_end = True
    for path in reversed(files):
        for text in _lines_back(path):
            line = read(text)
            if line is not None and is_sealed(key, line):
                _must_be_stored(path, line, text, stored)
                return line.head, at_the_end
            header = read_header(key, text)
            if at_the_end and header is not None and header.file == path.name:
                before = next(stored(header.first_seq - 2), None)
                if header.is_first or (before and before.head == header.before):
                    return header.before, True
            at_the_end = False
    return GENESIS, False


def _must_be_stored(path: Path, line: Line, text: bytes, stored: Stored) -> None:
    known = next(stored(line.seq - 1), None)
    if known is not None and written(known) == text:
        return
    found = "has not got" if known is None else "has otherwise"
    raise StoreUnusable(
        f"{path}: ends with audit record {line.seq}, which the database {found}: the "
        "database is older than its audit files; restore the newer one, or keep the "
        "files elsewhere and empty their directory"
    )


def _lines_back(path: Path) -> Iterator[bytes]:
    """The lines of a file that ends with an end of line, last first."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        end = len(data)
        while end > 0:
            start = data.rfind(b"\n", 0, end - 1) + 1
            yield data[start:end]
            end = start


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(
            chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")
        )


def _note(action: str, detail: dict[str, object]) -> AuditEntry:
    return AuditEntry(actor="ordo", action=action, detail=detail)
