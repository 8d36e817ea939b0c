"""Children for a supervisor under test, which write down what happens to them."""

import random

import trio

from actors.supervisor import Backoff, Child, Strategy, Supervisor

STEADY = Backoff(minimum=1, maximum=8, jitter=0, quiet=60)  # 1, 2, 4, 8, 8 s


class Bug(Exception):
    """What a crashing child raises."""


class Diary(list):
    """Lines of (Trio clock in seconds, text)."""

    def write(self, text):
        self.append((trio.current_time(), text))


class Actor:
    """A child that starts, crashes, ends and lingers as it was told, in seconds.

    *lives* tells how each incarnation goes in turn: a number of seconds after which
    it crashes, or None to run until cancelled, as do those past the last.
    """

    def __init__(self, name, diary, *, lives=(), ready_after=0, lingers=0, ends=False):
        self.name = name
        self._diary = diary
        self._lives = iter(lives)
        self._ready_after = ready_after
        self._lingers = lingers
        self._ends = ends

    async def run(self, *, task_status):
        self._diary.write(f"{self.name} starts")
        try:
            await trio.sleep(self._ready_after)
            task_status.started()
            await self._live(next(self._lives, None))
        finally:
            with trio.move_on_after(self._lingers, shield=True):
                await trio.sleep_forever()
            self._diary.write(f"{self.name} ends")

    async def _live(self, seconds):
        if seconds is None:
            await trio.sleep_forever()
        await trio.sleep(seconds)
        if not self._ends:
            raise Bug(self.name)


def child(name, diary, *, lives=(), ready_after=0, lingers=0, ends=False, **settings):
    """An `Actor` as a `Child`, with a steady backoff."""
    actor = Actor(
        name, diary, lives=lives, ready_after=ready_after, lingers=lingers, ends=ends
    )
    return Child(name, actor.run, **({"backoff": STEADY} | settings))


def make_supervisor(
    *children,
    strategy=Strategy.ONE_FOR_ONE,
    intensity=5,
    period=60,
    name="root",
    on_event=None,
):
    """Return a supervisor and the list its events go to."""
    events = []
    supervisor = Supervisor(
        name,
        children,
        strategy=strategy,
        intensity=intensity,
        period=period,
        rng=random.Random(1),
        on_event=on_event or events.append,
    )
    return supervisor, events


async def run_for(seconds, supervisor):
    """Start *supervisor*, let it run, and see it stopped in good order."""
    async with trio.open_nursery() as tree:
        await tree.start(supervisor.run)
        await trio.sleep(seconds)
        supervisor.stop()


def told(events):
    """Events without their exceptions, short enough to compare."""
    return [(type(event).__name__, event.name) for event in events]
