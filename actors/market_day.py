"""The trading day in India: a broker's book holds one, and tells nothing of others."""

from datetime import date, datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30))


def market_day(at: datetime) -> date:
    """The day that *at*, aware, belongs to."""
    return at.astimezone(IST).date()
