"""Times as the store writes them, and a clock that is never set back."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(time: datetime) -> str:
    """An aware time as RFC 3339 UTC with microseconds; these texts sort as times do."""
    if time.tzinfo is not UTC:
        if time.tzinfo is None:
            raise ValueError(f"a time must be aware, was {time!r}")
        time = time.astimezone(UTC)
    return f"{time.isoformat(timespec='microseconds')[:26]}Z"


def stamp_or_none(time: datetime | None) -> str | None:
    """As `stamp`, where there is a time."""
    return None if time is None else stamp(time)


def time_of(text: str) -> datetime:
    """The time of a stamp."""
    return datetime.fromisoformat(text)


def time_or_none(text: str | None) -> datetime | None:
    """As `time_of`, where there is a stamp."""
    return None if text is None else datetime.fromisoformat(text)
