"""One Ordo with a venue of its own, ended and started again and again under load."""

from __future__ import annotations

import random
import signal
from collections import Counter, deque
from pathlib import Path

import httpx
import trio

from tests.crash.clients import HEADERS, Clients, Ledger
from tests.crash.halting import Halting
from tests.crash.points import POINTS
from tests.crash.processes import OrdoAt, dying
from tests.crash.weather import Weather
from tests.support.plain import PLAIN
from tests.support.processes import (
    FyersVenue,
    Ordo,
    Process,
    free_port,
    fyers_table,
    write_config,
)

SHORTEST, LONGEST = 0.2, 3.0
"""Seconds of life between ready and a kill at random: some die while they recover."""
PATIENCE = 6.0
"""Seconds after ready in which a named point is reached; else it is a random kill."""
MOST_MISSED = 20
"""Points not reached in time that are tried again at the end, of a whole run."""
LONGEST_RUN = 3600
"""Seconds; on a busy machine 200 kills took eight minutes, and once over ten."""
RANDOM = "at random"


class Lane:
    """Lives one after another on the same data, at the same venue.

    Args:
        updates: whether Ordo listens on the venue's order socket. Without, more orders
            stay unknown for a while: what is lost is not told by itself.

    `killed` counts the kills by point, `missed` the points that were not reached in
    time, `starts` holds the seconds to ready.
    """

    def __init__(
        self, directory: Path, seed: str, clients: int, *, updates: bool
    ) -> None:
        directory.mkdir(parents=True)
        self.rng = random.Random(seed)
        log = directory / "venue.log"
        self.venue = FyersVenue(log, "--funds", "1e12", seconds=LONGEST_RUN)
        port = free_port()
        # A breaker that opens would leave nothing to kill for half a minute. At this
        # pace some orders have their slot at once, and others wait for it, accepted.
        table = fyers_table(
            self.venue.url,
            limits={"per_second": 60},
            breaker={"failures": 10_000},
            order_updates=updates,
        )
        self.config = write_config(directory, {"venue": table}, port=port)
        self.url = f"http://127.0.0.1:{port}"
        self.killed: Counter[str] = Counter()
        self.missed = 0
        self.starts: list[float] = []
        self.ledger = Ledger()
        self.weather = Weather(self.venue.url, self.rng)
        self.clients = Clients(self.url, seed, clients, self.ledger)
        self.halting = Halting(self.url, self.rng, self.ledger)

    def sockets(self) -> int:
        """How many order sockets the venue has opened to Ordo so far."""
        url = f"{self.venue.url}/_venue/socket"
        answer = httpx.post(url, json={}, trust_env=False, verify=PLAIN)
        upgrades: int = answer.raise_for_status().json()["upgrades"]
        return upgrades

    async def run(self, plan: list[str]) -> None:
        """Live as often as *plan* has points; all that asks goes on through it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.weather.run)
            nursery.start_soon(self.clients.run)
            nursery.start_soon(self.halting.run)
            struck, left = RANDOM, deque(plan)
            while left:
                point = left.popleft()
                struck = await self._live(point, struck)
                self.killed[struck] += 1
                if struck != point and self.missed < MOST_MISSED:
                    self.missed += 1
                    left.append(point)
            nursery.cancel_scope.cancel()
        await self.weather.clear()

    async def _live(self, point: str, before: str) -> str:
        """One life; where it really ended."""
        ordo = await trio.to_thread.run_sync(self._start, point)
        try:
            if not ordo.url:
                return point
            if before != RANDOM and POINTS[before].halted:
                await self._check_halted(before)
            needs = "orders" if point == RANDOM else POINTS[point].needs
            self.clients.turn_on(cancels=0.7 if needs == "cancels" else 0.2)
            self.weather.turn_on()
            self.halting.turn_on(eager=needs == "halts")
            return await self._end_of(ordo, point)
        finally:
            self.clients.turn_off()
            self.weather.turn_off()
            self.halting.turn_off()
            ordo.kill()

    async def _end_of(self, ordo: Process, point: str) -> str:
        if point == RANDOM:
            await trio.sleep(self.rng.uniform(SHORTEST, LONGEST))
            return RANDOM
        with trio.move_on_after(PATIENCE):
            while ordo.popen.poll() is None:  # noqa: ASYNC110 - no event tells of it
                await trio.sleep(0.01)
            if ordo.popen.returncode != -signal.SIGKILL:
                raise RuntimeError(f"Ordo ended by itself: {ordo.popen.returncode}")
            return point
        return RANDOM

    def _start(self, point: str) -> Ordo | OrdoAt:
        ordo: Ordo | OrdoAt
        if point == RANDOM:
            ordo = Ordo(self.config)
        else:
            count = self.rng.randint(1, POINTS[point].most)
            ordo = dying(self.config, point, count)
        self.starts.append(ordo.started)
        return ordo

    async def _check_halted(self, before: str) -> None:
        async with httpx.AsyncClient(
            headers=HEADERS, trust_env=False, verify=PLAIN
        ) as client:
            answer = await client.get(f"{self.url}/api/v1/kill-switch")
        if answer.json()["data"]["engaged"] is not True:
            self.ledger.contradictions.append(f"not halted after a kill: {before}")
