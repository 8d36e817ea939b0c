"""What the suites need of an adapter under test: its port, its venue, and a hand there.

docs/adapters.md tells how to write one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum, auto
from typing import Protocol

from adapters.instruments import InstrumentIndex
from adapters.login import Challenge
from adapters.model import Order
from adapters.ports import BrokerPort
from adapters.secret import Secret


class Mishap(StrEnum):
    """What goes wrong with a call."""

    LOST_REQUEST = auto()
    """The connection ends; nothing was done."""
    LOST_ANSWER = auto()
    """It was done; the connection ends in place of an answer."""
    SERVER_ERROR = auto()
    """HTTP 5xx; nothing was done."""
    PAGE = auto()
    """It was done; HTTP 200 and a web page in place of an answer."""
    CUT_OFF = auto()
    """It was done; the answer ends in the middle."""
    REFUSED = auto()
    """The broker's structured no; nothing was done."""
    EXPIRED = auto()
    """The session is not accepted; nothing was done."""
    TOO_FAST = auto()
    """Refused for pace; nothing was done."""
    NOBODY_THERE = auto()
    """No connection can be made, from now on."""


class Subject(Protocol):
    """One adapter and its venue; made anew for each test.

    Attributes:
        adapter: its name in the catalogue.
        port: logged in, where there is a log-in.
        order: a LIMIT BUY that the venue takes and that rests, with a price that has
            paise; its product lets the same symbol be sold short.
        last: what its symbol trades at, a tick or more above the order's price.
        tick: of its symbol, rupees.
        nobody_knows: a symbol that does not exist.
    """

    adapter: str
    port: BrokerPort
    order: Order
    last: Decimal
    tick: Decimal
    nobody_knows: str

    def now(self) -> datetime:
        """The venue's wall time, aware."""

    def heard(self) -> int:
        """How many requests the venue has had; in its own process: orders."""

    def taken(self) -> Sequence[str]:
        """The tags of all orders that the venue has, whether the book shows them."""

    def set_price(self, price: Decimal) -> None:
        """Trade the order's symbol at *price*."""

    def fill(self, broker_order_id: str, quantity: Decimal) -> None:
        """Fill so many units of an open order, at its limit."""

    async def go_wrong(self, mishap: Mishap, call: str) -> None:
        """Let the next *call*, a method's name of the port, go so."""


class LoginSubject(Subject, Protocol):
    """An adapter with a log-in.

    Attributes:
        secrets: texts that nothing may show: passwords, keys, tokens known beforehand.
        logs_out: whether the broker has a call that ends a session.
    """

    secrets: Sequence[str]
    logs_out: bool

    def fresh(self) -> BrokerPort:
        """Another port to the same account, not logged in; the suite closes it."""

    async def right(self, challenge: Challenge) -> Mapping[str, Secret]:
        """What the user would answer."""

    async def wrong(self, challenge: Challenge) -> Mapping[str, Secret]:
        """What somebody else would answer."""

    def pass_time(self, length: timedelta) -> None:
        """Move the wall clock of venue and adapter on."""

    def expire(self) -> None:
        """End every session at the venue, as the broker does over night."""


class MasterSubject(Subject, Protocol):
    """An adapter with instrument files.

    Attributes:
        known: symbols of the venue's master, and the keys under which it has them.
        orders: one that the venue takes for each exchange, all at rest.
    """

    known: Mapping[str, str]
    orders: Sequence[Order]

    def with_master(self, instruments: InstrumentIndex) -> BrokerPort:
        """Another port, logged in, that goes by *instruments*; the suite closes it."""
