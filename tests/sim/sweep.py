"""`python -m tests.sim.sweep`: crash at every step of a scenario, one after the other.

Every await and every commit is a step. For each the scenario runs afresh, dies there,
comes back on the bytes that were committed, is asked again, and must have kept all
invariants: one order at each broker, each row as its broker has it. The same once more
with the broker's answers lost, and with one actor crashing there instead of all.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Literal

import msgspec

from adapters import Order
from tests.sim.plan import BatchPlan, BrokerPlan, HaltPlan, Plan
from tests.sim.run import Result, play

BEGIN, END = 1.9, 9.0
"""Virtual seconds between which a scenario acts, and a crash may fall."""
ON_THE_WIRE = 2.01
"""When its order has left and is not answered."""


def _order(price: int = 700) -> Order:
    fields = {
        "symbol": "NSE:SBIN",
        "side": "BUY",
        "quantity": 10,
        "type": "LIMIT",
        "price": price,
        "product": "INTRADAY",
    }
    return msgspec.convert(fields, Order)


def _plan(*brokers: str) -> Plan:
    batch = BatchPlan(
        at=2.0,
        key="key-0",
        orders=[(_order(), list(brokers))],
        deadline_ms=5000,
        patient=True,
        again=[],
        other_body=False,
        cancels=[],
        changes=[],
    )
    plan = Plan(seed=1, lasts=20.0, marks=(BEGIN, END), restart_after=0.5)
    plan.brokers = {name: BrokerPlan(0.0, []) for name in brokers}
    plan.batches = [batch]
    return plan


def place() -> Plan:
    """One order to one broker."""
    return _plan("alpha")


def three_legs() -> Plan:
    """One order to three brokers."""
    return _plan("alpha", "beta", "gamma")


def cancel() -> Plan:
    """An order, and its cancel."""
    plan = _plan("alpha")
    plan.batches[0].cancels = [(4.0, 0)]
    return plan


def modify() -> Plan:
    """An order, and a change of its price."""
    plan = _plan("alpha")
    plan.batches[0].changes = [(4.0, 0, 705)]
    return plan


def kill() -> Plan:
    """Two orders, and the kill-switch with all cancelled."""
    plan = _plan("alpha", "beta")
    late = replace(plan.batches[0], at=4.001, key="key-1")
    plan.batches.append(late)
    plan.halts = [HaltPlan(4.0, 3.0, cancel_open=True)]
    return plan


def restart() -> Plan:
    """An order on the wire, a crash, and the start after it: which is cut off too."""
    plan = _plan("alpha")
    plan.marks = (BEGIN, ON_THE_WIRE, END)  # `_with` has it die at the second
    return plan


SCENARIOS = (place, three_legs, cancel, modify, kill, restart)
Variant = Literal["answered", "lost", "bug"]
"""How it goes: the broker answers; its answers are lost; it answers, and one actor
crashes instead of the process: the first whose code goes on after the step, if any."""
VARIANTS: tuple[Variant, ...] = ("answered", "lost", "bug")


def points(make: Callable[[], Plan], variant: Variant) -> tuple[int, int]:
    """The first and the last step at which a scenario can be cut off."""
    marks = play(_with(make(), None, variant)).marks
    return marks[0], marks[-1]


def crash_at(make: Callable[[], Plan], variant: Variant, step: int) -> Result:
    """The scenario, cut off at a step."""
    return play(_with(make(), step, variant))


def _with(plan: Plan, step: int | None, variant: Variant) -> Plan:
    if plan.marks == (BEGIN, ON_THE_WIRE, END):
        plan.crashes.append(_on_the_wire(variant))
    if step is not None:
        (plan.bugs if variant == "bug" else plan.crashes).append(step)
    return _going(plan, variant)


@cache
def _on_the_wire(variant: Variant) -> int:
    """The step at which an order has left and is not answered."""
    return play(_going(restart(), variant)).marks[1]


def _going(plan: Plan, variant: Variant) -> Plan:
    if variant == "lost":
        plan.only = frozenset({"lost_answer"})
        for broker in plan.brokers.values():
            broker.share = 1.0
    return plan


def main() -> int:
    """Sweep all scenarios; 0 where nothing broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.sweep")
    parser.add_argument("--stride", type=int, default=1, help="every so many steps")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    broken = 0
    with multiprocessing.Pool(options.jobs) as pool:
        for make, variant in itertools.product(SCENARIOS, VARIANTS):
            first, last = points(make, variant)
            steps = range(first, last + 1, options.stride)
            results = pool.map(partial(crash_at, make, variant), steps, 16)
            broken += _tell(
                make.__name__, variant, dict(zip(steps, results, strict=True))
            )
    print(f"{'in all':<24}{broken} broken")
    return 1 if broken else 0


def _tell(name: str, variant: Variant, results: dict[int, Result]) -> int:
    """A line for a scenario, and one for each of its first breaks; how many."""
    bad = {
        step: result.breaks or "nothing crashed"
        for step, result in results.items()
        if result.breaks or not (result.crashes or variant == "bug")
    }
    there = Counter(result.booked for result in results.values())
    orders = ", ".join(f"{each} in {there[each]}" for each in sorted(there))
    title = f"{name}, {variant}"
    print(
        f"{title:<24}{len(results):>5} points {len(bad):>4} broken"
        f"   orders at brokers: {orders}",
        flush=True,
    )
    for step, what in tuple(bad.items())[:5]:
        print(f"  step {step}: {what}")
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
