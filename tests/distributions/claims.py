"""What a release says of itself, in all the places where it says it."""

from __future__ import annotations

import re
import runpy

from ordo.version import __version__
from tests.support.processes import ROOT

CLIENT = ROOT / "sdk" / "src" / "ordo_client" / "version.py"
HEADING = re.compile(r"^## \[(?P<name>[^]]+)\](?: - (?P<day>\d{4}-\d\d-\d\d))?$", re.M)


def sections() -> dict[str, str | None]:
    """The versions of the changelog, newest first, each with its day."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    return {found["name"]: found["day"] for found in HEADING.finditer(text)}


def unlike() -> list[str]:
    """Where the repository disagrees with itself, whether or not it is released."""
    wrong = []
    client_version = runpy.run_path(str(CLIENT))["__version__"]
    if client_version != __version__:
        wrong.append(f"ordo-client is {client_version}, ordo-gateway {__version__}")
    if next(iter(sections()), None) not in ("Unreleased", __version__):
        wrong.append(
            f"CHANGELOG.md: wanted [Unreleased] or [{__version__}] first,"
            f" found {next(iter(sections()), 'none')}"
        )
    return wrong


def unready(tag: str) -> list[str]:
    """What keeps *tag*, such as v0.1.0, from being released; empty: nothing."""
    wrong = unlike()
    if tag != f"v{__version__}":
        wrong.append(f"wanted the tag v{__version__} of ordo/version.py, found {tag}")
    if sections().get(__version__) is None:
        wrong.append(
            f"CHANGELOG.md: wanted ## [{__version__}] - YEAR-MM-DD, found none"
        )
    return wrong
