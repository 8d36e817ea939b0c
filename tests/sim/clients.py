"""Those who use the gateway: they place, ask again, give up, cancel, change, halt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import trio

from actors.mailbox import Mailbox, MailboxError
from actors.messages import (
    BatchDone,
    CancelOrder,
    EngageSwitch,
    InProgress,
    KeyReused,
    Leg,
    ModifyOrder,
    NothingAccepted,
    Overloaded,
    PlaceBatch,
    ReleaseSwitch,
    StoreDown,
    SwitchReport,
    TradingHalted,
)
from tests.sim.plan import BatchPlan, HaltPlan
from tests.sim.world import World

NO_ANSWER = (MailboxError, trio.TooSlowError)


@dataclass
class Acknowledged:
    """A request whose acceptance a client has heard of."""

    batch_id: str
    order_ids: tuple[str, ...]


@dataclass
class Halt:
    """From the answer of the kill-switch to the request that releases it (I7)."""

    engaged: int
    released: float = float("inf")
    on_the_wire: tuple[str, ...] = ()


@dataclass
class Told:
    """What clients were told, all together."""

    batches: dict[str, Acknowledged] = field(default_factory=dict)
    halts: list[Halt] = field(default_factory=list)
    releasing: int = 0
    refused: set[str] = field(default_factory=set)


class Client:
    """Places one batch, until it has an answer or has had enough."""

    def __init__(self, world: World, told: Told, plan: BatchPlan) -> None:
        self._world = world
        self._told = told
        self._plan = plan
        self._rng = world.stream(f"client {plan.key}")

    @property
    def key(self) -> str:
        """Of its request."""
        return self._plan.key

    @property
    def acknowledged(self) -> bool:
        """Whether it has heard that the request was accepted."""
        return self._plan.key in self._told.batches

    def message(self, *, other: bool = False) -> PlaceBatch:
        """The request; *other*: with another body."""
        legs = tuple(
            Leg(order_index=index, broker=name, order=order)
            for index, (order, names) in enumerate(self._plan.orders)
            for name in names
        )
        body = json.dumps([other, [str(leg) for leg in legs]])
        return PlaceBatch(
            principal="token:sim",
            request_id=f"request-{self._plan.key}",
            key=self._plan.key,
            key_given=True,
            fingerprint=body,
            legs=legs,
            portfolio_id=None,
            deadline_ms=self._plan.deadline_ms,
        )

    async def run(self) -> None:
        """Place, and do what else the plan says."""
        plan = self._plan
        async with trio.open_nursery() as nursery:
            await trio.sleep_until(plan.at)
            nursery.start_soon(self.place)
            for at in plan.again:
                nursery.start_soon(self._again, at)
            if plan.other_body:
                nursery.start_soon(self._another_body)
            for at, leg in plan.cancels:
                nursery.start_soon(self._cancel, at, leg)
            for at, leg, price in plan.changes:
                nursery.start_soon(self._change, at, leg, price)

    async def place(self, tries: int = 12) -> bool:
        """Ask until it is accepted; whether it was."""
        for number in range(tries):
            answer = await self._ask(self.message())
            if isinstance(answer, BatchDone):
                self._heard(answer)
                return True
            if isinstance(answer, KeyReused):
                self._world.broken(f"I5 {self._plan.key}: its own body is refused")
            if not self._plan.patient and number:
                return False
            await trio.sleep(0.5 + self._rng.random() * 3)
        return False

    async def _ask(self, message: PlaceBatch) -> Any:
        system = self._world.system
        if system is None:
            return None
        try:
            with trio.fail_after(message.deadline_ms / 1000):
                answer = await system.router.ask(message)
        except NO_ANSWER as error:
            self._world.note(f"{message.key} {type(error).__name__}")
            return None
        known = (NothingAccepted, InProgress, Overloaded, StoreDown, TradingHalted)
        if not isinstance(answer, (BatchDone, KeyReused, *known)):
            self._world.broken(f"{message.key}: answered with {answer!r}")
        self._world.note(f"{message.key} {type(answer).__name__}")
        return answer

    def _heard(self, answer: BatchDone) -> None:
        """The same ids every time, whoever answers."""
        ids = tuple(order.order_id for order in answer.orders)
        heard = Acknowledged(answer.batch.batch_id, ids)
        first = self._told.batches.setdefault(self._plan.key, heard)
        if (first.batch_id, first.order_ids) != (heard.batch_id, heard.order_ids):
            self._world.broken(f"I5 {self._plan.key}: {first} and then {heard}")
        for order in answer.orders:
            if order.status in ("denied", "rejected"):
                self._told.refused.add(order.order_id)
            self._world.note(f"{order.order_id} told {order.status}")

    async def _again(self, at: float) -> None:
        await trio.sleep_until(max(at, trio.current_time()))
        answer = await self._ask(self.message())
        if isinstance(answer, BatchDone):
            self._heard(answer)

    async def _another_body(self) -> None:
        await trio.sleep(5)
        if self._plan.key not in self._told.batches:
            return
        answer = await self._ask(self.message(other=True))
        if isinstance(answer, BatchDone):
            self._world.broken(f"I5 {self._plan.key}: another body was taken")

    async def _cancel(self, at: float, leg: int) -> None:
        await trio.sleep_until(at)
        order_id = self._id_of(leg)
        if order_id is not None:
            await self._tell(CancelOrder(order_id=order_id, by="token:sim"), True)

    async def _change(self, at: float, leg: int, price: int) -> None:
        await trio.sleep_until(at)
        order_id = self._id_of(leg)
        if order_id is not None:
            changes = {"price": Decimal(price)}
            message = ModifyOrder(order_id=order_id, changes=changes, by="token:sim")
            await self._tell(message, False)

    def _id_of(self, leg: int) -> str | None:
        heard = self._told.batches.get(self._plan.key)
        return None if heard is None else heard.order_ids[leg]

    async def _tell(self, message: Any, urgent: bool) -> None:
        system = self._world.system
        if system is None:
            return
        try:
            with trio.fail_after(15):
                answer = await system.router.ask(message, urgent=urgent)
            self._world.note(f"{type(message).__name__} {type(answer).__name__}")
        except NO_ANSWER as error:
            self._world.note(f"{type(message).__name__} {type(error).__name__}")


async def halt(world: World, told: Told, plan: HaltPlan) -> None:
    """Engage the kill-switch, and release it later; ask until it is answered."""
    await trio.sleep_until(plan.at)
    engage = EngageSwitch(by="token:sim", reason="sim", cancel_open=plan.cancel_open)
    answer = await _turn(world, engage)
    if answer is None:
        return
    mine = Halt(world.count(), on_the_wire=answer.on_the_wire)
    if told.releasing:  # asked for before this answer: either order may be
        mine.released = mine.engaged
    told.halts.append(mine)
    _on_the_wire(world, mine)
    world.note(f"halted, {len(answer.on_the_wire)} on the wire")
    await trio.sleep(plan.lasts)
    await release(world, told)


def _on_the_wire(world: World, mine: Halt) -> None:
    """I7: what is at a broker and not answered had left before, and is named."""
    if mine.released == mine.engaged:
        return
    ids = {row.client_tag: row.order_id for row in world.store._orders.values()}
    for venue in world.venues.values():
        for tag, incarnation in venue.calling.items():
            named = ids.get(tag) in mine.on_the_wire
            if incarnation == world.incarnation and not named:
                world.broken(f"I7 {tag} is on the wire, and is not named")


async def release(world: World, told: Told) -> None:
    """Let trading go on."""
    now = world.count()
    for each in told.halts:
        each.released = min(each.released, now)
    told.releasing += 1
    await _turn(world, ReleaseSwitch(by="token:sim"))
    told.releasing -= 1
    world.note("released")


async def _turn(world: World, message: Any) -> SwitchReport | None:
    for _ in range(60):
        box: Mailbox | None = world.system.killswitch if world.system else None
        if box is not None:
            try:
                with trio.fail_after(5):
                    answer = await box.ask(message, urgent=True)
                if isinstance(answer, SwitchReport):
                    return answer
            except NO_ANSWER:
                pass
        await trio.sleep(1)
    return None
