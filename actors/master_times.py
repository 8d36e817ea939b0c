"""When a master is due: every morning before the market opens, by India's clock."""

from datetime import datetime, time, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30))
DUE = time(8, 15)
"""In India. The brokers have the day's masters between seven and eight; the market
opens at nine, with its pre-open session."""
DAY = timedelta(days=1)


def last_due(now: datetime) -> datetime:
    """The latest 08:15 in India that is not after *now*, which is aware."""
    local = now.astimezone(IST)
    due = datetime.combine(local.date(), DUE, IST)
    return due if due <= local else due - DAY


def next_due(now: datetime) -> datetime:
    """The first 08:15 in India after *now*."""
    return last_due(now) + DAY


def is_stale(synced_at: datetime | None, now: datetime) -> bool:
    """Whether a master is missing, or older than the latest 08:15."""
    return synced_at is None or synced_at < last_due(now)


def is_wanted_at_start(synced_at: datetime | None, now: datetime) -> bool:
    """Whether a start fetches one at once: this one is stale, or not of today."""
    if synced_at is None or is_stale(synced_at, now):
        return True
    return synced_at.astimezone(IST).date() != now.astimezone(IST).date()
