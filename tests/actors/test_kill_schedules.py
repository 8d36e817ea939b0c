"""The kill-switch against senders in random schedules: after its answer none leaves."""

import random

import pytest
import trio

from adapters.brokers.paper import Fault
from tests.support.closing import Floor, a_paper, intraday
from tests.support.gateway import make_system, running
from tests.support.memory_store import MemoryStore
from tests.support.stage import Watched

SEEDS = 200
LASTS = 0.8
"""Virtual seconds that clients send for."""


class Story:
    """What happened, in order: ("left", mark of the order), ("halted",), ("asked",)."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.store = MemoryStore()
        self.told = []
        names = ("one", "two")[: self.rng.choice((1, 2))]
        self.papers = {name: a_paper(seed=seed) for name in names}
        self.ports = {
            name: Watched(paper, self._left) for name, paper in self.papers.items()
        }

    def _left(self, tag):
        self.told.append(("left", self.store.order(tag).closes_for))

    async def play(self):
        system = make_system(dict(self.ports), self.store)
        async with running(system):
            await trio.sleep(2)
            self.floor = Floor(system, self.papers, self.store)
            async with trio.open_nursery() as actors:
                for _ in range(self.rng.randint(1, 6)):
                    actors.start_soon(self._client, random.Random(self.rng.random()))
                actors.start_soon(self._trader)

    async def _client(self, rng):
        end = trio.current_time() + LASTS
        while trio.current_time() < end:
            await trio.sleep(rng.choice((0, 0.001, rng.random() / 4)))
            for paper in self.papers.values():
                if rng.random() < 0.3:
                    fault = Fault.slow_connect(rng.choice((0, 0.001, rng.random() / 2)))
                    paper.script.on("place", fault)
            await self.floor.place(
                intraday(quantity=rng.randint(1, 50)), brokers=tuple(self.papers)
            )

    async def _trader(self):
        for _ in range(self.rng.randint(1, 3)):
            await trio.sleep(self.rng.random() * LASTS / 2)
            closes = self.rng.random() < 0.3
            report = await self.floor.halt(close_positions=closes)
            self.told.append(("halted", report.switch.version))
            await trio.sleep(self.rng.random() / 2)
            self.told.append(("asked", None))
            await self.floor.release()

    def wrong(self):
        """What left while it must not."""
        halt, found = None, []
        for what, number in self.told:
            if what == "left":
                if halt is not None and number != halt:
                    found.append((number, halt))
            else:
                halt = number if what == "halted" else None
        return found


@pytest.mark.parametrize("part", range(10))
async def test_after_the_answer_nothing_leaves_but_what_closes_for_it(
    autojump_clock, part
):
    left = 0
    for seed in range(part, SEEDS, 10):
        story = Story(seed)
        await story.play()
        assert story.wrong() == [], f"seed {seed}"
        left += sum(what == "left" for what, _ in story.told)
    assert left > 100
