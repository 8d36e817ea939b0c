"""What goes wrong at the venue meanwhile, at random and from a seed."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import httpx
import trio

from tests.support.plain import PLAIN

SHORTEST, LONGEST = 0.1, 0.5
"""Seconds between two faults."""
MOST = 3
"""Faults that wait at one time: a broker that only fails would get no order at all."""

FAULTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("taken, answer lost", "place", {"kind": "drop_after_accept"}),
    ("taken, reset", "place", {"kind": "reset"}),
    ("taken, cut short", "place", {"kind": "truncated_body"}),
    ("taken, wrong length", "place", {"kind": "wrong_length"}),
    ("taken, a page", "place", {"kind": "html_200"}),
    ("taken, no number", "place", {"kind": "no_ack_201"}),
    ("taken, 500", "place", {"kind": "http_error", "accepted": True}),
    ("taken, answer late", "place", {"kind": "delay_after_accept", "seconds": 0.5}),
    ("taken late", "place", {"kind": "delay_before_accept", "seconds": 0.5}),
    ("taken, late in the book", "place", {"kind": "late_in_book", "seconds": 2}),
    ("taken, filled in part", "place", {"kind": "partial_fill", "quantity": 1}),
    ("not taken, hung up", "place", {"kind": "drop_before_accept"}),
    ("not taken, 500", "place", {"kind": "http_error"}),
    ("not taken, 502 page", "place", {"kind": "http_error", "html": True}),
    ("not taken, 503", "place", {"kind": "http_error", "status": 503}),
    ("not taken, code unknown", "place", {"kind": "error_200"}),
    ("not taken, 429", "place", {"kind": "rate_limited", "seconds": 0.2}),
    ("refused", "place", {"kind": "reject"}),
    ("refused, in the book", "place", {"kind": "reject_with_id"}),
    ("cancel done, answer lost", "cancel", {"kind": "drop_after_accept"}),
    ("cancel not done, 500", "cancel", {"kind": "http_error"}),
    ("cancel late", "cancel", {"kind": "delay_before_accept", "seconds": 0.5}),
    ("book stale", "orders", {"kind": "stale_book", "quantity": 3}),
    ("book 503", "orders", {"kind": "http_error", "status": 503}),
    ("book cut short", "orders", {"kind": "truncated_body"}),
    ("book slow", "orders", {"kind": "delay_before_accept", "seconds": 0.5}),
)
"""A name to print, the endpoint, and the fault (see `tests.venues.faults`)."""


class Weather:
    """Asks the venue for one fault after another. `told` counts them by name."""

    def __init__(self, venue_url: str, rng: random.Random) -> None:
        self._url = venue_url
        self._rng = rng
        self._on = trio.Event()
        self.told: Counter[str] = Counter()

    def turn_on(self) -> None:
        """Somebody is there to meet a fault."""
        self._on.set()

    def turn_off(self) -> None:
        """Nobody calls just now, and faults would only pile up."""
        if self._on.is_set():  # else somebody waits for this one
            self._on = trio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(
            base_url=self._url, trust_env=False, verify=PLAIN
        ) as client:
            while True:
                await trio.sleep(self._rng.uniform(SHORTEST, LONGEST))
                await self._on.wait()
                if len((await client.get("/_venue/faults")).json()) >= MOST:
                    continue
                name, on, fault = self._rng.choice(FAULTS)
                answer = await client.post("/_venue/faults", json={"on": on, **fault})
                answer.raise_for_status()
                self.told[name] += 1

    async def clear(self) -> None:
        """No fault is left waiting."""
        async with httpx.AsyncClient(
            base_url=self._url, trust_env=False, verify=PLAIN
        ) as client:
            (await client.delete("/_venue/faults")).raise_for_status()
