"""The paper broker under the contract of all brokers."""

from decimal import Decimal

import pytest

from adapters.brokers.paper.faults import Fault
from tests.contracts.broker_contract import *  # noqa: F403
from tests.contracts.broker_subject import Mishap

from .family import NOON, SBIN, make_broker, order

FAULTS = {
    Mishap.LOST_REQUEST: Fault.lose_request(),
    Mishap.LOST_ANSWER: Fault.lose_answer(),
    Mishap.SERVER_ERROR: Fault.server_error(503),
    Mishap.PAGE: Fault.server_error(200, accepted=True),
    Mishap.CUT_OFF: Fault.lose_answer(),
    Mishap.REFUSED: Fault.refuse(),
    Mishap.EXPIRED: Fault.session_expired(),
    Mishap.TOO_FAST: Fault.limited(),
    Mishap.NOBODY_THERE: Fault.connect_failure(),
}


class PaperSubject:
    """The paper broker is its own venue."""

    adapter = "paper"
    last = Decimal(812)
    tick = Decimal("0.05")
    order = order(price=Decimal("811.35"))
    nobody_knows = "NSE:NOSUCH"

    def __init__(self):
        self.port = make_broker(symbols=[SBIN], at=self.last)

    def now(self):
        return NOON

    def heard(self):
        return len(self._entries)

    def taken(self):
        return [entry.tag for entry in self._entries.values()]

    def set_price(self, price):
        self.port.set_price(SBIN, price)

    def fill(self, broker_order_id, quantity):
        self.port.fill(broker_order_id, quantity)

    async def go_wrong(self, mishap, call):
        self.port.script.on(call, FAULTS[mishap])

    @property
    def _entries(self):
        return self.port._account.book.entries


@pytest.fixture
async def subject():
    made = PaperSubject()
    yield made
    await made.port.aclose()
