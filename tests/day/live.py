"""A day at real processes: Ordo, three protocol servers, and a reader of each kind.

Nothing trades by itself at the servers: the plan's fills are made there by hand, in
rounds, and after each round Ordo is asked to read the books. So nothing waits for time
to pass, and every fill of a round is there when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import confluent_kafka
import httpx
import trio

from ordo_client import AsyncOrdo
from tests.day.desk import exact
from tests.day.plan import Batch, Fate, Part, Plan
from tests.support.plain import PLAIN
from tests.support.processes import TOKEN, VENUE_TOKEN, FyersVenue, Venue
from tests.venues.fyers_rows import PENDING

BROKERS = ("fyers", "hdfc", "mstock")
TOPIC = "ordo.orders"
ROUNDS = 6
"""How often the books are read while the exchange trades."""
ENDED = frozenset({"filled", "cancelled", "rejected", "denied", "not_placed"})
Leg = tuple[int, int, str]
Step = Part | str | dict[str, Any]
"""A fill, a cancel, a change."""
WORKING = ("Pending", "Trigger pending")


class Told(NamedTuple):
    """An event, as a reader was told it."""

    id: int
    type: str
    order_id: str | None
    data: dict[str, Any]


class Reader:
    """Reads the event stream, through the client that Ordo comes with.

    Attributes:
        told: everything so far.
    """

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._news = trio.Event()

    async def run(self, url: str) -> None:
        """Read until cancelled."""
        async with AsyncOrdo(url, TOKEN) as ordo, ordo.events() as events:
            async for event in events:
                row = Told(event.id, event.type, event.order_id, dict(event.data))
                self.told.append(row)
                self._news.set()
                self._news = trio.Event()

    async def until(self, enough: Callable[[list[Told]], bool]) -> None:
        """Wait for enough of them."""
        while not enough(self.told):
            await self._news.wait()


class MockKafka:
    """Kafka's own client library plays the cluster: real sockets, no broker."""

    def __init__(self) -> None:
        self._cluster = confluent_kafka.Producer({"test.mock.num.brokers": 3})
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self.servers = ",".join(f"{each.host}:{each.port}" for each in brokers)

    def read(self, ids: set[int]) -> list[Told]:
        """Everything, in the order of each partition, until all *ids* are there."""
        settings = {"bootstrap.servers": self.servers, "group.id": "a day"}
        consumer = confluent_kafka.Consumer(settings)
        first = confluent_kafka.OFFSET_BEGINNING
        consumer.assign(
            [confluent_kafka.TopicPartition(TOPIC, n, first) for n in self._partitions]
        )
        told: list[Told] = []
        try:
            while ids - {each.id for each in told}:
                message = consumer.poll(10)
                assert message is not None, f"not there: {ids}"
                assert message.error() is None, message.error()
                told.append(_from_kafka(message))
        finally:
            consumer.close()
        return told

    @property
    def _partitions(self) -> list[int]:
        return list(
            self._cluster.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        )


def _from_kafka(message: Any) -> Told:
    row = json.loads(message.value())
    return Told(row["id"], row["type"], row["order_id"], row["data"])


def venues(directory: Path) -> dict[str, Venue]:
    """The three protocol servers; none of them trades by itself."""
    there = {
        "fyers": FyersVenue(directory / "fyers.log"),
        "hdfc": Venue("hdfc", directory / "hdfc.log", "--token", VENUE_TOKEN),
        "mstock": Venue("mstock", directory / "mstock.log", "--token", VENUE_TOKEN),
    }
    for venue in there.values():
        settings = {"matching": False}
        url = f"{venue.url}/_venue/settings"
        httpx.post(url, json=settings, trust_env=False, verify=PLAIN).raise_for_status()
    return there


