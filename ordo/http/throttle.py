"""How often a thing may fail before whoever tries is told to wait."""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address
from typing import Any

MOST_KEYS = 4096
"""Addresses remembered; the one not heard of for longest is forgotten first."""


class Throttle:
    """Counts tries by key, over a rolling window.

    One look-up a try, whoever tries and however often; memory has a bound.

    Args:
        most: tries in a window.
        seconds: its length.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until *key* may try again; 0 where it may now. Counts nothing."""
        tries = self._tries.get(key)
        if tries is None or len(tries) < self._most:
            return 0.0
        return max(0.0, tries[0] + self._seconds - now)

    def take(self, key: str, now: float) -> float:
        """Count a try, and return 0; or the seconds to wait, and it counts for nothing.

        Args:
            key: who tries, or what.
            now: Trio clock, seconds.
        """
        if (left := self.wait(key, now)) > 0:
            return left
        tries = self._tries.setdefault(key, deque(maxlen=self._most))
        tries.append(now)
        self._tries.move_to_end(key)
        if len(self._tries) > MOST_KEYS:
            self._tries.popitem(last=False)
        return 0.0


class Throttles:
    """What is counted at the edge, since the server started.

    Attributes:
        tokens: wrong tokens, by address. A good one is never made to wait: it would
            shut a trader out who shares an address with whoever guesses.
        callbacks: redirects from brokers' pages, by address: no token guards these.
        logins, codes: log-ins begun and answered, by broker.
    """

    def __init__(self) -> None:
        self.tokens = Throttle(10, 60.0)
        self.callbacks = Throttle(20, 60.0)
        self.logins = Throttle(5, 60.0)
        self.codes = Throttle(5, 60.0)


def address_of(client: Any) -> str:
    """Whose tries these are, of ASGI's `client`.

    An IPv6 network of 64 bits is one: whoever has an address there has all of them.
    """
    host = str(client[0]) if client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return host
