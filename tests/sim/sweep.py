"""`python -m tests.sim.sweep`: crash at every step of a scenario, one after the other.

Every await and every commit is a step. For each the scenario runs afresh, dies there,
comes back on the bytes that were committed, is asked again, and must have kept all
invariants: one order at each broker, each row as its broker has it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec

from adapters import Order
from tests.sim.plan import BatchPlan, BrokerPlan, HaltPlan, Plan
from tests.sim.run import Result, play

BEGIN, END = 1.9, 9.0
"""Virtual seconds between which a scenario acts, and a crash may fall."""


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


SCENARIOS = (place, three_legs, cancel, modify, kill)
LOST = frozenset({"lost_answer"})


def points(make: Callable[[], Plan], *, lost: bool) -> tuple[int, int]:
    """The first and the last step at which a scenario can be cut off."""
    first, last = play(_with(make(), None, lost)).marks
    return first, last


def crash_at(make: Callable[[], Plan], lost: bool, step: int) -> Result:
    """The scenario, cut off at a step."""
    return play(_with(make(), step, lost))


def _with(plan: Plan, step: int | None, lost: bool) -> Plan:
    plan.crashes = [] if step is None else [step]
    if lost:
        plan.only = LOST
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
        for make in SCENARIOS:
            for lost in (False, True):
                first, last = points(make, lost=lost)
                steps = range(first, last + 1, options.stride)
                run = partial(crash_at, make, lost)
                results = pool.map(run, steps, 16)
                bad = [
                    (step, result)
                    for step, result in zip(steps, results, strict=True)
                    if result.breaks or not result.crashes
                ]
                name = f"{make.__name__}{', answer lost' if lost else ''}"
                print(
                    f"{name:<24}{len(steps):>5} points  {len(bad)} broken", flush=True
                )
                for step, result in bad[:5]:
                    print(f"  step {step}: {result.breaks or 'no crash'}")
                broken += len(bad)
    print(f"{'in all':<24}{broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
