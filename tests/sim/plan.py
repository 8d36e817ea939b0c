"""What a seed makes happen: brokers, clients, faults, crashes, when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from adapters import Order, OrderType, Product, Side
from tests.sim.venue import Login

BUSY = 60.0
"""Virtual seconds in which clients act and faults fall."""
SETTLE = 180.0
"""Seconds after which all is settled once faults have stopped. Source: design.md and
reliability.md, section 8."""

UNTAGGED = 0.2
"""Of brokers, so many show no client tags in their books."""


@dataclass
class BrokerPlan:
    """One broker. `share`: of its calls that meet a fault; `life`: seconds that its
    sessions last while faults do."""

    share: float
    outages: list[tuple[float, float]]
    tagged: bool = True
    login: Login = "none"
    life: float = 28_800.0


@dataclass
class BatchPlan:
    """One request, and how its client behaves."""

    at: float
    key: str
    orders: list[tuple[Order, list[str]]]
    deadline_ms: int
    patient: bool
    again: list[float]
    other_body: bool
    cancels: list[tuple[float, int]]
    changes: list[tuple[float, int, int]]


@dataclass
class HaltPlan:
    """The kill-switch, engaged for a while."""

    at: float
    lasts: float
    cancel_open: bool


@dataclass
class Plan:
    """A whole run."""

    seed: int
    mode: Literal["liveness", "safety"] = "liveness"
    brokers: dict[str, BrokerPlan] = field(default_factory=dict)
    batches: list[BatchPlan] = field(default_factory=list)
    halts: list[HaltPlan] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    """Steps of tasks at which the process dies."""
    bugs: list[int] = field(default_factory=list)
    """Steps from which on the next await of an actor raises."""
    disk_failures: list[tuple[float, float]] = field(default_factory=list)
    clock: list[tuple[float, float]] = field(default_factory=list)
    restart_after: float = 0.5
    keep_trace: bool = False
    only: frozenset[str] | None = None
    lasts: float = BUSY
    """Seconds until faults stop, or the run ends."""
    marks: tuple[float, ...] = ()
    """Moments at which the count of steps is noted."""

    @property
    def orders(self) -> int:
        """How many legs there are."""
        return sum(len(on) for batch in self.batches for _, on in batch.orders)


def recoverable(seed: int, orders: int = 20) -> Plan:
    """A run with nothing but failures that provably came before anything was sent."""
    plan = make(seed, orders)
    plan.only = frozenset({"refused_connection", "connect_timeout", "limited"})
    calm(plan)
    for broker in plan.brokers.values():
        broker.share = 0.12
    for batch in plan.batches:
        batch.deadline_ms, batch.cancels, batch.changes = 8000, [], []
    return plan


def calm(plan: Plan) -> None:
    """Nothing goes wrong in it."""
    plan.crashes, plan.bugs, plan.halts = [], [], []
    plan.disk_failures, plan.clock = [], []
    for broker in plan.brokers.values():
        broker.share, broker.outages = 0.0, []
        broker.login = "none"


STEPS_A_RUN = 2_000
"""Within how many task steps crashes fall; a run of 20 orders takes 1,500 to 4,000."""


def make(seed: int, orders: int = 20) -> Plan:
    """The plan of a seed: about *orders* legs."""
    rng = random.Random(f"{seed} plan")
    names = ["alpha", "beta", "gamma", "delta"][: rng.choice([1, 2, 2, 3, 4])]
    plan = Plan(seed=seed, mode="liveness" if seed % 4 else "safety")
    hard = rng.random() < 0.5
    for name in names:
        outages = []
        if rng.random() < 0.25:
            start = rng.random() * BUSY
            outages.append((start, start + rng.uniform(3, 60)))
        share = rng.uniform(0.1, 0.6) if hard else rng.uniform(0, 0.15)
        plan.brokers[name] = BrokerPlan(share, outages)
    tags = random.Random(f"{seed} tags")
    for broker in plan.brokers.values():
        broker.tagged = tags.random() > UNTAGGED
        broker.login = tags.choice(["none", "none", "unattended", "attended"])
        broker.life = tags.choice([28_800.0, 28_800.0, 45.0])
    while plan.orders < orders:
        plan.batches.append(_batch(rng, names, len(plan.batches)))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        cancel_open = rng.random() < 0.5
        plan.halts.append(
            HaltPlan(rng.random() * BUSY, rng.uniform(0.5, 15), cancel_open)
        )
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        plan.crashes.append(int(STEPS_A_RUN * rng.random() ** 2) + 60)
    for _ in range(rng.choice([0, 0, 1, 2])):
        plan.bugs.append(int(STEPS_A_RUN * rng.random() ** 2) + 60)
    if rng.random() < 0.3:
        start = rng.random() * BUSY
        plan.disk_failures.append((start, start + rng.uniform(0.1, 20)))
    for _ in range(rng.choice([0, 0, 1, 2])):
        jump = rng.choice([-7200.0, -60.0, -1.0, 30.0, 3600.0])
        plan.clock.append((rng.random() * BUSY, jump))
    plan.restart_after = rng.choice([0.2, 1.0, 5.0])
    return plan


def _batch(rng: random.Random, names: list[str], number: int) -> BatchPlan:
    # Some arrive together, as a basket of a strategy does.
    at = rng.choice([5.0, 20.0, rng.random() * BUSY, rng.random() * BUSY])
    orders = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        some = rng.sample(names, rng.randint(1, len(names)))
        orders.append((_order(rng), some))
    legs = sum(len(some) for _, some in orders)
    plan = BatchPlan(
        at=at,
        key=f"key-{number}",
        orders=orders,
        deadline_ms=rng.choice([500, 2000, 5000, 5000, 15000]),
        patient=rng.random() < 0.8,
        again=[rng.random() * BUSY for _ in range(rng.choice([0, 0, 1, 3]))],
        other_body=rng.random() < 0.1,
        cancels=[],
        changes=[],
    )
    for leg in range(legs):
        if rng.random() < 0.25:
            plan.cancels.append((at + rng.random() * 20, leg))
        elif rng.random() < 0.2:
            change = (at + rng.random() * 20, leg, rng.choice([695, 705, 800]))
            plan.changes.append(change)
    return plan


def _order(rng: random.Random) -> Order:
    price = rng.choice([700, 800, 812, 850])
    symbol = rng.choice(["NSE:SBIN", "NSE:INFY", "NSE:TCS"])
    fields = {
        "symbol": symbol,
        "side": rng.choice(list(Side)),
        "quantity": rng.choice([1, 5, 10, 75]),
        "type": OrderType.LIMIT,
        "price": price,
        "product": Product.INTRADAY,
    }
    return msgspec.convert(fields, Order)
