"""Somebody who turns the kill-switch, and waits for its word through every kill."""

from __future__ import annotations

import random
import time
from typing import Any

import httpx
import trio

from tests.crash.clients import HEADERS, Halt, Ledger
from tests.support.plain import PLAIN

ASK_AGAIN = 0.05
PAUSE, HOLD = (0.8, 4.0), (0.1, 0.6)
"""Seconds between halts, and of a halt, from and to."""


class Halting:
    """Engages, looks, releases, again and again.

    Args:
        url: Ordo's.
        rng: how long, and whether with the orders cancelled.
        ledger: gets each halt, and what contradicts its promise.
    """

    def __init__(self, url: str, rng: random.Random, ledger: Ledger) -> None:
        self._url = url
        self._rng = rng
        self._ledger = ledger
        self._on = trio.Event()
        self._eager = trio.Event()

    def turn_on(self, *, eager: bool) -> None:
        """Ordo is up; *eager*: halt as soon as that."""
        if eager:
            self._eager.set()
        self._on.set()

    def turn_off(self) -> None:
        """Ordo is down."""
        if self._on.is_set():  # else somebody waits for this one
            self._on = trio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(
            base_url=self._url,
            headers=HEADERS,
            timeout=10,
            trust_env=False,
            verify=PLAIN,
        ) as client:
            while True:
                await self._pause()
                await self._halt(client)

    async def _pause(self) -> None:
        with trio.move_on_after(self._rng.uniform(*PAUSE)):
            await self._eager.wait()
        await trio.sleep(ASK_AGAIN)

    async def _halt(self, client: httpx.AsyncClient) -> None:
        cancel = self._rng.random() < 0.2
        engage = {"engaged": True, "reason": "a test", "cancel_open": cancel}
        told = await self._until_told(client, "PUT", engage)
        since, left = time.time(), told["on_the_wire"]
        until = trio.current_time() + self._rng.uniform(*HOLD)
        while trio.current_time() < until:
            if not (await self._until_told(client, "GET"))["engaged"]:
                self._ledger.contradictions.append("released by itself")
            await trio.sleep(ASK_AGAIN)
        self._ledger.halts.append(Halt(since, time.time(), len(left)))
        await self._until_told(client, "PUT", {"engaged": False})
        self._eager = trio.Event()

    async def _until_told(
        self, client: httpx.AsyncClient, method: str, body: Any = None
    ) -> Any:
        while True:
            await self._on.wait()
            try:
                answer = await client.request(method, "/api/v1/kill-switch", json=body)
                if answer.status_code == 200:
                    return answer.json()["data"]
            except httpx.HTTPError:
                pass
            await trio.sleep(ASK_AGAIN)
