"""The actors' messages: read as source, so that types stand as they are written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from actors import messages
from tests.reference.words import code, prose, table

INTRODUCTION = """# Messages

What the actors say to each other (`actors/messages.py`), by who receives it. All are
frozen; commands are verbs, facts are past participles. A message with a *reply* is
asked, the others are told. Money is `Decimal`, quantities are units, times are aware
UTC.
"""
HEADING = re.compile(r"^# (.+?) -{5,}$", re.MULTILINE)


def page() -> str:
    """The page."""
    source = open_source()
    headings = [(match.start(), match[1]) for match in HEADING.finditer(source)]
    starts = _line_starts(source)
    parts = [INTRODUCTION]
    for node in ast.parse(source).body:
        at = starts[node.lineno - 1]
        while headings and headings[0][0] < at:
            parts.append(f"## {headings.pop(0)[1]}")
        if isinstance(node, ast.ClassDef):
            parts.append(_message(node))
        elif alias := _alias(node):
            name, value = alias
            parts.append(f"`{name}` is {code(value)}.")
    return "\n\n".join(parts)


def open_source() -> str:
    """The module's text."""
    assert messages.__file__ is not None
    with open(messages.__file__, encoding="utf-8") as file:
        return file.read()


def names() -> set[str]:
    """Every message and reply."""
    body = ast.parse(open_source()).body
    return {node.name for node in body if isinstance(node, ast.ClassDef)}


def _message(node: ast.ClassDef) -> str:
    parts = [f"### {node.name}", prose(ast.get_docstring(node))]
    if reply := _reply(node):
        parts.append(f"Reply: {code(reply)}")
    rows = list(_fields(node))
    if rows:
        parts.append(table(("field", "type", "default"), rows))
    return "\n\n".join(part for part in parts if part)


def _reply(node: ast.ClassDef) -> str:
    """What `Ask[...]` says among the bases."""
    for base in node.bases:
        if isinstance(base, ast.Subscript) and ast.unparse(base.value) == "Ask":
            inner = base.slice
            if isinstance(inner, ast.Constant):
                return str(inner.value)
            return ast.unparse(inner)
    return ""


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            default = "" if line.value is None else ast.unparse(line.value)
            yield (
                code(line.target.id),
                code(ast.unparse(line.annotation)),
                code(default),
            )


def _alias(node: ast.stmt) -> tuple[str, str] | None:
    """A name for several types, such as `LoginReply = A | B`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.BinOp):
        return None
    (target,) = node.targets
    return ast.unparse(target), ast.unparse(node.value)


def _line_starts(source: str) -> list[int]:
    starts, at = [], 0
    for line in source.splitlines(keepends=True):
        starts.append(at)
        at += len(line)
    return starts
