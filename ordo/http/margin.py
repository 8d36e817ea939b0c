"""`POST /api/v1/margin`: what orders would block, as each broker reckons."""

from __future__ import annotations

import trio

from actors.mailbox import MailboxError
from actors.messages import Denial, Fetch, Fetched, FetchFailed
from adapters import Order
from ordo.http.bodies import PlaceBody
from ordo.http.call import Call
from ordo.http.decoding import decode
from ordo.http.envelope import Reply, overall
from ordo.http.legs import legs_of
from ordo.http.rows import read_result, rows_of

MARGIN_SECONDS = 10.0


async def margin(call: Call) -> Reply:
    """What the orders of each broker would block together; nothing is sent."""
    body = decode(call.body, PlaceBody)
    by_broker: dict[str, list[Order]] = {}
    for leg in legs_of(body, call.system.broker_names):
        by_broker.setdefault(leg.broker, []).append(leg.order)
    answers: dict[str, Fetched | FetchFailed] = {}

    async def ask(name: str, orders: tuple[Order, ...]) -> None:
        answers[name] = await _ask(call, name, orders)

    async with trio.open_nursery() as asks:
        for name, orders in by_broker.items():
            asks.start_soon(ask, name, tuple(orders))
    ranked = tuple(answers[name] for name in by_broker)
    results = [read_result(answer) for answer in ranked]
    return Reply(
        status=overall(results),
        data={"margins": rows_of(ranked), "next_cursor": None},
        results=results,
        broker_ms=max(answer.latency_ms for answer in ranked),
    )


async def _ask(
    call: Call, name: str, orders: tuple[Order, ...]
) -> Fetched | FetchFailed:
    try:
        with trio.fail_after(MARGIN_SECONDS):
            return await call.system.brokers[name].ask(
                Fetch(kind="margin", orders=orders)
            )
    except (MailboxError, trio.TooSlowError):
        words = f"{name} gave no answer in {MARGIN_SECONDS:g} s"
        return FetchFailed(
            broker=name, denial=Denial(code="deadline_exceeded", message=words)
        )
