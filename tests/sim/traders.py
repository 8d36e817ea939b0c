"""Those who log in where a broker asks for somebody, and who order once all is well."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import trio

from actors.mailbox import MailboxError
from actors.messages import (
    BatchDone,
    BeginLogin,
    Leg,
    PlaceBatch,
    SessionReport,
    VerifyLogin,
)
from adapters import Order, OrderStatus
from adapters.secret import Secret
from tests.sim.world import World

NO_ANSWER = (MailboxError, trio.TooSlowError)
LOOK_EVERY = 7.0
"""Seconds between two looks at whether one is still logged in."""
BY = "token:sim"
PATIENCE = 420.0
"""Seconds, once faults have stopped, until every broker takes orders: the longest
cooldown of a breaker is 300 s and some."""


async def keep_logged_in(world: World, broker: str) -> None:
    """Log in again whenever the broker wants it, until cancelled."""
    rng = world.stream(f"trader {broker}")
    while True:
        await trio.sleep(LOOK_EVERY + rng.random() * LOOK_EVERY)
        try:
            with trio.move_on_after(20):
                await _log_in(world, broker)
        except NO_ANSWER as error:
            world.note(f"{broker} log-in {type(error).__name__}")


async def _log_in(world: World, broker: str) -> None:
    system = world.system
    if system is None or broker not in system.logged_out:
        return
    box = system.brokers[broker]
    report = await box.ask(BeginLogin(by=BY))
    if isinstance(report, SessionReport) and report.challenge is not None:
        answer = VerifyLogin(
            answers={"otp": Secret("482913")},
            by=BY,
            challenge_id=report.challenge.challenge_id,
        )
        report = await box.ask(answer)
    world.note(f"{broker} log-in {type(report).__name__}")


async def trade_again(world: World) -> None:
    """Every broker takes an order once faults have stopped: none is left shut out."""
    async with trio.open_nursery() as nursery:
        for name in world.venues:
            nursery.start_soon(_trades_again, world, name)


async def _trades_again(world: World, broker: str) -> None:
    until = trio.current_time() + PATIENCE
    number, last = 0, "no answer"
    while trio.current_time() < until:
        number += 1
        last = await _order(world, broker, f"again-{broker}-{number}")
        if last == OrderStatus.ACKED:
            return
        await trio.sleep(15)
    world.broken(f"I3 {broker} takes no order any more: {last}")


async def _order(world: World, broker: str, key: str) -> str:
    system = world.system
    if system is None:
        return "the gateway is down"
    order = msgspec.convert(
        {
            "symbol": "NSE:WIPRO",
            "side": "BUY",
            "quantity": 1,
            "type": "LIMIT",
            "price": Decimal(700),
            "product": "INTRADAY",
        },
        Order,
    )
    message = PlaceBatch(
        principal=BY,
        request_id=key,
        key=key,
        key_given=True,
        fingerprint=key,
        legs=(Leg(order_index=0, broker=broker, order=order),),
        portfolio_id=None,
        deadline_ms=5000,
    )
    try:
        with trio.fail_after(6):
            answer = await system.router.ask(message)
    except NO_ANSWER as error:
        return type(error).__name__
    if isinstance(answer, BatchDone):
        (row,) = answer.orders
        return row.status if row.status == OrderStatus.ACKED else f"{row.message}"
    return str(answer)
