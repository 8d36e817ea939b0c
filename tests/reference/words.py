"""What the pages share: tables, and docstrings as running text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def cell(text: str) -> str:
    """*text* as it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """*text* as code; nothing where there is none."""
    return f"`{text}`" if text else ""


def prose(doc: str | None) -> str:
    """A docstring without its `Args:` and the like, its paragraphs kept."""
    text = inspect.cleandoc(doc or "")
    text = re.split(r"^(?:Args|Returns|Raises|Attributes):$", text, flags=re.M)[0]
    parts = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(part.split()) for part in parts)


def arguments(doc: str | None) -> dict[str, str]:
    """What a docstring's `Args:` say, by name."""
    text = inspect.cleandoc(doc or "")
    _, _, rest = text.partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        if begun := re.match(r" {4}(\w+): (.*)", line):
            name, words = begun.groups()
            found[name] = words
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
