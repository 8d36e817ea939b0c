"""A FYERS adapter, the samples, and an order to send."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import pytest
import respx

from adapters.brokers.fyers import FyersBroker, FyersSettings
from adapters.http import BrokerHttp
from adapters.model import Order, OrderType, Product, Side
from adapters.secret import Secret
from tests.support.web import broker_web

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "fyers"
API = "https://api-t1.fyers.in/api/v3"
DATA = "https://api-t1.fyers.in/data"
ORDERS = f"{API}/orders/sync"
TAG = "ordo7f3k29qx"

ORDER = Order(
    symbol="NSE:SBIN",
    side=Side.BUY,
    quantity=Decimal(10),
    type=OrderType.LIMIT,
    price=Decimal("812.35"),
    product=Product.INTRADAY,
)


NOON = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
"""Monday, 12:00 in India."""

TLS = httpx.create_ssl_context(trust_env=False)
"""One for all tests: to read the authorities takes longer than a test."""


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def shown(web: respx.MockRouter, row: int = 0, **changes: object) -> None:
    """Let the book show one order of the sample, as a change of it asks for it."""
    answer = msgspec.json.decode(sample("order_book"))
    answer["orderBook"] = [answer["orderBook"][row] | changes]
    web.get(f"{API}/orders").respond(json=answer)


def look() -> None:
    """A last look that agrees."""


@pytest.fixture
async def fyers() -> AsyncIterator[FyersBroker]:
    settings = FyersSettings(
        app_id="DEMO12EFGH-100",
        secret=Secret("hunter2"),
        redirect_uri="https://127.0.0.1:8443/api/v1/sessions/f/callback",
    )
    broker = FyersBroker(settings, BrokerHttp(tls=TLS), wall=lambda: NOON)
    broker.use(broker.login.adopt(Secret("TOKEN"), NOON))
    yield broker
    await broker.aclose()


@pytest.fixture
def web() -> respx.MockRouter:
    """Everything FYERS would hear; a call that no test expects fails it."""
    with broker_web(assert_all_called=False) as router:
        yield router