class LiveDay:
    """The trader and the exchange of a plan.

    Args:
        plan: the day; its times say only what comes before what.
        ordo: a client of Ordo.
        urls: of the servers.
    """

    def __init__(
        self, plan: Plan, ordo: httpx.AsyncClient, urls: Mapping[str, str]
    ) -> None:
        self.plan = plan
        self._ordo = ordo
        self._urls = urls
        self._orders: dict[Leg, dict[str, Any]] = {}

    async def ready(self) -> None:
        """Fetch every broker's instruments."""
        answer = await self._call("POST", "instruments/sync", {"wait_seconds": 30})
        assert answer["status"] == "success", answer

    async def trade(self, cut: Callable[[], None]) -> None:
        """Place everything, then let the exchange and the trader take turns.

        Args:
            cut: called after a quarter of the placing.
        """
        for number, batch in enumerate(self.plan.batches):
            if number == len(self.plan.batches) // 4:
                cut()
            await self._place(batch)
        steps = sorted(self._steps(), key=lambda step: step[0])
        size = -(-len(steps) // ROUNDS)
        for begin in range(0, len(steps), size):
            for _, leg, what in steps[begin : begin + size]:
                await self._do(leg, what)
            await self.reconcile()

    async def end(self) -> None:
        """Cancel what is open, until Ordo knows the end of every order."""
        await self._call("POST", "orders/cancel", {"brokers": list(BROKERS)})
        while any(row["status"] not in ENDED for row in await self.orders()):
            await self.reconcile()

    async def reconcile(self) -> None:
        """Have every book read."""
        await self._call("POST", "reconcile", {"brokers": list(BROKERS)})

    async def orders(self) -> list[dict[str, Any]]:
        """All orders as Ordo shows them."""
        answer = await self._call("GET", "orders?limit=1000")
        return list(answer["data"]["orders"])

    async def order(self, order_id: str) -> dict[str, Any]:
        return dict((await self._call("GET", f"orders/{order_id}"))["data"])

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._ordo.request(method, f"/api/v1/{path}", json=body)
        assert answer.status_code in (200, 202, 409), answer.text
        return exact(answer.json())

    # Placing

    async def _place(self, batch: Batch) -> None:
        await self._prepare(batch)
        body = batch.body
        if not batch.sequential:
            await self._send(batch, body)
            return
        async with trio.open_nursery() as tasks:
            patience = 2500 if batch.wishes[0].fates[self._broker(batch)].parts else 400
            tasks.start_soon(self._send, batch, body | {"deadline_ms": patience})
            await self._fill_sells(batch)

    def _broker(self, batch: Batch) -> str:
        return next(iter(batch.wishes[0].fates))

    async def _send(self, batch: Batch, body: dict[str, Any]) -> None:
        answer = await self._call("POST", "orders", body)
        for row in answer["results"]:
            self._orders[batch.number, row["order_index"], row["broker"]] = row

    async def _prepare(self, batch: Batch) -> None:
        """Have the servers refuse an order, or lose an answer."""
        for wish in batch.wishes:
            for broker, fate in wish.fates.items():
                kind = "reject" if fate.refused else "drop_after_accept"
                if fate.refused or fate.lost:
                    await self._venue(broker, "faults", {"on": "place", "kind": kind})

    async def _fill_sells(self, batch: Batch) -> None:
        """While the client waits: its buys go once the sells are filled."""
        for index, wish in enumerate(batch.wishes):
            ((broker, fate),) = wish.fates.items()
            if wish.order["side"] == "SELL":
                row = await self._sent(batch.number, index)
                for part in fate.parts:
                    await self._fill(broker, row, part)

    async def _sent(self, number: int, index: int) -> dict[str, Any]:
        """An order of the batch, once its broker has it."""
        while True:
            answer = await self._call("GET", f"orders?portfolio_id={number}")
            for row in answer["data"]["orders"]:
                if row["order_index"] == index and row["status"] != "placed":
                    return dict(row)

    # What happens to orders

    def _steps(self) -> Iterator[tuple[float, Leg, Step]]:
        """When, to which order, what: a fill, a cancel, a change."""
        for batch in self.plan.batches:
            for index, wish in enumerate(batch.wishes):
                for broker, fate in wish.fates.items():
                    leg = (batch.number, index, broker)
                    for after, what in _steps_of(fate):
                        yield batch.at + after, leg, what

    async def _do(self, leg: Leg, what: Step) -> None:
        row = self._orders[leg]
        if row["order_id"] is None:
            return
        if isinstance(what, Part):
            await self._fill(leg[2], row, what)
        elif isinstance(what, str):
            await self._call("DELETE", f"orders/{row['order_id']}")
        else:
            await self._call("PATCH", f"orders/{row['order_id']}", what)

    async def _fill(self, broker: str, row: dict[str, Any], part: Part) -> None:
        """As much of it as is left, if it is there and open."""
        there = (await self.book(broker)).get(row["client_tag"])
        if there is not None and there.left:
            units = min(part.quantity, there.left)
            fill = {"id": there.id, "quantity": units, "price": float(part.price)}
            await self._venue(broker, "fill", fill)

    async def book(self, broker: str) -> dict[str, Placed]:
        """What the server has, by tag."""
        rows = (await self._venue(broker, "book"))["orders"]
        return {row["tag"]: _placed(broker, row) for row in rows}

    async def _venue(self, broker: str, what: str, body: Any = None) -> Any:
        url = f"{self._urls[broker]}/_venue/{what}"
        answer = await self._ordo.request("POST" if body else "GET", url, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Placed(NamedTuple):
    """An order at a server: units filled, and units that may still be."""

    id: str
    filled: int
    left: int


def _placed(broker: str, row: dict[str, Any]) -> Placed:
    """Each server tells of its orders in its own way."""
    if broker == "fyers":
        pending = row["status"] == PENDING
        left = row["row"]["qty"] - row["filled"] if pending else 0
    elif broker == "mstock":
        left = row["quantity"] - row["filled"] if row["status"] in WORKING else 0
    else:
        left = row["left"]
    return Placed(row["id"], row["filled"], left)


def _steps_of(fate: Fate) -> Iterator[tuple[float, Step]]:
    for part in fate.parts:
        yield part.after, part
    if fate.cancel is not None:
        yield fate.cancel, "cancel"
    if fate.change is not None:
        yield fate.change
