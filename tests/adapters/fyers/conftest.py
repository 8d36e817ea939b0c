"""A FYERS adapter, the samples, and an order to send."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import respx

from adapters.brokers.fyers import FyersBroker, FyersSettings
from adapters.http import BrokerHttp
from adapters.model import Order, OrderType, Product, Side
from adapters.secret import Secret

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


TLS = httpx.create_ssl_context(trust_env=False)
"""One for all tests: to read the authorities takes longer than a test."""


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


def look() -> None:
    """A last look that agrees."""


@pytest.fixture
async def fyers() -> AsyncIterator[FyersBroker]:
    settings = FyersSettings(app_id="DEMO12EFGH-100", access_token=Secret("TOKEN"))
    broker = FyersBroker(settings, BrokerHttp(tls=TLS))
    yield broker
    await broker.aclose()


@pytest.fixture
def web() -> respx.MockRouter:
    """Everything FYERS would hear; a call that no test expects fails it."""
    with respx.mock(assert_all_called=False) as router:
        yield router
