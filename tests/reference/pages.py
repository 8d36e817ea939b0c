"""Which pages there are, and what makes each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.reference import cli, errors, events, http, messages, metrics, settings

PLACE = Path(__file__).parents[2] / "docs" / "reference"
MADE: dict[str, Callable[[], str]] = {
    "cli.md": cli.page,
    "errors.md": errors.page,
    "events.md": events.page,
    "http.md": http.page,
    "messages.md": messages.page,
    "metrics.md": metrics.page,
    "settings.md": settings.page,
}
NOTE = "<!-- Made out of the code: change it there, then `make reference`. -->\n"


def pages() -> dict[str, str]:
    """The text of every page by its file's name."""
    return {name: _with_note(make()) for name, make in MADE.items()}


def _with_note(text: str) -> str:
    """The page with a word for whoever wants to edit it, below its title."""
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{NOTE}{rest.rstrip()}\n"
