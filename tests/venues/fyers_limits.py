"""FYERS rate limits and the ban (dossier section 5), over rolling windows."""

from collections import deque

import msgspec

DAY = 86_400
IST_SHIFT = 19_800


class Limits(msgspec.Struct):
    """Counts what is let through; what is refused costs nothing but a breach.

    Args:
        orders_per_second: Places, modifications and cancels together.
        breaches_allowed: Breaches of the minute limit a day; one more bans.
    """

    per_second: int = 10
    orders_per_second: int = 10
    per_minute: int = 200
    per_day: int = 100_000
    breaches_allowed: int = 3
    breaches: int = 0
    banned: bool = False
    _day: int = 0
    _today: int = 0
    _last_breach: float = float("-inf")
    _all: deque[float] = msgspec.field(default_factory=deque)
    _orders: deque[float] = msgspec.field(default_factory=deque)

    def take(self, now: float, orders: int = 0) -> float:
        """Let one request with *orders* order operations through, or say how long not.

        Args:
            now: Wall clock, epoch seconds.

        Returns:
            0.0 when let through, else seconds until it would be.
        """
        self._turn(now)
        if len(self._all) >= self.per_minute and not self.banned:
            self._breach(now)
            if not self.banned:
                return self._all[-self.per_minute] + 60 - now
        if self.banned or self._today >= self.per_day:
            return (self._day + 1) * DAY - IST_SHIFT - now
        wait = 0.0
        if len(self._all) >= self.per_second:
            wait = self._all[-self.per_second] + 1 - now
        if orders and len(self._orders) + orders > self.orders_per_second:
            # So many of the oldest must have left the window first.
            over = len(self._orders) + orders - self.orders_per_second
            oldest = self._orders[over - 1] if over <= len(self._orders) else now
            wait = max(wait, oldest + 1 - now)
        if wait > 0:
            return wait
        self._today += 1
        self._all.append(now)
        self._orders.extend([now] * orders)
        return 0.0

    def _turn(self, now: float) -> None:
        while self._all and self._all[0] <= now - 60:
            self._all.popleft()
        while self._orders and self._orders[0] <= now - 1:
            self._orders.popleft()
        day = int((now + IST_SHIFT) // DAY)
        if day != self._day:
            self._day, self._today, self.breaches, self.banned = day, 0, 0, False

    def _breach(self, now: float) -> None:
        # Requests refused within one minute are one breach, not many.
        if now - self._last_breach >= 60:
            self._last_breach = now
            self.breaches += 1
            self.banned = self.breaches > self.breaches_allowed
