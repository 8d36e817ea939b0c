"""The lines of earlier shells: a file that only its owner reads, without secrets."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MOST_LINES = 1000


def default_path() -> Path:
    """Source: the XDG base directory specification, `$XDG_STATE_HOME`."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ordo" / "shell_history"


class History:
    """Lines, oldest first. Where the file cannot be used, the shell goes on without.

    Args:
        path: of the file; made with mode 0600, and set to it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[str]:
        """The newest lines there are."""
        try:
            text = self._path.read_text(errors="replace")
        except OSError:
            return []
        return text.splitlines()[-MOST_LINES:]

    def add(self, line: str) -> None:
        """Keep a line."""
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
            with os.fdopen(os.open(self._path, flags, 0o600), "a") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(f"{line}\n")

    def trim(self) -> None:
        """Forget the oldest lines, where there are twice as many as are kept."""
        with suppress(OSError):
            text = self._path.read_text(errors="replace")
            if text.count("\n") > 2 * MOST_LINES:
                kept = self.lines()
                self._path.unlink()
                for line in kept:
                    self.add(line)
