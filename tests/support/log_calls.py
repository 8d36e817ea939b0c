"""Every call of a log in the code: its event, and the fields it gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FLOORS = ("adapters", "actors", "ordo")
LEVELS = ("debug", "info", "warning", "error", "critical", "exception", "log")


class LogCall(NamedTuple):
    """One call; *events* are the names it may give, * for what is put in."""

    place: str
    events: tuple[str, ...]
    fields: frozenset[str]


def log_calls() -> list[LogCall]:
    """All of them, in the order of the files."""
    found = []
    for floor in FLOORS:
        for file in sorted((ROOT / floor).rglob("*.py")):
            found += list(_calls_in(file))
    return found


def _calls_in(file: Path) -> Iterator[LogCall]:
    tree = ast.parse(file.read_text())
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            values = getattr(node.value, "elts", ())
            pairs = zip(node.targets[0].elts, values, strict=False)
            named |= {to.id: value for to, value in pairs if isinstance(to, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _LOGS:
            extra = next((k.value for k in node.keywords if k.arg == "extra"), None)
            if isinstance(extra, ast.Name):
                extra = named[extra.id]
            given = extra if isinstance(extra, ast.Dict) else ast.Dict([], [])
            keys = [k.value for k in given.keys if isinstance(k, ast.Constant)]
            value = dict(zip(keys, _constant_valued(given), strict=True)).get("event")
            yield LogCall(
                f"{file.relative_to(ROOT)}:{node.lineno}",
                tuple(_texts(value, named)),
                frozenset(map(str, keys)) - {"event"},
            )


def _constant_valued(given: ast.Dict) -> list[ast.expr]:
    pairs = zip(given.keys, given.values, strict=True)
    return [value for key, value in pairs if isinstance(key, ast.Constant)]


def _texts(value: ast.expr | None, named: dict[str, ast.expr]) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, named)
            yield from _texts(other, named)
        case ast.Name(id=name):
            yield from _texts(named.get(name), named)
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "*"
                for part in parts
            )


_LOGS = {f"log.{level}" for level in LEVELS}
