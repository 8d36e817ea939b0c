"""Faults on demand: which calls go wrong. For tests.

broker.script.on("place", Fault.lose_answer(after=7))         the next place
broker.script.on("place", Fault.connect_failure(), nth=3)     the third place
broker.script.on("order_book", Fault.stale_book(), times=2)   the next two reads
broker.script.on("*", Fault.session_expired(), times=None)    all from now on
broker.script.on("place", Fault.never(), when=lambda call: call.tag == "A1")
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from adapters.brokers.paper.faults import Fault
from adapters.model import Order

Operation = Literal[
    "place",
    "modify",
    "cancel",
    "order_book",
    "order_by_tag",
    "trades",
    "positions",
    "holdings",
    "funds",
    "quotes",
    "check",
]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the port. `number` counts those of its operation, from 1."""

    operation: Operation
    number: int
    order: Order | None = None
    tag: str | None = None
    broker_order_id: str | None = None


class Rule(msgspec.Struct):
    """Which calls a fault is for. `times` is how many more; None is no bound."""

    operation: Operation | Literal["*"]
    fault: Fault
    nth: int | None
    times: int | None
    when: Callable[[Call], bool] | None

    def is_for(self, call: Call) -> bool:
        """Whether this call gets the fault."""
        if self.operation not in ("*", call.operation) or self.times == 0:
            return False
        if self.nth is not None:
            last = math.inf if self.times is None else self.nth + self.times - 1
            if not self.nth <= call.number <= last:
                return False
        return self.when is None or self.when(call)


class Script:
    """The faults still to come. One call gets one; the oldest that fits.

    `calls` counts the calls so far by operation, faulty ones too.
    """

    def __init__(self) -> None:
        self.calls: Counter[Operation] = Counter()
        self._rules: list[Rule] = []

    def on(
        self,
        operation: Operation | Literal["*"],
        fault: Fault,
        *,
        nth: int | None = None,
        times: int | None = 1,
        when: Callable[[Call], bool] | None = None,
    ) -> None:
        """Let calls of *operation* go as *fault* says.

        Args:
            operation: A method of the port, or `*` for any.
            nth: The first call meant, counted per operation from the broker's making,
                from 1; None is the next.
            times: How many calls from there on; None is all.
            when: Only calls for which this is true.

        Raises:
            ValueError: There is no such operation, or a number is below 1.
        """
        wanted = ("*", *get_args(Operation))
        if operation not in wanted:
            names = ", ".join(wanted)
            raise ValueError(f"operation must be one of {names}, was {operation!r}")
        for name, number in (("nth", nth), ("times", times)):
            if number is not None and number < 1:
                raise ValueError(f"{name} must be at least 1, was {number}")
        self._rules.append(Rule(operation, fault, nth, times, when))

    def clear(self) -> None:
        """All is well from now on; the counts stay."""
        self._rules.clear()

    def begin(
        self,
        operation: Operation,
        *,
        order: Order | None = None,
        tag: str | None = None,
        broker_order_id: str | None = None,
    ) -> Fault | None:
        """Count a call and give what goes wrong with it, if anything."""
        self.calls[operation] += 1
        call = Call(
            operation=operation,
            number=self.calls[operation],
            order=order,
            tag=tag,
            broker_order_id=broker_order_id,
        )
        for rule in self._rules:
            if rule.is_for(call):
                if rule.nth is None and rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None
