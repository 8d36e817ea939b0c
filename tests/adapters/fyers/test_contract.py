"""FYERS under the contracts of all brokers, against its protocol server."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
import trio.testing
from msgspec.structs import replace

from adapters.brokers.fyers import FyersBroker, FyersSettings, MasterSymbols
from adapters.http import BrokerHttp
from adapters.instruments import NO_INSTRUMENTS
from adapters.login import REDIRECT_URL
from adapters.model import Product
from adapters.secret import Secret
from tests.contracts.broker_contract import *  # noqa: F403
from tests.contracts.broker_subject import Mishap
from tests.contracts.login_contract import *  # noqa: F403
from tests.contracts.master_contract import *  # noqa: F403
from tests.support.plain import PLAIN
from tests.venues.faults import Fault
from tests.venues.fyers import FyersVenue

from .conftest import NOON, ORDER, TLS

APP, SECRET, TOKEN = "DEMO12EFGH-100", "hunter2", "TOKEN-OF-TODAY"
CALLBACK = "https://127.0.0.1:8443/api/v1/sessions/fyers/callback"

FAULTS = {
    Mishap.LOST_REQUEST: {"kind": "drop_before_accept"},
    Mishap.LOST_ANSWER: {"kind": "drop_after_accept"},
    Mishap.SERVER_ERROR: {"kind": "http_error", "status": 502, "html": True},
    Mishap.PAGE: {"kind": "html_200"},
    Mishap.CUT_OFF: {"kind": "truncated_body"},
    Mishap.REFUSED: {"kind": "reject", "text": "RED:RULE:no"},
    Mishap.EXPIRED: {"kind": "token_expired"},
    Mishap.TOO_FAST: {"kind": "rate_limited", "seconds": 1.0},
}
ENDPOINTS = {
    "order_book": "orders",
    "order_by_tag": "orders",
    "check": "profile",
    "download_master": "master",
}

KNOWN = {
    "NSE:SBIN": "NSE:SBIN-EQ",
    "NSE:SBIN-BE": "NSE:SBIN-BE",
    "NSE:M&M": "NSE:M&M-EQ",
    "BSE:RELIANCE": "BSE:RELIANCE-A",
    "NSE_INDEX:NIFTY": "NSE:NIFTY50-INDEX",
    "NSE_INDEX:BANKNIFTY": "NSE:NIFTYBANK-INDEX",
    "NSE_INDEX:FINNIFTY": "NSE:FINNIFTY-INDEX",
    "NSE_INDEX:INDIAVIX": "NSE:INDIAVIX-INDEX",
    "BSE_INDEX:SENSEX": "BSE:SENSEX-INDEX",
    "BSE_INDEX:BANKEX": "BSE:BANKEX-INDEX",
    "NFO:NIFTY29DEC26FUT": "NSE:NIFTY26DECFUT",
    "NFO:NIFTY01DEC2625500CE": "NSE:NIFTY26D0125500CE",
    "NFO:RELIANCE29DEC261440PE": "NSE:RELIANCE26DEC1440PE",
    "BFO:SENSEX03DEC2684000CE": "BSE:SENSEX26D0384000CE",
}


class FyersSubject:
    adapter = "fyers"
    last = Decimal("812.9")
    tick = Decimal("0.05")
    order = ORDER
    nobody_knows = "NFO:NOSUCH26NOV26FUT"
    secrets = (SECRET, TOKEN)
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
        self.venue = FyersVenue(
            clock=lambda: self._now,
            tokens=(f"{APP}:{TOKEN}",),
            apps={APP: SECRET},
            redirect_uri=CALLBACK,
        )

    async def start(self, nursery):
        await nursery.start(self.venue.serve)
        self.port = self.with_master(NO_INSTRUMENTS)

    def now(self):
        return datetime.fromtimestamp(self._now, UTC)

    def heard(self):
        return len(self.venue.seen)

    def taken(self):
        return [entry.raw()["tag"] for entry in self.venue.book.orders.values()]

    def set_price(self, price):
        self.venue.book.set_price("NSE:SBIN-EQ", float(price))

    def fill(self, broker_order_id, quantity):
        entry = self.venue.book.orders[broker_order_id]
        self.venue.book.fill(entry, int(quantity), entry.row.limit_price)

    async def go_wrong(self, mishap, call):
        if mishap is Mishap.NOBODY_THERE:
            self.venue.stop()
            await trio.testing.wait_all_tasks_blocked()
        else:
            on = ENDPOINTS.get(call, call)
            self.venue.faults.add(Fault(on=on, **FAULTS[mishap]))

    def fresh(self, instruments=NO_INSTRUMENTS):
        settings = FyersSettings(
            app_id=APP,
            secret=Secret(SECRET),
            redirect_uri=CALLBACK,
            base_url=self.venue.url,
        )
        http = BrokerHttp(base_url=self.venue.url, tls=TLS)
        return FyersBroker(settings, http, MasterSymbols(instruments), wall=self.now)

    def with_master(self, instruments):
        port = self.fresh(instruments)
        port.use(port.login.adopt(Secret(TOKEN), self.now()))
        return port

    async def right(self, challenge):
        async with httpx.AsyncClient(trust_env=False, verify=PLAIN) as browser:
            page = await browser.get(challenge.login_url)
        assert page.status_code == 302, page.text
        return {REDIRECT_URL: Secret(page.headers["location"])}

    async def wrong(self, challenge):
        back = (await self.right(challenge))[REDIRECT_URL].reveal()
        return {REDIRECT_URL: Secret(back.replace("state=a-", "state=b-"))}

    def pass_time(self, length):
        self._now += length.total_seconds()

    def expire(self):
        self.venue.login.kill()


@pytest.fixture
async def subject(nursery):
    made = FyersSubject()
    await made.start(nursery)
    yield made
    await made.port.aclose()
    made.venue.stop()
