"""A trader's day, made from a seed: what is ordered, and what becomes of it.

The plan knows nothing of how it is played: times are seconds from the opening, orders
are the JSON that a client sends, fills are what the exchange will do. Whoever plays it
asks the brokers' books, not the plan, how it ended.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

TICK = Decimal("0.05")
FIRST, LAST = 60.0, 20_400.0
"""When orders may come: from 09:16 to 14:55."""
SETTLE_BY = 21_300.0
"""15:10: by then the exchange has done all that it will do to them."""
SLICES = ((1,), (1,), (1, 2), (2, 3), (1, 3, 7), (2, 2, 3, 4))
"""How fills are cut; a third among them, so that averages have no end."""


@dataclass(frozen=True)
class Part:
    """A fill, so many seconds after the placing."""

    after: float
    quantity: int
    price: Decimal


@dataclass(frozen=True)
class Fate:
    """What becomes of one order at one broker; lengths count from the placing.

    `refused`: by the broker. `lost`: it arrives, and its answer does not.
    """

    parts: tuple[Part, ...] = ()
    refused: bool = False
    lost: bool = False
    change: tuple[float, dict[str, Any]] | None = None
    cancel: float | None = None


@dataclass(frozen=True)
class Wish:
    """One order of a batch, and its fate at each of its brokers."""

    order: dict[str, Any]
    fates: dict[str, Fate]


@dataclass(frozen=True)
class Batch:
    """One request."""

    at: float
    number: int
    wishes: tuple[Wish, ...]
    sequential: bool = False

    @property
    def legs(self) -> int:
        return sum(len(wish.fates) for wish in self.wishes)

    @property
    def everywhere(self) -> bool:
        """Whether it is one order for several brokers."""
        return len(self.wishes) == 1 and self.legs > 1

    @property
    def body(self) -> dict[str, Any]:
        """What the client sends."""
        orders = [{**wish.order, "brokers": list(wish.fates)} for wish in self.wishes]
        body: dict[str, Any] = {"orders": orders, "portfolio_id": self.number}
        if self.sequential:
            body |= {"sequential": True, "deadline_ms": 30_000}
        return body


@dataclass
class Plan:
    """A day. `prices` are where its symbols stand, and stay.

    `moments`: when some of the batches are to come that go to every broker.
    """

    seed: int
    brokers: tuple[str, ...]
    prices: dict[str, Decimal]
    moments: tuple[float, ...] = ()
    batches: list[Batch] = field(default_factory=list)

    @property
    def legs(self) -> int:
        return sum(batch.legs for batch in self.batches)


class Maker:
    """Makes the batches of a plan, one after the other.

    Args:
        plan: to be filled.
        pace: what the lengths between order and fill are multiplied by.
    """

    def __init__(self, plan: Plan, pace: float = 1.0) -> None:
        self.plan = plan
        self._pace = pace
        self._rng = random.Random(f"a day {plan.seed}")

    def spread(self) -> None:
        """Give each batch its moment, to a hundredth: no two at once. Those that go to
        every broker get the moments that the plan names."""
        plan, rng = self.plan, self._rng
        named = [round(moment * 100) for moment in plan.moments]
        hundredths = range(int(FIRST * 100), int(LAST * 100))
        free = rng.sample(sorted({*hundredths} - {*named}), len(plan.batches))
        batches = sorted(plan.batches, key=lambda each: not each.everywhere)
        plan.batches = [
            replace(batch, at=moment / 100)
            for batch, moment in zip(batches, [*named, *free], strict=False)
        ]
        plan.batches.sort(key=lambda each: each.at)

    def batch(self, most: int) -> Batch:
        """A batch of *most* legs at the most."""
        rng = self._rng
        shape = rng.choices(("single", "fan", "basket", "sequence"), (5, 3, 3, 2))[0]
        everywhere = len(self.plan.brokers)
        if most < everywhere or (most < 4 and shape != "fan"):
            shape = "single"
        wishes = getattr(self, f"_{shape}")(most)
        number = len(self.plan.batches) + 1
        batch = Batch(0.0, number, tuple(wishes), sequential=shape == "sequence")
        self.plan.batches.append(batch)
        return batch

    # The shapes

    def _single(self, most: int) -> list[Wish]:
        order = self._order()
        broker = self._rng.choice(self.plan.brokers)
        return [Wish(order, {broker: self._fate(order, refusable=True)})]

    def _fan(self, most: int) -> list[Wish]:
        order = self._order()
        fates = {b: self._fate(order, refusable=True) for b in self.plan.brokers}
        return [Wish(order, fates)]

    def _basket(self, most: int) -> list[Wish]:
        """Several orders, bought and sold in one symbol, so that there is a profit."""
        rng = self._rng
        symbol, broker = rng.choice(list(self.plan.prices)), self._broker()
        wishes = []
        for index in range(min(most, rng.choice((3, 4, 5, 6)))):
            side = "BUY" if index % 2 == 0 else "SELL"
            order = self._order(symbol=symbol, side=side)
            wishes.append(Wish(order, {broker: self._fate(order)}))
        return wishes

    def _sequence(self, most: int) -> list[Wish]:
        """Sells, filled within seconds or not at all, and the buys that wait."""
        rng, broker = self._rng, self._broker()
        sell = self._order(side="SELL", type="LIMIT")
        done = rng.random() < 0.75
        quick = self._cut(sell, within=(1.0, 6.0)) if done else ()
        wishes = [Wish(sell, {broker: Fate(parts=quick)})]
        for _ in range(rng.choice((1, 2))):
            buy = self._order(side="BUY", type="LIMIT")
            parts = self._cut(buy, within=(40.0, 300.0))
            wishes.append(Wish(buy, {broker: Fate(parts=parts)}))
        return wishes

    def _broker(self) -> str:
        return self._rng.choice(self.plan.brokers)

    # Orders and their fates

    def _order(self, **wanted: str) -> dict[str, Any]:
        rng = self._rng
        symbol = wanted.get("symbol") or rng.choice(list(self.plan.prices))
        side = wanted.get("side") or rng.choice(("BUY", "SELL"))
        kind = (
            wanted.get("type")
            or rng.choices(("LIMIT", "MARKET", "SL", "SL-M"), (10, 4, 3, 2))[0]
        )
        sign, last = (1 if side == "BUY" else -1), self.plan.prices[symbol]
        order = {
            "symbol": symbol,
            "side": side,
            "quantity": rng.randrange(7, 60),
            "type": kind,
            "product": "INTRADAY",
        }
        away = TICK * rng.randrange(40, 200)
        if kind == "LIMIT":
            order["price"] = float(last - sign * away)
        if kind in ("SL", "SL-M"):
            order["trigger_price"] = float(last + sign * away)
        if kind == "SL":
            order["price"] = float(last + sign * (away + TICK * rng.randrange(1, 20)))
        return order

    def _fate(self, order: dict[str, Any], *, refusable: bool = False) -> Fate:
        rng = self._rng
        chance = rng.random()
        if chance < 0.08 and refusable:
            return Fate(refused=True)
        if chance < 0.16:
            return Fate()  # it rests until the evening
        if chance < 0.30:
            return self._cancelled(order)
        if chance < 0.42 and order["type"] == "LIMIT":
            return self._changed(order)
        return Fate(parts=self._cut(order), lost=0.42 <= chance < 0.46)

    def _cancelled(self, order: dict[str, Any]) -> Fate:
        """Before any fill, after one, or as the last one is made."""
        after = self._length(30.0, 600.0)
        parts = self._cut(order, within=(after * 0.2, after - 0.01))
        kept = self._rng.choice((0, len(parts) - 1, len(parts)))
        return Fate(parts=parts[:kept], cancel=after)

    def _changed(self, order: dict[str, Any]) -> Fate:
        after = self._length(30.0, 300.0)
        sign = 1 if order["side"] == "BUY" else -1
        price = float(Decimal(str(order["price"])) + sign * TICK * 5)
        change = {"price": price, "quantity": order["quantity"] + 5}
        parts = self._cut({**order, **change}, within=(after + 5, after + 600))
        return Fate(parts=parts, change=(after, change))

    def _cut(
        self, order: dict[str, Any], within: tuple[float, float] = (5.0, 900.0)
    ) -> tuple[Part, ...]:
        """Fills of a whole order, each at a price of its own that its limit allows."""
        rng, whole = self._rng, order["quantity"]
        shares = rng.choice(SLICES)
        sizes = [whole * share // sum(shares) for share in shares[:-1]]
        sizes.append(whole - sum(sizes))
        limit = order.get("price") or order.get("trigger_price")
        at = Decimal(str(limit)) if limit else self.plan.prices[order["symbol"]]
        sign = 1 if order["side"] == "BUY" else -1
        moments = sorted(self._length(*within) for _ in sizes)
        return tuple(
            Part(moment, size, at - sign * TICK * rng.randrange(0, 8))
            for moment, size in zip(moments, sizes, strict=True)
            if size
        )

    def _length(self, shortest: float, longest: float) -> float:
        return round(self._rng.uniform(shortest, longest) * self._pace, 2)


def make(
    seed: int,
    brokers: tuple[str, ...],
    prices: dict[str, Decimal],
    legs: int,
    pace: float = 1.0,
    moments: tuple[float, ...] = (),
) -> Plan:
    """A day of exactly so many *legs*."""
    plan = Plan(seed, brokers, prices, moments)
    maker = Maker(plan, pace)
    while plan.legs < legs:
        maker.batch(legs - plan.legs)
    maker.spread()
    return plan
