"""Time, chance and ids, passed in: nothing in the actors asks the machine for them."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
"""base32hex: sorts as the numbers do, and every broker takes it in a client tag."""
ID_LENGTH = 16
TIME_BITS, CHANCE_BITS = 44, 36

Wall = Callable[[], datetime]
"""Wall time, aware UTC; for stamps only. Lengths are measured on Trio's clock."""


def utc_now() -> datetime:
    """The machine's wall time."""
    return datetime.now(UTC)


class Ids:
    """Makes every id: 16 characters that sort by time, never the same twice.

    44 bits of milliseconds, 36 of chance. Ids of one maker only grow: within one
    millisecond, or under a clock set back, the next number is taken.

    Args:
        wall: for the milliseconds.
        rng: for chance.
        after: an id of an earlier run; the clock may have been set back since.
    """

    def __init__(self, wall: Wall, rng: random.Random, after: str = "0") -> None:
        self._wall = wall
        self._rng = rng
        self._last = int(after, len(ALPHABET))

    def new(self) -> str:
        """A fresh id."""
        millis = int(self._wall().timestamp() * 1000)
        number = (millis << CHANCE_BITS) | self._rng.getrandbits(CHANCE_BITS)
        if number <= self._last:
            number = self._last + 1 + self._rng.getrandbits(8)
        self._last = number
        return encode(number)


def encode(number: int) -> str:
    """*number* as 16 characters of base32hex, the highest first."""
    return "".join(
        ALPHABET[(number >> shift) & 31] for shift in range(5 * (ID_LENGTH - 1), -1, -5)
    )


class Clockwork(NamedTuple):
    """What an actor is given besides its mailboxes."""

    wall: Wall
    ids: Ids
    rng: random.Random
