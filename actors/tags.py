"""The client tag of an order: its id where the broker takes that, else a number."""

import random

from actors.clockwork import Wall
from adapters import TagRule

CHANCE = 100
"""Numbers a millisecond: two Ordos on one account rarely meet."""


class Tags:
    """Makes the client tags of one broker, none of them twice.

    A made tag counts milliseconds, so it grows, and starts with no zero of a decimal
    alphabet before the year 2286.

    Args:
        rule: what the broker takes; None: it shows no tags, and the id does.

    Raises:
        ValueError: the rule has no room for a number that grows with time.
    """

    def __init__(self, rule: TagRule | None, wall: Wall, rng: random.Random) -> None:
        self._rule = rule
        self._wall = wall
        self._rng = rng
        self._last = 0
        if rule is not None and len(rule.alphabet) ** rule.max_length < 10**15:
            raise ValueError(
                f"a tag of {rule.max_length} out of {len(rule.alphabet)} characters"
                " has no room for an order's number"
            )

    def tag(self, order_id: str) -> str:
        """The tag of the order *order_id*."""
        rule = self._rule
        if rule is None or (
            len(order_id) <= rule.max_length and set(order_id) <= set(rule.alphabet)
        ):
            return order_id
        return _written(self._next(), rule.alphabet)

    def _next(self) -> int:
        millis = int(self._wall().timestamp() * 1000)
        number = millis * CHANCE + self._rng.randrange(CHANCE)
        self._last = max(number, self._last + 1)
        return self._last


def _written(number: int, alphabet: str) -> str:
    digits = []
    while number:
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
