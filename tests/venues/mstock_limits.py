"""m.Stock's published limits (dossier 16.3), over rolling windows."""

from collections import deque

ORDERS = ((1.0, 30), (60.0, 250), (3600.0, 1000))
READS = ((1.0, 20),)


class Limits:
    """Counts what is let through; what is refused costs nothing."""

    def __init__(self) -> None:
        self._orders: deque[float] = deque()
        self._reads: deque[float] = deque()

    def take(self, order: bool, now: float) -> bool:
        """Whether one request may go through at *now*, epoch seconds."""
        log, windows = (self._orders, ORDERS) if order else (self._reads, READS)
        while log and log[0] <= now - windows[-1][0]:
            log.popleft()
        for length, most in windows:
            if sum(at > now - length for at in log) >= most:
                return False
        log.append(now)
        return True
