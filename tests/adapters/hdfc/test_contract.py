"""HDFC under the contracts of all brokers, against its protocol server."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import trio.testing
from msgspec.structs import replace

from adapters.brokers.hdfc import HdfcBroker, HdfcSettings, master
from adapters.http import BrokerHttp
from adapters.model import Order, OrderType, Product, Side
from adapters.secret import Secret
from tests.contracts.broker_contract import *  # noqa: F403
from tests.contracts.broker_subject import Mishap
from tests.contracts.login_contract import *  # noqa: F403
from tests.contracts.master_contract import *  # noqa: F403
from tests.contracts.memory_index import MemoryIndex
from tests.venues.faults import Fault
from tests.venues.hdfc import KEY, OTP, PASSWORD, SECRET, USER, HdfcVenue
from tests.venues.hdfc_book import MASTER

from .support import TLS

NOON = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
TOKEN = "TOKEN-OF-TODAY"
INDEX = MemoryIndex(master.parse([MASTER]))
ORDER = Order(
    symbol="NSE:SBIN",
    side=Side.BUY,
    quantity=Decimal(10),
    type=OrderType.LIMIT,
    price=Decimal("812.3"),
    product=Product.INTRADAY,
)
FAULTS = {
    Mishap.LOST_REQUEST: {"kind": "drop_before_accept"},
    Mishap.LOST_ANSWER: {"kind": "drop_after_accept"},
    Mishap.SERVER_ERROR: {"kind": "http_error", "status": 502, "html": True},
    Mishap.PAGE: {"kind": "html_200"},
    Mishap.CUT_OFF: {"kind": "truncated_body"},
    Mishap.REFUSED: {"kind": "reject"},
    Mishap.EXPIRED: {"kind": "token_expired"},
    Mishap.TOO_FAST: {"kind": "rate_limited"},
}
ENDPOINTS = {
    "order_book": "orders",
    "order_by_tag": "orders",
    "check": "profile",
    "download_master": "master",
}
KNOWN = {
    "NSE:SBIN": "NSE|EQUITY|SBILTDEQNR",
    "NSE:M&M": "NSE|EQUITY|MMLTDEQNR",
    "BSE:RELIANCE": "BSE|EQUITY|RELLTDEQNR",
    "NSE_INDEX:NIFTY": "NSE_INDEX|EQUITY|NIFTYEQNR",
    "NSE_INDEX:BANKNIFTY": "NSE_INDEX|EQUITY|BANKNIFTYEQNR",
    "NSE_INDEX:INDIAVIX": "NSE_INDEX|EQUITY|INDIAVIXEQNR",
    "NFO:NIFTY29DEC26FUT": "NSE|FUTIDX|41001",
    "NFO:NIFTY01DEC2625500CE": "NSE|OPTIDX|41010",
    "NFO:IOC29DEC26162.5PE": "NSE|OPTSTK|41081",
    "BFO:SENSEX03DEC2684000CE": "BSE|OPTIDX|B870002",
}


class HdfcSubject:
    adapter = "hdfc"
    last = Decimal("812.9")
    tick = Decimal("0.05")
    order = ORDER
    nobody_knows = "NSE:NOSUCH"
    secrets = (SECRET, TOKEN, PASSWORD)
    logs_out = False
    known = KNOWN
    orders = (
        ORDER,
        replace(ORDER, symbol="NSE:M&M", price=Decimal(3600)),
        replace(ORDER, symbol="BSE:RELIANCE", price=Decimal(1400)),
        replace(
            ORDER,
            symbol="NFO:NIFTY29DEC26FUT",
            quantity=Decimal(65),
            price=Decimal(26000),
            product=Product.MARGIN,
        ),
        replace(
            ORDER,
            symbol="BFO:SENSEX03DEC2684000CE",
            quantity=Decimal(20),
            price=Decimal(1),
            product=Product.MARGIN,
        ),
    )

    def __init__(self):
        self._now = NOON.timestamp()
        self.venue = HdfcVenue(clock=lambda: self._now, tokens=(TOKEN,))
        self.set_price(self.last)

    async def start(self, nursery):
        await nursery.start(self.venue.serve)
        self.port = self.with_master(INDEX)

    def now(self):
        return datetime.fromtimestamp(self._now, UTC)

    def heard(self):
        return len(self.venue.seen)

    def taken(self):
        return [order.reference for order in self.venue.book.orders.values()]

    def set_price(self, price):
        self.venue.book.set_price(("NSE", "EQUITY", "SBILTDEQNR"), price)

    def fill(self, broker_order_id, quantity):
        order = self.venue.book.orders[broker_order_id]
        self.venue.book.fill(order, int(quantity), order.body.price)

    async def go_wrong(self, mishap, call):
        if mishap is Mishap.NOBODY_THERE:
            self.venue.stop()
            await trio.testing.wait_all_tasks_blocked()
        else:
            on = ENDPOINTS.get(call, call)
            self.venue.faults.add(Fault(on=on, **FAULTS[mishap]))

    def fresh(self, instruments=INDEX):
        settings = HdfcSettings(
            api_key=Secret(KEY),
            secret=Secret(SECRET),
            username=USER,
            password=Secret(PASSWORD),
        )
        http = BrokerHttp(base_url=self.venue.url, tls=TLS)
        return HdfcBroker(settings, http, instruments, wall=self.now)

    def with_master(self, instruments):
        port = self.fresh(instruments)
        port.use(port.login.adopt(Secret(TOKEN), self.now()))
        return port

    async def right(self, challenge):
        return {"otp": Secret(OTP)}

    async def wrong(self, challenge):
        return {"otp": Secret("000000")}

    def pass_time(self, length):
        self._now += length.total_seconds()

    def expire(self):
        self.venue.login.expire_all()


@pytest.fixture
async def subject(nursery):
    made = HdfcSubject()
    await made.start(nursery)
    yield made
    await made.port.aclose()
    made.venue.stop()
