"""HDFC Securities as a `BrokerPort`: build a body, call, read the answer."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from adapters.brokers.hdfc import portfolio, translate, wire
from adapters.brokers.hdfc.answers import (
    is_empty_demat,
    order_answer,
    prices_answer,
    read_answer,
)
from adapters.brokers.hdfc.codes import Call
from adapters.brokers.hdfc.login import API, HdfcLogin
from adapters.brokers.hdfc.session import AGENT, Session
from adapters.brokers.hdfc.settings import HdfcSettings
from adapters.brokers.hdfc.symbols import Symbols
from adapters.download import download
from adapters.errors import NotSent, Refused, SentUnknown, Unsupported
from adapters.http import BrokerHttp, Endpoint
from adapters.instruments import NO_INSTRUMENTS, Instrument, InstrumentIndex
from adapters.login import Grant
from adapters.model import (
    Acked,
    BookOrder,
    Depth,
    Funds,
    Holding,
    Margin,
    Order,
    OrderType,
    Position,
    Product,
    Quote,
    Rejected,
    Trade,
    Validity,
)
from adapters.ports import Capabilities, LastLook, PublishedLimits, TagRule
from adapters.reply import Reply
from adapters.rows import book_of, row_of, translated

T = TypeVar("T")

PROFILE = "https://developer.hdfcsec.com/oapi/v3/user/profile"
MOST_BOOK_BYTES = 64 * 1024 * 1024
"""The book holds the whole day, some 1,100 bytes a row."""
EMPTY = (b"Content-Length", b"0")
"""Of a POST without a body, as RFC 9110, 8.6 wants it: some gateways refuse without."""
QUOTES_AT_ONCE = 10
"""More are refused at the sister API. Source: dossier 6."""

CAPABILITIES = Capabilities(
    # HDFC publishes none but the exchange's; reads by the dossier's default, 6.
    limits=PublishedLimits(orders_per_second=10, per_second=10),
    # Up to 20 digits are taken; 15 survive being read as a number. Source: dossier 8.
    tag=TagRule(alphabet=string.digits, max_length=translate.LONGEST_TAG),
    order_types=frozenset(OrderType),
    products=frozenset(Product),
    validities=frozenset(Validity),
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    book_poll=5.0,
    master=True,
)

_encode = msgspec.json.Encoder(decimal_format="number").encode
_rows = msgspec.json.Decoder(list[msgspec.Raw])
_order_rows = msgspec.json.Decoder(wire.OrderRow)
_trade_rows = msgspec.json.Decoder(wire.TradeRow)
_positions = msgspec.json.Decoder(wire.Net)
_holdings = msgspec.json.Decoder(list[wire.HoldingRow])
_limits = msgspec.json.Decoder(wire.Limits)
_anything = msgspec.json.Decoder(msgspec.Raw)


def _now() -> datetime:
    return datetime.now(UTC)


class HdfcBroker:
    """One HDFC Securities account.

    Args:
        settings: the account's.
        http: closed by `aclose`.
        instruments: the security master; without one nothing can be ordered.
        wall: wall time, aware; for the log-in.
    """

    def __init__(
        self,
        settings: HdfcSettings,
        http: BrokerHttp,
        instruments: InstrumentIndex = NO_INSTRUMENTS,
        *,
        wall: Callable[[], datetime] = _now,
    ) -> None:
        self._http = http
        self._key = {"api_key": settings.api_key.reveal()}
        self._symbols = Symbols(instruments)
        self._session = Session()
        self._login = HdfcLogin(settings, http, wall)
        self._place = http.endpoint("POST", f"{API}/orders/regular", agent=AGENT)
        self._book = http.endpoint("GET", f"{API}/orders", agent=AGENT)
        self._trade_book = http.endpoint("GET", f"{API}/trades", agent=AGENT)
        self._net = http.endpoint(
            "GET", f"{API}/portfolio/cumulative-positions", agent=AGENT
        )
        self._demat = http.endpoint("GET", f"{API}/portfolio/holdings", agent=AGENT)
        self._margins = http.endpoint("GET", f"{API}/user/margins", agent=AGENT)
        self._prices = http.endpoint("PUT", f"{API}/fetch-ltp", agent=AGENT)
        self._profile = http.endpoint("POST", PROFILE, agent=AGENT)
        self._master = http.endpoint("GET", f"{API}/security-master", agent=AGENT)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def login(self) -> HdfcLogin:
        """By password and OTP, or by HDFC's own page."""
        return self._login

    def use(self, grant: Grant | None) -> None:
        """Make all calls from now on with *grant*; with None none is made."""
        self._session.use(grant)

    async def place(
        self, order: Order, tag: str, last_look: LastLook
    ) -> Acked | Rejected:
        """Send a new order. A yes says that HDFC took it; a refusal by risk or by the
        exchange shows in the book later (dossier 7.1)."""
        body = translate.place_body(order, tag, self._symbols.find(order.symbol))
        reply = await self._send(self._place, _encode(body), last_look)
        return order_answer(Call.PLACE, reply)

    async def modify(
        self, broker_order_id: str, order: Order, last_look: LastLook
    ) -> Acked | Rejected:
        """Change an open order to *order*.

        The quantity is the total at peers, and not documented (dossier 7.2): the book
        is read first, and an order that is filled in part is not changed.

        Raises:
            NotSent: the order could not be read, or is not shown; no change was sent.
            Unsupported: a part is filled already.
        """
        endpoint = self._of("PUT", broker_order_id)
        body = _encode(translate.change_body(order))
        try:
            await self._check_unfilled(broker_order_id)
        except Refused as exc:
            return Rejected(code=exc.code, text=exc.text, http_status=exc.http_status)
        reply = await self._send(endpoint, body, last_look)
        return order_answer(Call.MODIFY, reply, broker_order_id)

    async def cancel(self, broker_order_id: str) -> Acked | Rejected:
        """Cancel an open order."""
        reply = await self._send(self._of("DELETE", broker_order_id))
        return order_answer(Call.CANCEL, reply, broker_order_id)

    async def order_book(self) -> Sequence[BookOrder]:
        """The day's orders, from whatever platform."""
        rows = await self._read(self._book, _rows)
        return await book_of(
            rows, lambda raw: translate.book_order(_order_row(raw), self._symbols)
        )

    async def order_by_tag(self, tag: str) -> BookOrder | None:
        """The order that bears *tag*, out of the whole book: there is no filter.

        Raises:
            SentUnknown: two bear it, and nobody can say which is meant.
        """
        found = [order for order in await self.order_book() if order.tag == tag]
        if len(found) > 1:
            ids = ", ".join(order.broker_order_id for order in found)
            raise SentUnknown(f"wanted one order with the tag {tag}, found {ids}")
        return found[0] if found else None

    async def trades(self) -> Sequence[Trade]:
        """The day's fills."""
        rows = await self._read(self._trade_book, _rows)
        return await translated(
            rows, lambda raw: translate.trade(_trade_row(raw), self._symbols)
        )

    async def positions(self) -> Sequence[Position]:
        """Net positions."""
        answer = await self._read(self._net, _positions)
        return [portfolio.position(row, self._symbols) for row in answer.net]

    async def holdings(self) -> Sequence[Holding]:
        """Shares in the demat account; an empty one is refused, and is empty."""
        try:
            rows = await self._read(self._demat, _holdings)
        except Refused as error:
            if is_empty_demat(error):
                return []
            raise
        return [portfolio.holding(row, self._symbols) for row in rows]

    async def funds(self) -> Funds:
        """The equity ledger."""
        return portfolio.funds(await self._read(self._margins, _limits))

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """Last prices, a call for every ten; what HDFC leaves out is left out here.

        Contracts are asked for under the exchange of their orders, and those left out
        once more under `NFO` or `BFO`: both are in use (dossier 11).
        """
        asked = {symbol: self._symbols.find(symbol) for symbol in symbols}
        parents = [(row.extra["exchange"], row, name) for name, row in asked.items()]
        found = await self._last_prices(parents)
        own = [
            (row.exchange, row, name)
            for name, row in asked.items()
            if row.expiry is not None and name not in found
        ]
        found |= await self._last_prices(own)
        return [found[name] for name in asked if name in found]

    async def depth(self, symbol: str) -> Depth:
        """There is none over HTTP."""
        raise Unsupported("HDFC shows no depth over HTTP")

    async def margin(self, orders: Sequence[Order]) -> Margin:
        """There is no documented call."""
        raise Unsupported("HDFC documents no margin calculator")

    async def download_master(self, directory: Path) -> Sequence[Path]:
        """Fetch the public master; neither key nor session is wanted."""
        path = directory / "security-master.csv"
        return [await download(self._http, self._master, path)]

    async def check(self) -> None:
        """Read the profile, which fails unless the session is good."""
        await self._read(self._profile, _anything)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _read(self, endpoint: Endpoint, decoder: msgspec.json.Decoder[T]) -> T:
        reply = await self._send(endpoint, most=MOST_BOOK_BYTES)
        return read_answer(reply, decoder)

    async def _send(
        self,
        endpoint: Endpoint,
        body: bytes = b"",
        last_look: LastLook | None = None,
        most: int | None = None,
    ) -> Reply:
        headers = self._session.headers(body)
        if endpoint.method == "POST" and not body:
            headers = (*headers, EMPTY)
        return await self._http.send(
            endpoint,
            headers=headers,
            query=self._key,
            body=body,
            last_look=last_look,
            max_bytes=most,
        )

    async def _last_prices(
        self, asked: Sequence[tuple[str, Instrument, str]]
    ) -> dict[str, Quote]:
        """By the code, the token and the symbol of each; the quotes by symbol."""
        found: dict[str, Quote] = {}
        for start in range(0, len(asked), QUOTES_AT_ONCE):
            some = asked[start : start + QUOTES_AT_ONCE]
            names = {(code, row.extra["token"]): name for code, row, name in some}
            body = {
                "data": [{"exchange": code, "token": token} for code, token in names]
            }
            reply = await self._send(self._prices, _encode(body))
            for row in prices_answer(reply):  # in any order (dossier 11)
                name = names.get((row.exchange, str(row.token)))
                if name and (quote := portfolio.quote(row, name)):
                    found[name] = quote
        return found

    async def _check_unfilled(self, broker_order_id: str) -> None:
        try:
            book = await self.order_book()
        except SentUnknown as exc:
            raise NotSent(f"the order to change could not be read: {exc}") from exc
        found = [order for order in book if order.broker_order_id == broker_order_id]
        if not found:
            raise NotSent(f"the order to change is not in the book: {broker_order_id}")
        if filled := found[0].filled_quantity:
            raise Unsupported(
                f"order {broker_order_id} has {filled} of {found[0].quantity} filled,"
                " and HDFC does not say whether a new quantity counts them: cancel it"
                " and place what is still wanted"
            )

    def _of(self, method: str, broker_order_id: str) -> Endpoint:
        """The call that names an order in its path."""
        if not broker_order_id.isalnum():
            raise Unsupported(f"no order id of HDFC: {broker_order_id[:32]!r}")
        url = f"{API}/orders/regular/{broker_order_id}"
        return self._http.endpoint(method, url, agent=AGENT)


def _order_row(raw: msgspec.Raw) -> wire.OrderRow:
    return row_of(raw, _order_rows, "the order book")


def _trade_row(raw: msgspec.Raw) -> wire.TradeRow:
    return row_of(raw, _trade_rows, "the trade book")
