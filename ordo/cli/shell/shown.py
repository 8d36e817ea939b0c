"""Answers for people: trees, tables, help; nothing that a terminal would obey."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from decimal import Decimal
from shutil import get_terminal_size
from typing import Any

from ordo.cli.tables import table

TREE = {
    "actor": "ACTOR",
    "state": "STATE",
    "restarts": "RESTARTS",
    "queued": "QUEUED",
    "urgent": "URGENT",
    "at_work": "AT WORK",
    "taken": "TAKEN",
    "up": "SINCE",
    "address": "ADDRESS",
    "note": "NOTE",
}
FIELDS = {"name": "FIELD", "takes": "TAKES", "default": "DEFAULT"}
EVENT = ("id", "at", "type", "broker", "order_id", "by")
WIDTH = 88
MOST_DECIMALS = 4
FINEST = Decimal(1).scaleb(-MOST_DECIMALS)
"""Money has no more decimals; a measured length has."""
MOST_TALL = 5
"""Rows shown field by field, where they are wider than the terminal."""


def lines_of(frame: Mapping[str, Any]) -> list[str]:
    """An answer as lines."""
    kind, reply = frame["type"], frame["reply"]
    match kind:
        case "Tree":
            lines = _tree(reply)
        case "Overview":
            lines = _overview(reply)
        case "Help":
            lines = [line for each in reply for line in _help(each)]
        case "Told":
            lines = ["told"]
        case list():
            lines = [
                line
                for name, each in zip(kind, reply, strict=True)
                for line in [f"{name}:", *_fields(each)]
            ]
        case _:
            lines = [f"{kind}:", *_fields(reply)]
    return [printable(line) for line in lines]


def event_line(event: Mapping[str, Any]) -> str:
    """One event on one line."""
    words = [str(event[name]) for name in EVENT if event.get(name) is not None]
    told = event.get("data", {}).items()
    data = [f"{name}={_cell(value)}" for name, value in told if value is not None]
    return printable("  ".join([*words, *data]))


def printable(text: str) -> str:
    """*text* without what would move the cursor: brokers' words are strangers'."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _tree(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    shown = [
        {
            **row,
            "actor": "  " * row["depth"] + row["actor"],
            "queued": None
            if row["queued"] is None
            else f"{row['queued']}/{row['room']}",
            "up": _length(float(row["seconds"])),
        }
        for row in rows
    ]
    return table(shown, TREE)


def _length(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _overview(reply: Mapping[str, Any]) -> list[str]:
    lines = []
    for address, names in reply["actors"].items():
        words = textwrap.wrap(", ".join(names), WIDTH - 4)
        lines += [address, *(f"    {line}" for line in words)]
    return lines


def _help(one: Mapping[str, Any]) -> list[str]:
    lines = [f"{one['message']}, to {one['to']}", ""]
    lines += [f"  {line}".rstrip() for line in one["about"].splitlines()] + [""]
    if one["fields"]:
        rows = [
            {**field, "default": "required" if field["required"] else field["default"]}
            for field in one["fields"]
        ]
        lines += [f"  {line}" for line in table(rows, FIELDS)] + [""]
    lines += textwrap.wrap(
        f"Replies: {one['replies']}",
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    more = ["asks for confirmation"] if one["confirmed"] else []
    more += ["may be told"] if one["told"] else []
    return [*lines, *([f"  It {' and '.join(more)}."] if more else [])]


def _fields(reply: Any) -> list[str]:
    """A reply's own values first, then each list of rows as a table."""
    if not isinstance(reply, Mapping):
        return [f"  {_cell(reply)}"]
    flat = _flat(reply)
    plain = {name: value for name, value in flat.items() if not _is_rows(value)}
    lines = []
    if plain:
        width = max(map(len, plain)) + 2
        lines = [f"  {name:<{width}}{_cell(value)}" for name, value in plain.items()]
    for name, rows in flat.items():
        if _is_rows(rows):
            lines += [f"  {name}:", *_rows(rows)]
    return lines or ["  done"]


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    flat = [_flat(row) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    filled = [n for n in names if any(row.get(n) not in (None, [], {}) for row in flat)]
    columns = {name: name.upper().replace("_", " ") for name in filled}
    shown = [{name: _cell(row.get(name)) for name in filled} for row in flat]
    lines = table(shown, columns)
    if max(map(len, lines)) + 4 <= get_terminal_size().columns or len(rows) > MOST_TALL:
        return [f"    {line}" for line in lines]
    return [line for row in shown for line in _tall(row)]


def _tall(row: Mapping[str, str]) -> list[str]:
    """A row that is wider than the terminal, field by field."""
    width = max(map(len, row)) + 2
    first, *others = [f"{name:<{width}}{value}" for name, value in row.items()]
    return [f"  - {first}", *(f"    {line}" for line in others)]


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Structures inside as fields of their own; `order.price` is shown as `price`."""
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            for below, each in _flat(inner).items():
                flat[below if below not in value else f"{name}.{below}"] = each
        else:
            flat[name] = inner
    return flat


def _is_rows(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, Mapping) for row in value)
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{round(value, MOST_DECIMALS) if value % FINEST else value:f}"
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "-"
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_cell(each)}" for key, each in value.items()) or "-"
    return str(value)
