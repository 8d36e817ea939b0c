"""The documents' fenced blocks: their languages, and whether a test runs them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.site.hooks import PAGES
from tests.support.processes import ROOT

FENCE = re.compile(
    r"(?:^ *<!-- not run: (?P<reason>[^\n]+) -->\n)?"
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block. `reason`: why no test runs it; empty where one has to."""

    document: str
    language: str
    text: str
    reason: str


def documents() -> list[str]:
    """Every document that people read, from the root; the made reference is none."""
    pages = [path for path in (ROOT / "docs").rglob("*.md") if _is_written(path)]
    names = [name for name in PAGES if (ROOT / name).exists()]
    return [*names, *sorted(page.relative_to(ROOT).as_posix() for page in pages)]


def fenced(document: str) -> Iterator[Block]:
    """The blocks of a document, in order."""
    for found in FENCE.finditer((ROOT / document).read_text("utf-8")):
        text = textwrap.dedent(found["text"])
        yield Block(document, found["language"], text, found["reason"] or "")


def blocks(document: str, language: str) -> list[str]:
    """The texts of one language that are to be run, in order."""
    return [
        block.text
        for block in fenced(document)
        if block.language == language and not block.reason
    ]


def _is_written(path: Path) -> bool:
    return path.parent != ROOT / "docs" / "reference"
