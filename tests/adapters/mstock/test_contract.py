"""Both types of m.Stock's API under the contracts of all brokers, against its venue."""

from datetime import datetime
from decimal import Decimal

import pytest
import trio.testing
from msgspec.structs import replace

from adapters.brokers.mstock import MstockBroker, MstockSettings
from adapters.http import BrokerHttp
from adapters.model import Product
from adapters.secret import Secret
from tests.contracts.broker_contract import *  # noqa: F403
from tests.contracts.broker_subject import Mishap
from tests.contracts.login_contract import *  # noqa: F403
from tests.contracts.master_contract import *  # noqa: F403
from tests.venues.faults import Fault
from tests.venues.mstock import MstockVenue
from tests.venues.mstock_login import User

from .conftest import NOON, ORDER, TLS, UTC

USER, TOKEN = User(), "TOKEN-OF-TODAY"

FAULTS = {
    Mishap.LOST_REQUEST: {"kind": "drop_before_accept"},
    Mishap.LOST_ANSWER: {"kind": "drop_after_accept"},
    Mishap.SERVER_ERROR: {"kind": "http_error", "status": 502, "html": True},
    Mishap.PAGE: {"kind": "html_200"},
    Mishap.CUT_OFF: {"kind": "truncated_body"},
    Mishap.REFUSED: {"kind": "reject", "text": "Invalid order."},
    Mishap.EXPIRED: {"kind": "token_expired"},
    Mishap.TOO_FAST: {"kind": "rate_limited", "seconds": 1.0},
}
ENDPOINTS = {"order_book": "orders", "check": "funds", "download_master": "master"}

KNOWN = {
    "NSE:SBIN": "NSE:3045",
    "NSE:M&M": "NSE:2031",
    "BSE:RELIANCE": "BSE:500325",
    "NSE_INDEX:NIFTY": "NSE_INDEX:26000",
    "NSE_INDEX:BANKNIFTY": "NSE_INDEX:26009",
    "NSE_INDEX:MIDCPNIFTY": "NSE_INDEX:26074",
    "BSE_INDEX:SENSEX": "BSE_INDEX:51",
    "NFO:NIFTY29DEC26FUT": "NFO:41001",
    "NFO:NIFTY01DEC2625500CE": "NFO:41010",
    "NFO:IOC29DEC26162.5CE": "NFO:41080",
    "BFO:SENSEX03DEC2684000CE": "BFO:870002",
}


class MstockSubject:
    adapter = "mstock"
    last = Decimal("812.9")
    tick = Decimal("0.05")
    order = ORDER
    nobody_knows = "NFO:NOSUCH26NOV26FUT"
    secrets = (USER.password, USER.otp, USER.api_key, TOKEN)
    logs_out = True
    known = KNOWN
    orders = (
        ORDER,
        replace(ORDER, symbol="NSE:M&M", price=Decimal(3600)),
        replace(ORDER, symbol="BSE:RELIANCE", price=Decimal(1400)),
        replace(
            ORDER,
            symbol="NFO:NIFTY29DEC26FUT",
            quantity=Decimal(65),
            price=Decimal(25000),
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

    def __init__(self, api_type, index):
        self._type = api_type
        self._index = index
        self._now = NOON.timestamp()
        self.venue = MstockVenue(clock=lambda: self._now, tokens=(TOKEN,), user=USER)

    async def start(self, nursery):
        await nursery.start(self.venue.serve)
        self.port = self.with_master(self._index)

    def now(self):
        return datetime.fromtimestamp(self._now, UTC)

    def heard(self):
        return len(self.venue.seen)

    def taken(self):
        return [order.terms.tag for order in self.venue.book.orders.values()]

    def set_price(self, price):
        self.venue.book.set_price(("NSE", "3045"), price)

    def fill(self, broker_order_id, quantity):
        order = self.venue.book.orders[broker_order_id]
        self.venue.book.fill(order, quantity, order.terms.price)

    async def go_wrong(self, mishap, call):
        if mishap is Mishap.NOBODY_THERE:
            self.venue.stop()
            await trio.testing.wait_all_tasks_blocked()
        else:
            on = ENDPOINTS.get(call, call)
            self.venue.faults.add(Fault(on=on, **FAULTS[mishap]))

    def fresh(self, instruments=None):
        settings = MstockSettings(
            api_type=self._type,
            api_key=Secret(USER.api_key),
            username=USER.username,
            password=Secret(USER.password),
        )
        http = BrokerHttp(base_url=self.venue.url, tls=TLS)
        # Without a master nothing has a name here.
        index = self._index if instruments is None else instruments
        return MstockBroker(settings, http, index, wall=self.now)

    def with_master(self, instruments):
        port = self.fresh(instruments)
        port.use(port.login.adopt(Secret(TOKEN), self.now()))
        return port

    async def right(self, challenge):
        return {"otp": Secret(USER.otp)}

    async def wrong(self, challenge):
        return {"otp": Secret("999999")}

    def pass_time(self, length):
        self._now += length.total_seconds()

    def expire(self):
        self.venue.login.kill()


@pytest.fixture
async def subject(nursery, api_type, indexes):
    made = MstockSubject(api_type, indexes[api_type])
    await made.start(nursery)
    yield made
    await made.port.aclose()
    made.venue.stop()
