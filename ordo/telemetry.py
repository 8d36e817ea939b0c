"""Anonymous counts: what is in them, where they go, when they went last.

Nothing in them tells who or where: no name, no id, no address, no symbol, no amount.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sized
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from actors.clockwork import Clockwork
from actors.records import Records
from actors.telemetry import Telemetry
from adapters import SentUnknown, Store
from adapters.http import BrokerHttp
from ordo.config import Settings
from ordo.files import replace
from ordo.version import __version__

A_DAY = timedelta(days=1)
FILE = "telemetry.sent"
"""In the data directory: the day on which counts were told last."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is ever told.

    `brokers` counts them by adapter. `orders` is the magnitude of how many were sent in
    the last 24 hours: 0, 1-9, 10-99, and so on.
    """

    ordo: str
    python: str
    store: str
    brokers: dict[str, int]
    orders: str


class Sender:
    """Posts counts to an address.

    Args:
        url: `https://…`.
    """

    def __init__(self, url: str) -> None:
        self._http = BrokerHttp(max_connections=1)
        self._endpoint = self._http.endpoint("POST", url)

    async def send(self, content: bytes) -> None:
        """Post it; has no time-out but the caller's.

        Raises:
            NotSent, SentUnknown: it was not taken.
        """
        headers = ((b"Content-Type", b"application/json"), (b"Connection", b"close"))
        reply = await self._http.send(
            self._endpoint, headers=headers, body=content, max_bytes=65536
        )
        if not 200 <= reply.status < 300:
            raise SentUnknown(f"HTTP {reply.status}", reply.status)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._http.aclose()


class LastTold:
    """Keeps the day in a file.

    Args:
        data: the data directory.
    """

    def __init__(self, data: Path) -> None:
        self._file = data / FILE

    def day(self) -> date | None:
        """When counts were told last; None where the file does not say."""
        try:
            return date.fromisoformat(self._file.read_text("ascii").strip())
        except (OSError, ValueError):
            return None

    def keep(self, day: date) -> None:
        """Remember the day."""
        replace(self._file, f"{day}\n".encode(), mode=0o600)


def counts(
    store: str,
    brokers: Mapping[str, str],
    now: datetime,
    sent: Callable[[str, datetime], Sized],
) -> bytes:
    """What would be told now: all of it, to the byte.

    Args:
        store: `store` in `[data]`; only its kind is told, never a host or a name.
        brokers: their adapters, by name.
        sent: the orders that a broker was sent since a moment.
    """
    since = now - A_DAY
    told = Counts(
        ordo=__version__,
        python="{}.{}".format(*sys.version_info),
        store=store.partition(":")[0],
        brokers=dict(sorted(Counter(brokers.values()).items())),
        orders=magnitude(sum(len(sent(name, since)) for name in brokers)),
    )
    return msgspec.json.encode(told)


def magnitude(number: int) -> str:
    """0, or the power of ten that it lies in: 37 is `10-99`."""
    if number <= 0:
        return "0"
    digits = len(str(number))
    return f"{10 ** (digits - 1)}-{10**digits - 1}"


def telemetry_of(
    settings: Settings, records: Records, sender: Sender | None, clockwork: Clockwork
) -> Telemetry | None:
    """Who tells counts; None, as by default, where nobody may."""
    if sender is None:
        return None

    brokers = {name: table.adapter for name, table in settings.brokers.items()}

    def told(store: Store) -> bytes:
        return counts(settings.data.store, brokers, clockwork.wall(), store.sent_since)

    async def make() -> bytes:
        return await records.read(told)

    last = LastTold(settings.data.path)
    return Telemetry(make, sender.send, last, clockwork.wall, clockwork.rng)


def sender_of(settings: Settings) -> Sender | None:
    """Where counts go; None unless it is switched on and somebody said where to."""
    told = settings.telemetry
    return Sender(told.url) if told.enabled and told.url else None
