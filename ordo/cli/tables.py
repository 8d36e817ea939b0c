"""Rows for people, in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> list[str]:
    """Lines: the headings of *columns*, by key, then a line for each row."""
    lines = [list(columns.values())]
    lines += [[cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            text.ljust(width) for text, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    ]


def cell(value: Any) -> str:
    """A value as text; what is not there is a dash."""
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(below)}" for key, below in value.items())
    return str(value)
