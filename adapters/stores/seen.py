"""Wall time that is never set back: what expired stays so, and nothing else does."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from adapters.stores.times import stamp, time_of

STEP = timedelta(minutes=1)
"""How far the stored copy may lag: keys live for days, so this costs them nothing."""
_NAME = "seen"


class SeenClock:
    """The latest wall time ever seen, also by earlier runs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        found = connection.execute(
            "SELECT value FROM meta WHERE name = ?", (_NAME,)
        ).fetchone()
        self._seen = time_of(found[0]) if found else datetime.min.replace(tzinfo=UTC)
        self._stored = self._seen

    def see(self, now: datetime) -> datetime:
        """Take note of a time; gives the latest seen."""
        self._seen = max(self._seen, now)
        return self._seen

    def store(self, cursor: sqlite3.Cursor, *, at_once: bool = False) -> None:
        """Keep it for the next run, in a transaction that is under way anyway."""
        ahead = self._seen - self._stored
        if ahead >= STEP or (at_once and ahead):
            cursor.execute(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
                (_NAME, stamp(self._seen)),
            )
            self._stored = self._seen
