"""The actors' messages: read as source, so that types stand as they are written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from actors import messages
from tests.reference.words import code, prose, table

INTRODUCTION = """# Messages

What the actors say to each other (`actors/messages/`), by who receives it. All are
frozen; commands are verbs, facts are past participles. A message with a *reply* is
asked, the others are told. Money is `Decimal`, quantities are units, times are aware
UTC.
"""
PACKAGE = Path(messages.__path__[0])
FILES = (
    "denial",
    "store",
    "switch",
    "admission",
    "orders",
    "batches",
    "squareoff",
    "reads",
    "reconciling",
    "brokers",
    "sessions",
    "masters",
)
"""In the order in which one wants to read them."""
RECEIVERS = (
    "The writer",
    "The kill-switch",
    "A broker",
    "A broker's session",
    "The router",
    "The masters",
)
"""The headings that the files may have."""
HEADING = re.compile(r"^# (.+?) -{5,}$", re.MULTILINE)


def page() -> str:
    """The page."""
    told: dict[str, list[str]] = {each: [] for each in ("", *RECEIVERS)}
    for file in FILES:
        for heading, node in _definitions(source(file)):
            if part := _part(node):
                told[heading].append(part)
    parts = [INTRODUCTION, *told.pop("")]
    for heading, below in told.items():
        parts += [f"## {heading}", *below]
    return "\n\n".join(parts)


def source(file: str) -> str:
    """A file of the package, as text."""
    return (PACKAGE / f"{file}.py").read_text("utf-8")


def names() -> set[str]:
    """Every message and reply."""
    found = (node for file in FILES for _, node in _definitions(source(file)))
    return {node.name for node in found if isinstance(node, ast.ClassDef)}


def _definitions(text: str) -> Iterator[tuple[str, ast.stmt]]:
    """What a file says, each under the heading above it; none is empty."""
    headings = [(text.count("\n", 0, m.start()), m[1]) for m in HEADING.finditer(text)]
    for node in ast.parse(text).body:
        above = [words for line, words in headings if line < node.lineno]
        yield (above[-1] if above else ""), node


def _part(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef):
        return _message(node)
    if alias := _alias(node):
        name, value = alias
        return f"`{name}` is {code(value)}."
    return ""


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
