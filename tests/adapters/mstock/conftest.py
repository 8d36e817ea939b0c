"""m.Stock adapters of both types, the samples, and an order to send."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import respx

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.brokers.mstock.master import parse
from adapters.http import BrokerHttp
from adapters.model import Order, OrderType, Product, Side
from adapters.secret import Secret
from tests.contracts.memory_index import MemoryIndex
from tests.support.web import broker_web
from tests.venues.mstock_market import Market
from tests.venues.server import encode

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "mstock"
HOST = "https://api.mstock.trade"
KEY = "DEMO/API+KEY@1="
TAG = "ORDO7F3K29QX"

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


def look() -> None:
    """A last look that agrees."""


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MemoryIndex]:
    """What each type's instrument file gives, by type."""
    directory, market = tmp_path_factory.mktemp("masters"), Market()
    files = {"A": directory / "mstock_a.csv", "B": directory / "mstock_b.json"}
    files["A"].write_bytes(market.csv())
    files["B"].write_bytes(encode(market.json()))
    return {kind: MemoryIndex(parse([path])) for kind, path in files.items()}


@pytest.fixture(params=["A", "B"])
def api_type(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def root(api_type: str) -> str:
    return f"{HOST}/openapi/type{api_type.lower()}"


@pytest.fixture
async def mstock(
    api_type: str, indexes: dict[str, MemoryIndex]
) -> AsyncIterator[MstockBroker]:
    """Logged in, of the type that the test is for."""
    settings = MstockSettings(
        api_type=api_type, api_key=Secret(KEY), username="MA0000001"
    )
    http = BrokerHttp(tls=TLS)
    broker = MstockBroker(settings, http, indexes[api_type], wall=lambda: NOON)
    broker.use(broker.login.adopt(Secret("TOKEN"), NOON))
    yield broker
    await broker.aclose()


@pytest.fixture
def web() -> Iterator[respx.MockRouter]:
    """Everything m.Stock would hear; a call that no test expects fails it."""
    with broker_web(assert_all_called=False) as router:
        yield router


only_a = pytest.mark.parametrize("api_type", ["A"], indirect=True)
only_b = pytest.mark.parametrize("api_type", ["B"], indirect=True)
