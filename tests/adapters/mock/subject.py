"""A mock under the contract of all brokers: it is its own venue."""

from adapters.model import BookStatus
from tests.adapters.paper.test_contract import FAULTS
from tests.contracts.broker_contract import of_type, placed, row

from .family import NOON


class MockSubject:
    """What both mocks have in common; each says what it trades."""

    def __init__(self, port):
        self.port = port

    def now(self):
        return NOON

    def heard(self):
        return len(self._entries)

    def taken(self):
        return [entry.tag for entry in self._entries.values()]

    def set_price(self, price):
        self.port.set_price(self.order.symbol, price)

    def fill(self, broker_order_id, quantity):
        self.port.fill(broker_order_id, quantity)

    async def go_wrong(self, mishap, call):
        self.port.script.on(call, FAULTS[mishap])

    @property
    def _entries(self):
        return self.port._account.book.entries


async def each_type_rests_as_it_was_placed(subject, kind):
    """What the contract wants of each type; but MARKET too waits for a hand."""
    order = of_type(subject, kind)
    found = await row(subject, await placed(subject, order))
    assert (found.type, found.status) == (kind, BookStatus.OPEN)
    assert (found.price, found.trigger_price) == (order.price, order.trigger_price)
