"""A FYERS venue on a real socket, its clock, and a client that is logged in."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import trio

from tests.support.plain import PLAIN

from . import fyers_market
from .fyers import FyersVenue

Make = Callable[..., dict[str, Any]]

NOON = 1_796_020_200.0  # Monday 30 Nov 2026, 12:00 in India
ONE, MANY = "/api/v3/orders/sync", "/api/v3/multi-order/sync"
BOOK, TRADES = "/api/v3/orders", "/api/v3/tradebook"
AUTHORIZATION = {"Authorization": "DEMO12EFGH-100:TOKEN"}


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def venue(nursery: trio.Nursery, clock: Clock) -> AsyncIterator[FyersVenue]:
    apps = {"DEMO12EFGH-100": "SECRET"}
    running = FyersVenue(clock=clock, apps=apps)
    await nursery.start(running.serve)
    yield running
    running.stop()


@pytest.fixture
async def client(venue: FyersVenue) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=venue.url,
        headers=AUTHORIZATION,
        timeout=10,
        trust_env=False,
        verify=PLAIN,
    ) as http:
        yield http


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """The dossier's order body, a limit that rests, with changes."""

    def make(**changes: Any) -> dict[str, Any]:
        body = {
            "symbol": "NSE:SBIN-EQ",
            "qty": 10,
            "type": 1,
            "side": 1,
            "productType": "INTRADAY",
            "limitPrice": 812.35,
            "stopPrice": 0,
            "disclosedQty": 0,
            "validity": "DAY",
            "offlineOrder": False,
            "stopLoss": 0,
            "takeProfit": 0,
            "orderTag": "ordo7f3k29qx",
        }
        return body | changes

    return make


def shape(value: Any) -> Any:
    """The keys of *value* all the way down; a list has the shape of its first row."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def sample(name: str) -> Any:
    """The dossier's representative answer *name*."""
    return fyers_market.sample(f"{name}.json")
