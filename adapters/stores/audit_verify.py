"""`verify`: whether the audit log is whole, and the same as the store's.

It finds lines changed, deleted, swapped, inserted or cut off, and files deleted or put
in. What it cannot see without the store is that lines are missing at the very end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from adapters.model import AuditEntry
from adapters.stores.audit_chain import GENESIS, Head, Line, fault, read, written
from adapters.stores.audit_header import Header, files_in, number_of, read_header
from adapters.stores.audit_old import EXPIRED

DATABASE = "the database"
"""What stands for a file name where the fault is in the store's own rows."""
POLL = 0.05
"""Seconds between looks at files that are being written."""
_NOT_OURS = "it is not a record as Ordo writes them"
_entry = msgspec.json.Decoder(AuditEntry).decode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The first thing that is wrong: which record, in which file and line (from 1).

    `line` is 0 where the whole file, or what should follow it, is meant.
    """

    seq: int
    file: str
    line: int
    what: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found. `records` were good, up to `head`; `notes` are no faults."""

    records: int
    files: int
    head: Head
    problem: Problem | None
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all of it is as it was written."""
        return self.problem is None


def verify(
    directory: Path,
    key: bytes,
    store_rows: Iterable[Line] | None = None,
    *,
    patience: float = 0.0,
) -> Verdict:
    """Walk the audit files in order, side by side with the store's rows.

    Args:
        directory: where the files are.
        key: what they are sealed with.
        store_rows: all lines the store has, in order. To verify beside a running Ordo
            they must be read as they are asked for, as `StoredAudit` does: a line is in
            the store before it is in a file.
        patience: seconds to wait for files that end before the store does, or in the
            middle of a line: a running Ordo may just be writing them.

    Raises:
        OSError: a file cannot be read.
        StoreFailed: the store cannot.
    """
    walk = _Walk(directory, key, store_rows, patience)
    problem = None
    try:
        walk.run()
    except _Found as found:
        problem = found.problem
    return Verdict(
        records=walk.records,
        files=walk.files,
        head=walk.head,
        problem=problem,
        notes=tuple(
            f"{path.name}: a torn line, kept aside at a start"
            for path in sorted(directory.glob("*.torn"))
        ),
    )


class _Found(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class _Text(msgspec.Struct, frozen=True):
    file: str
    number: int
    end: int
    text: bytes


class _Walk:
    def __init__(
        self,
        directory: Path,
        key: bytes,
        rows: Iterable[Line] | None,
        patience: float,
    ) -> None:
        self.records = self.files = 0
        self.head = GENESIS
        self._directory = directory
        self._key = key
        self._rows = None if rows is None else iter(rows)
        self._ahead: Line | None = None  # a row read before the line that it is
        self._goal: int | None = None  # the record to stop at
        self._until = time.monotonic() + patience
        self._file: Header | None = None
        self._lines = 0  # in the file at hand, its header too
        self._unexplained: Header | None = None
        self._torn = False
        # Where the files ended when this began: verifying beside an Ordo that writes
        # faster than this reads must end too.
        last = self._paths()[-1:]
        self._last = last[0].name if last else ""
        self._size = last[0].stat().st_size if last else 0

    def run(self) -> None:
        for text in self._texts():  # pragma: no branch - they have no end
            if text is None:
                if self._is_complete():
                    break
                self._be_patient()
                continue
            if text.number == 1:
                self._begin_file(text)
            else:
                self._follow(text)
            if self._is_past_the_start(text) and self._is_complete():
                break
        if gone := self._unexplained:
            raise self._found(
                *(gone.first_seq - 1, gone.previous or gone.file, 0),
                "it and all before it are gone, and no record says why",
            )

    # The files ------------------------------------------------------------------------

    def _texts(self) -> Iterator[_Text | None]:
        """Every line of every file; None where that is all, for now."""
        done: set[str] = set()
        while True:
            left = [path for path in self._paths() if path.name not in done]
            if not left:
                yield None
            for path in left:
                yield from self._lines_of(path)
                done.add(path.name)

    def _paths(self) -> list[Path]:
        return files_in(self._directory) if self._directory.is_dir() else []

    def _lines_of(self, path: Path) -> Iterator[_Text | None]:
        number, end, text = 0, 0, b""
        with path.open("rb") as file:
            while True:
                text += file.readline()
                if not text.endswith(b"\n"):
                    # Asked before the last read: a file that is followed grows no more.
                    is_last = self._paths()[-1:] == [path]
                    text += file.readline()
                if text.endswith(b"\n"):
                    number, end = number + 1, end + len(text)
                    yield _Text(path.name, number, end, text)
                    text = b""
                elif text and (not is_last or time.monotonic() >= self._until):
                    what = "it is cut short"
                    raise self._found(self.head.seq + 1, path.name, number + 1, what)
                elif is_last:
                    self._torn = bool(text)
                    yield None
                elif number:
                    break
                else:
                    raise self._found(self.head.seq + 1, path.name, 1, "it is empty")

    def _begin_file(self, text: _Text) -> None:
        header = read_header(self._key, text.text)
        wrong = (self.head.seq + 1, text.file, 1)
        if header is None:
            raise self._found(*wrong, "the file's first line is not as Ordo writes it")
        if header.file != text.file:
            raise self._found(*wrong, f"it was written as {header.file}")
        if self._file is None:
            self._begin_log(header)
        else:
            self._check_link(header, self._file)
        self._file, self._lines = header, 1
        self.files += 1

    def _begin_log(self, header: Header) -> None:
        """The first file there is: the log's first, or what retention has left."""
        if header.is_first:
            return
        self._unexplained = header
        while self._rows is not None and self.head.seq < header.before.seq:
            row = next(self._rows, None)
            if row is None or (wrong := fault(self._key, self.head, row)):
                what = "it ends before the files begin" if row is None else wrong
                raise self._found(self.head.seq + 1, DATABASE, 0, f"{what}")
            self.head = row.head
            self._look_for_expiry(row)
        if self._rows is not None and self.head != header.before:
            what = f"{DATABASE} has another record before it"
            raise self._found(header.first_seq, header.file, 1, what)
        self.head = header.before

    def _check_link(self, header: Header, before: Header) -> None:
        seq = self.head.seq + 1
        if header.previous != before.file:
            name = header.previous or header.file
            what = f"it is missing: {header.file} follows it, not {before.file}"
            raise self._found(seq, name, 0, what)
        if header.previous_lines != self._lines or header.before != self.head:
            what = (
                f"it ends too soon or too late: {header.file} says it had "
                f"{header.previous_lines} lines and ended with record "
                f"{header.before.seq}, found {self._lines} and {self.head.seq}"
            )
            raise self._found(seq, before.file, 0, what)

    # The lines ------------------------------------------------------------------------

    def _follow(self, text: _Text) -> None:
        seq = self.head.seq + 1
        line = read(text.text)
        what = _NOT_OURS if line is None else fault(self._key, self.head, line)
        if line is None or what:
            raise self._found(seq, text.file, text.number, what or _NOT_OURS)
        if self._rows is not None:
            row, self._ahead = self._ahead or next(self._rows, None), None
            if row is None or row.seq > seq:
                raise self._found(
                    seq, text.file, text.number, f"{DATABASE} has not got it"
                )
            if written(row) != text.text:
                raise self._found(
                    seq, text.file, text.number, f"{DATABASE} has it otherwise"
                )
        self.head = line.head
        self.records += 1
        self._lines = text.number
        self._look_for_expiry(line)

    def _look_for_expiry(self, line: Line) -> None:
        gone = self._unexplained
        if gone is None or EXPIRED.encode() not in bytes(line.entry):
            return
        entry = _entry(line.entry)
        through = entry.detail.get("through")
        if entry.action == EXPIRED and through == gone.before.seq:
            self._unexplained = None

    # The end --------------------------------------------------------------------------

    def _is_past_the_start(self, text: _Text) -> bool:
        """Whether all that stood in the files when this began has been read."""
        if text.file == self._last:
            return text.end >= self._size
        return number_of(text.file) > number_of(self._last)

    def _is_complete(self) -> bool:
        """Whether the files have what the store had when they were first read through.

        The store may have one row more, which is being copied: it must come.
        """
        if self._torn or self._rows is None:
            return not self._torn
        if self._goal is None:
            self._ahead = next(self._rows, None)
            self._goal = self._ahead.seq if self._ahead else self.head.seq
        return self.head.seq >= self._goal

    def _be_patient(self) -> None:
        """Wait for the files, which end before the store does, while it may be."""
        if time.monotonic() >= self._until:
            name = self._file.file if self._file else "audit files"
            what = f"they end here, and {DATABASE} goes on"
            raise self._found(self.head.seq + 1, name, 0, what)
        time.sleep(POLL)

    @staticmethod
    def _found(seq: int, file: str, line: int, what: str) -> _Found:
        return _Found(Problem(seq=seq, file=file, line=line, what=what))
