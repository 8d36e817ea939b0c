"""Whatever is sent by hand, no actor crashes of it: each trusts what it is sent."""

import random

import msgspec
import trio
from msgspec import inspect

from actors.census import census
from actors.supervisor import ChildState
from adapters import StoreFailed
from ordo.console.delivery import Wanted, deliver
from ordo.console.registry import ENTRIES
from ordo.console.shapes import item_of, plain, shape_of, values_of
from ordo.http.errors import ApiError
from tests.ordo.console.asking import Asker
from tests.support.gateway import make_paper, make_system, running

ROUNDS = 60
"""For each message."""
TEXTS = ("one", "two", "nobody", "", "NSE:SBIN", "US:AAPL", "nope", "0" * 16, "\u2603")
NUMBERS = (0, 1, -1, 10, 0.5, 1e300, 10**30, 700, "12", None)


def anything(rng, kind):
    """A value that a field may be given, mostly of its kind."""
    kind = plain(kind)
    if rng.random() < 0.05:
        return rng.choice([None, True, [], {}, "x", 7])
    if isinstance(kind, inspect.StructType):
        fields = [f for f in kind.fields if f.required or rng.random() < 0.6]
        return {field.encode_name: anything(rng, field.type) for field in fields}
    if (item := item_of(kind)) is not None:
        return [anything(rng, item) for _ in range(rng.choice([0, 1, 1, 2]))]
    if few := list(values_of(kind)):
        return rng.choice(few)
    if isinstance(kind, inspect.DictType):
        return {rng.choice(TEXTS): rng.choice(TEXTS)}
    if isinstance(kind, inspect.DecimalType | inspect.IntType | inspect.FloatType):
        return rng.choice(NUMBERS)
    return rng.choice(TEXTS)


async def test_no_message_by_hand_crashes_an_actor(autojump_clock):
    rng = random.Random(7)
    system = make_system({"one": make_paper(), "two": make_paper()})
    ends = []
    async with running(system):
        await trio.sleep(2)
        ask = Asker(system)
        for entry in ENTRIES:
            to = "broker:one" if entry.taker == "broker" else entry.taker
            for _ in range(ROUNDS):
                shape = shape_of(entry.form)
                fields = {
                    field.encode_name: anything(rng, field.type)
                    for field in shape.fields
                    if field.required or rng.random() < 0.6
                }
                wanted = Wanted("ask", to, entry.name, (), fields, None, True)
                try:
                    reply = await deliver(ask.call, wanted)
                    msgspec.json.encode(reply.reply)
                    ends.append("answered")
                except (ApiError, StoreFailed):
                    ends.append("refused")
            rows = [row.status for row in census(system.root)]
            assert {row.state for row in rows} == {ChildState.RUNNING}, entry.name
            assert sum(row.restarts for row in rows) == 0, entry.name
    assert ends.count("answered") > len(ENTRIES) * ROUNDS / 5
