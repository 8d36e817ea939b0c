"""mkdocs hooks: documents from outside `docs/`, and a `nav` that may name patterns.

Links are written for people who read the files where they are, such as `../README.md`.
Here they are turned to where the site has those files.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

PAGES = {
    "README.md": "index.md",
    "sdk/README.md": "sdk.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Documents outside `docs/`, and the pages that they are of the site."""

FILES = "files"
"""Where the site has other files that documents link to."""

LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages for the patterns of `nav`, and leave out what may be missing and is."""
    root = Path(config.config_file_path).parent
    there = pages(root)
    named = {name.rstrip("?") for name in _names(config.nav) if "*" not in name}
    config.nav = _resolved(config.nav, there, sorted(set(there) - named))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what stands outside `docs/`: pages, and files that some page links to."""
    root = Path(config.config_file_path).parent
    sources = [source for source in PAGES if (root / source).exists()]
    for source in [*sources, *_linked(root)]:
        file = File.generated(config, in_site(source), abs_src_path=root / source)
        files.append(file)
    return files


def on_page_markdown(
    markdown: str, *, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Let links lead to where the site has what they name."""
    here = source_of(page.file.src_uri)

    def turned(link: re.Match[str]) -> str:
        target = link[2]
        if ":" in target:
            return link[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        found = posixpath.relpath(
            in_site(wanted), posixpath.dirname(page.file.src_uri) or "."
        )
        return f"{link[1]}{found}{link[3] or ''}{link[4]}"

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(turned, part) for part in parts[::2]]
    return "".join(parts)


def pages(root: Path) -> list[str]:
    """Every page of the site, as `nav` names it."""
    inside = [
        path.relative_to(root / "docs").as_posix()
        for path in (root / "docs").rglob("*.md")
    ]
    outside = [target for source, target in PAGES.items() if (root / source).exists()]
    return sorted(inside + outside)


def source_of(page: str) -> str:
    """The file that a page is made of, from the root of the repository."""
    for source, target in PAGES.items():
        if target == page:
            return source
    return f"docs/{page}"


def in_site(source: str) -> str:
    """Where the site has a file of the repository."""
    if source.startswith("docs/"):
        return source.removeprefix("docs/")
    return PAGES.get(source) or f"{FILES}/{source}{'.txt' * source.endswith('.md')}"


def _linked(root: Path) -> list[str]:
    """Files outside `docs/` that pages link to, without those that are pages."""
    found: set[str] = set()
    for source in map(source_of, pages(root)):
        text = "".join(FENCE.split((root / source).read_text("utf-8"))[::2])
        for link in LINK.finditer(text):
            wanted = posixpath.join(posixpath.dirname(source), link[2])
            found.add(posixpath.normpath(wanted))
    return sorted(
        name
        for name in found - PAGES.keys()
        if not name.startswith("docs/") and (root / name).is_file()
    )


def _names(nav: Any) -> Iterator[str]:
    """All that `nav` names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for value in nav.values():
            yield from _names(value)
    else:
        for item in nav:
            yield from _names(item)


def _resolved(nav: Any, there: list[str], rest: list[str]) -> Any:
    """*nav* without patterns; each of *rest* stands where the first one fits it."""
    if isinstance(nav, dict):
        return {key: _resolved(value, there, rest) for key, value in nav.items()}
    if isinstance(nav, str):
        return nav
    found: list[Any] = []
    for item in nav:
        if not isinstance(item, str):
            found.append(_resolved(item, there, rest))
        elif "*" in item:
            fitting = [name for name in rest if _fits(name, item)]
            rest[:] = [name for name in rest if name not in fitting]
            found += fitting
        elif not item.endswith("?") or item[:-1] in there:
            found.append(item.rstrip("?"))
    return found


def _fits(name: str, pattern: str) -> bool:
    """Whether *pattern* is of that name's folder and fits it."""
    return posixpath.dirname(name) == posixpath.dirname(pattern) and fnmatchcase(
        name, pattern
    )
