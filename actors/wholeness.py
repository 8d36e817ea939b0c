"""Whether a book can be whole: within a day none loses an order that it has shown."""

from collections.abc import Collection

REMEMBERED = 600.0
"""Seconds for which a row is expected to stay. Some brokers may clear out orders that
have ended: after that time their books count as whole again."""


class Wholeness:
    """Remembers what one broker's books have shown. Pure; *now* is Trio's clock."""

    def __init__(self) -> None:
        self._shown: dict[str, float] = {}

    def lost(self, numbers: Collection[str], now: float) -> set[str]:
        """What a book read *now* should show as well, and does not."""
        recent = {
            number: at for number, at in self._shown.items() if now - at < REMEMBERED
        }
        self._shown = recent | dict.fromkeys(numbers, now)
        return recent.keys() - set(numbers)
