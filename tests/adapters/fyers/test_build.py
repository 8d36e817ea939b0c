"""How an account is made out of its settings and its surroundings."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.brokers.fyers import FyersSettings
from adapters.brokers.fyers.build import build
from adapters.catalogue import Surroundings, factory
from adapters.errors import ConfigError, SessionExpired, Unsupported
from adapters.instruments import Instrument, InstrumentKind
from adapters.secret import Secret
from tests.contracts.memory_index import MemoryIndex
from tests.support.web import broker_web

from .conftest import NOON, ORDER, look, sample

ORDERS = "http://127.0.0.1:9/api/v3/orders/sync"
RELIANCE = Instrument(
    symbol="BSE:RELIANCE",
    key="BSE:RELIANCE-A",
    kind=InstrumentKind.EQ,
    lot_size=1,
    tick_size=1,
)


@pytest.fixture
async def made():
    """Build accounts, and close them at the end."""
    brokers = []

    def make(**more):
        around = {
            "name": "main",
            "base_url": "http://127.0.0.1:9",
            "egress": "direct",
            "access_token": Secret("T"),
            "data": Path(),
            "wall": lambda: NOON,
            "rng": random.Random(1),
        }
        settings = FyersSettings(app_id="A-100")
        brokers.append(build(settings, Surroundings(**around | more)))
        return brokers[-1]

    yield make
    for broker in brokers:
        await broker.aclose()


def test_the_catalogue_makes_it_so():
    assert factory("fyers") is build


async def test_a_token_from_the_settings_is_used_at_the_base_url(made):
    with broker_web() as web:
        web.post(ORDERS).respond(content=sample("place_order"))
        await made().place(ORDER, "t1", look)
        request = web.calls.last.request
    assert request.headers["authorization"] == "A-100:T"


async def test_without_a_token_a_log_in_is_wanted(made):
    with pytest.raises(SessionExpired):
        await made(access_token=None).check()


async def test_the_log_in_goes_by_the_clock_it_is_given(made):
    grant = made(wall=lambda: NOON).login.adopt(Secret("T"), NOON)
    assert grant.expires_at == NOON + timedelta(hours=18, minutes=30)


async def test_symbols_go_by_the_instruments_it_is_given(made):
    broker = made(instruments=MemoryIndex([RELIANCE]))
    with pytest.raises(Unsupported, match="NSE:SBIN"):
        await broker.place(ORDER, "t1", look)
    with broker_web() as web:
        quotes = web.get("http://127.0.0.1:9/data/quotes")
        quotes.respond(json={"s": "ok", "d": []})
        await broker.quotes(["BSE:RELIANCE"])
        assert dict(quotes.calls.last.request.url.params) == {
            "symbols": "BSE:RELIANCE-A"
        }


async def test_an_egress_that_is_none_is_refused(made):
    with pytest.raises(ConfigError, match="egress"):
        made(egress="bind:nowhere")
