"""The count of a broker's calls on a trading day: its quota survives a restart."""

from datetime import date

import trio

from actors.limiter import DayCount, Limiter
from actors.mailbox import Mailbox
from actors.writer import tell
from adapters import SaveDayCount

SAVE_EVERY = 10.0
"""Seconds; so much of the count a crash can lose."""


async def keep_day_count(broker: str, limiter: Limiter, writer: Mailbox) -> None:
    """Store the count whenever it has changed, and once more at the end."""
    stored = limiter.day_count
    try:
        while True:
            await trio.sleep(SAVE_EVERY)
            stored = _save(broker, limiter.day_count, stored, writer)
    finally:
        _save(broker, limiter.day_count, stored, writer)


def _save(broker: str, count: DayCount, stored: DayCount, writer: Mailbox) -> DayCount:
    if count != stored:
        day = date.fromordinal(count.day).isoformat()
        calls = sum(count.taken.values())
        tell(writer, SaveDayCount(broker=broker, day=day, count=calls))
    return count
