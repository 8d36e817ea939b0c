"""Rows put in by the dozen: one step of SQLite for many, instead of one for each.

Python hands the interpreter over around every step. While the loop is busy, getting it
back can take longer than the step itself, so a commit of a hundred steps is slow for
everybody.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

Row = tuple[Any, ...]

SIZES = (16, 4, 1)
"""Rows a statement; three sizes, so that all statements stay prepared."""


class Insert:
    """`INSERT INTO …`, for any number of rows.

    Args:
        into: what stands between `INSERT INTO` and `VALUES`.
        width: values a row.
    """

    def __init__(self, into: str, width: int) -> None:
        row = f"({', '.join('?' * width)})"
        self._statements = {
            size: f"INSERT INTO {into} VALUES {', '.join([row] * size)}"  # noqa: S608
            for size in SIZES
        }

    def put(self, cursor: sqlite3.Cursor, rows: Sequence[Row]) -> None:
        """Put all *rows* in, in their order."""
        for size, some in _pieces(rows):
            values = [value for row in some for value in row]
            cursor.execute(self._statements[size], values)


def _pieces(rows: Sequence[Row]) -> Iterator[tuple[int, Sequence[Row]]]:
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield size, rows[start : start + size]
            start += size
