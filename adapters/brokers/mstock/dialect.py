"""What m.Stock's two APIs have in common: the questions each answers in its own way.

Type A follows Kite Connect, Type B SmartAPI. One adapter speaks both; all that differs
(paths, headers, bodies, names of cells) is in `type_a` and `type_b`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

import msgspec

from adapters.brokers.mstock.wire import Row
from adapters.http1 import RawHeaders
from adapters.instruments import Instrument
from adapters.model import Margin, Order, Quote
from adapters.secret import Secret

HOST = "https://api.mstock.trade"
VERSION = (b"X-Mirae-Version", b"1")
FORM = (b"Content-Type", b"application/x-www-form-urlencoded")
JSON = (b"Content-Type", b"application/json")

TRADINGSYMBOL = "tradingsymbol"
"""In `Instrument.extra`: what orders name the instrument by."""
API_TYPE = "api_type"
"""In `Instrument.extra`: which API's master the row is of."""


class Request(NamedTuple):
    """A call, without what the session adds to its headers."""

    method: str
    path: str
    body: bytes = b""
    content: tuple[bytes, bytes] | None = None


class Got(NamedTuple):
    """What a log-in gave."""

    access_token: Secret
    feed_token: Secret | None


class Dialect(Protocol):
    """One of the two APIs.

    Attributes:
        api_type: `A` or `B`.
        root: of every path.
        orders, positions, holdings: the names of cells in those rows, by ours.
        silent_cancel: an empty 2xx answers a cancel.
        quotes_at_once: instruments that one call of `quote_request` asks for.
        margins_at_once: orders that one call of `margin_request` takes.
        master: the instrument file's path below the root, and our name for it.
        prices_positions: whether rows of positions have the last price.
    """

    api_type: str
    root: str
    orders: Mapping[str, str]
    positions: Mapping[str, str]
    holdings: Mapping[str, str]
    silent_cancel: bool
    quotes_at_once: int
    margins_at_once: int
    master: tuple[str, str]
    prices_positions: bool

    def bearing(self, api_key: Secret, token: Secret) -> RawHeaders:
        """What a call of a session bears."""

    def place(self, order: Order, tag: str, instrument: Instrument) -> Request: ...

    def modify(
        self, broker_order_id: str, order: Order, instrument: Instrument
    ) -> Request: ...

    def cancel(self, broker_order_id: str) -> Request: ...

    def order_id(self, data: msgspec.Raw) -> str:
        """Of a placed order, "" where there is none."""

    def position_rows(self, data: msgspec.Raw) -> msgspec.Raw:
        """The list of net positions in the answer."""

    def quote_request(self, instruments: Sequence[Instrument]) -> Request: ...

    def quotes(
        self, data: msgspec.Raw, instruments: Sequence[Instrument]
    ) -> list[Quote]:
        """Those that have a price; raises `SentUnknown` where it cannot be read."""

    def margin_request(self, orders: Sequence[tuple[Order, Instrument]]) -> Request: ...

    def margin(self, data: msgspec.Raw) -> Margin: ...

    # The log-in

    def password_step(self, username: str, password: Secret) -> Request: ...

    def handle(self, data: msgspec.Raw) -> str:
        """What the second step must name of the first; "" where it names nothing."""

    def second_step(
        self, api_key: Secret, handle: str, code: Secret, *, app: bool
    ) -> Request:
        """Args:
        app: *code* is an authenticator app's, not one that m.Stock sent.
        """

    def knocking(self, api_key: Secret) -> RawHeaders:
        """What the second step bears besides its version."""

    def got(self, data: msgspec.Raw) -> Got | None: ...


def digits(amount: Decimal | None) -> str:
    """An amount as the broker reads it, `0` where there is none."""
    return "0" if amount is None else format(amount, "f")


def units(quantity: Decimal | None) -> str:
    """A whole quantity, `0` where there is none."""
    return "0" if quantity is None else str(int(quantity))


def token_of(instrument: Instrument) -> str:
    """The exchange's number, from the key `EXCHANGE:NUMBER`."""
    return instrument.key.partition(":")[2]


def market_of(instrument: Instrument) -> str:
    """The exchange as calls name it: an index is quoted on its own exchange."""
    return instrument.exchange.removesuffix("_INDEX")


def quote(symbol: str, row: Row) -> Quote | None:
    """None where there is no price; 0 is none."""
    last = row.amount("last")
    if not last:
        return None
    return Quote(
        symbol=symbol,
        last_price=last,
        open=row.amount("open") or None,
        high=row.amount("high") or None,
        low=row.amount("low") or None,
        previous_close=row.amount("close") or None,
    )
