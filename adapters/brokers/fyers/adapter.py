"""FYERS as a `BrokerPort`: build a body, call, read the answer."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import UnsetType

from adapters.brokers.fyers import market, translate, wire
from adapters.brokers.fyers.answers import order_answer, read_answer
from adapters.brokers.fyers.codes import Call
from adapters.brokers.fyers.login import FyersLogin
from adapters.brokers.fyers.session import Session
from adapters.brokers.fyers.settings import FyersSettings
from adapters.brokers.fyers.symbols import CashSymbols, SymbolMap
from adapters.brokers.fyers.updates import FyersUpdates, order_updates
from adapters.download import Wanted, download_all
from adapters.errors import ConfigError, NotSent, Refused, SentUnknown
from adapters.http import BrokerHttp, Endpoint
from adapters.login import Grant
from adapters.model import (
    ZERO,
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
from adapters.rows import book_of, row_of, translated

T = TypeVar("T", bound=wire.Envelope)
R = TypeVar("R")

METHODS = {Call.PLACE: "POST", Call.MODIFY: "PATCH", Call.CANCEL: "DELETE"}
API = "https://api-t1.fyers.in/api/v3"
DATA = "https://api-t1.fyers.in/data"
MASTERS = "https://public.fyers.in/sym_details/{}_sym_master.json"
READS: dict[type[wire.Envelope], str] = {
    wire.OrderBook: f"{API}/orders",
    wire.TradeBook: f"{API}/tradebook",
    wire.Positions: f"{API}/positions",
    wire.Holdings: f"{API}/holdings",
    wire.FundLimits: f"{API}/funds",
    wire.Quotes: f"{DATA}/quotes",
    wire.Depths: f"{DATA}/depth",
    wire.Envelope: f"{API}/profile",
}
"""Every read but the margin's, by the shape of its answer."""
MASTER_NAMES = ("NSE_CM", "NSE_FO", "BSE_CM", "BSE_FO")
"""Those of the exchanges that orders go to. Source: dossier 11.3."""

MOST_BOOK_BYTES = 64 * 1024 * 1024
"""A row of the book takes 730 bytes, and the book holds the whole day: under the usual
cap of 5 MB it could not be read any more after some 7,000 orders."""
QUOTES_AT_ONCE = 50
"""Symbols that one call of `quotes` asks for; more are several calls, which count
against the limits. Source: dossier 10.2."""

CAPABILITIES = Capabilities(
    # The Standard plan's; Prime has more a minute and a day. Source: dossier 5.
    limits=PublishedLimits(
        orders_per_second=10, per_second=10, per_minute=200, per_day=100_000
    ),
    tag=TagRule(alphabet=string.ascii_letters + string.digits, max_length=30),
    order_types=frozenset(OrderType),
    products=frozenset(Product),
    validities=frozenset(Validity),
    # Not MCX: its quantities are lots, and no live order has shown how (dossier 17).
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    # 12 of 200 calls a minute; dossier 5 advises 3 to 5 s.
    book_poll=5.0,
    margin=True,
    depth=True,
    master=True,
    order_updates=True,
)

_encode = msgspec.json.Encoder(decimal_format="number").encode
_order_rows = msgspec.json.Decoder(wire.OrderRow)
_trade_rows = msgspec.json.Decoder(wire.TradeRow)


def _now() -> datetime:
    return datetime.now(UTC)


class FyersBroker:
    """One FYERS account.

    Args:
        settings: the account's.
        http: made with the same `base_url`; closed by `aclose`.
        symbols: names of instruments; without a master, shares on NSE only.
        wall: wall time, aware; for the log-in.

    Raises:
        ConfigError: *http* would call other hosts than *settings* says.
    """

    def __init__(
        self,
        settings: FyersSettings,
        http: BrokerHttp,
        symbols: SymbolMap | None = None,
        *,
        wall: Callable[[], datetime] = _now,
    ) -> None:
        if settings.base_url != http.base_url:
            raise ConfigError("base_url: the connection was made for another one")
        self._http = http
        self._symbols = CashSymbols() if symbols is None else symbols
        self._session = Session(settings.app_id)
        self._login = FyersLogin(settings, http, self._session, wall)
        self._orders = {
            call: http.endpoint(method, f"{API}/orders/sync")
            for call, method in METHODS.items()
        }
        self._reads: dict[type[wire.Envelope], tuple[Endpoint, Any]] = {
            shape: (http.endpoint("GET", url), msgspec.json.Decoder(shape))
            for shape, url in READS.items()
        }
        self._margin = http.endpoint("POST", f"{API}/multiorder/margin")
        self._margins = msgspec.json.Decoder(wire.Margins)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def login(self) -> FyersLogin:
        """By a redirect to FYERS's own page."""
        return self._login

    def use(self, grant: Grant | None) -> None:
        """Make all calls from now on with *grant*; with None none is made."""
        self._session.use(grant)

    async def place(
        self, order: Order, tag: str, last_look: LastLook
    ) -> Acked | Rejected:
        """Send a new order; raises `Unsupported` for what has no ticker here."""
        body = translate.place_body(order, tag, self._symbols)
        return await self._send(Call.PLACE, body, None, last_look)

    async def modify(
        self, broker_order_id: str, order: Order, last_look: LastLook
    ) -> Acked | Rejected:
        """Change an open order to *order*, whose quantity is the total.

        The order is read first, which is a call of its own: what may be sent as a
        quantity depends on what is filled (see `translate.modify_body`).

        Raises:
            NotSent: it could not be read, or is not shown; no change was sent.
            Unsupported: a new quantity after a part was filled.
        """
        translate.units(order.quantity)
        try:
            standing = await self._standing(broker_order_id)
        except Refused as exc:
            return Rejected(code=exc.code, text=exc.text, http_status=exc.http_status)
        body = translate.modify_body(standing, order)
        return await self._send(Call.MODIFY, body, broker_order_id, last_look)

    async def cancel(self, broker_order_id: str) -> Acked | Rejected:
        """Cancel an open order; one that is cancelled already is acked."""
        body = wire.CancelBody(broker_order_id)
        return await self._send(Call.CANCEL, body, broker_order_id, None)

    async def order_book(self) -> Sequence[BookOrder]:
        """The day's orders, from whatever platform."""
        book = await self._read(wire.OrderBook)
        rows = _there(book.orderBook, "orderBook")
        return await book_of(
            rows, lambda raw: translate.book_order(_order_row(raw), self._symbols)
        )

    async def order_by_tag(self, tag: str) -> BookOrder | None:
        """The order that bears *tag*, out of the whole book: FYERS's own filter costs
        the same, and one that it passed over would look like an order not there.

        Raises:
            SentUnknown: two bear it, and nobody can say which is meant.
        """
        found = [order for order in await self.order_book() if order.tag == tag]
        if len(found) > 1:
            ids = ", ".join(order.broker_order_id for order in found)
            raise SentUnknown(f"wanted one order with the tag {tag}, found {ids}")
        return found[0] if found else None

    def order_updates(self) -> AbstractAsyncContextManager[FyersUpdates]:
        """The order socket, with the session of the moment it is opened."""
        return order_updates(self._http, self._session, self._symbols)

    async def trades(self) -> Sequence[Trade]:
        """The day's fills."""
        book = await self._read(wire.TradeBook)
        rows = _there(book.tradeBook, "tradeBook")
        return await translated(
            rows, lambda raw: translate.trade(_trade_row(raw), self._symbols)
        )

    async def positions(self) -> Sequence[Position]:
        """Net positions; those closed today are included, with quantity 0."""
        answer = await self._read(wire.Positions)
        rows = _there(answer.netPositions, "netPositions")
        return [translate.position(row, self._symbols) for row in rows]

    async def holdings(self) -> Sequence[Holding]:
        """Shares in the demat account, as the day began."""
        answer = await self._read(wire.Holdings)
        rows = _there(answer.holdings, "holdings")
        return [translate.holding(row, self._symbols) for row in rows]

    async def funds(self) -> Funds:
        """The equity ledger; `available` holds collateral, `cash` does not."""
        answer = await self._read(wire.FundLimits)
        return translate.funds(_there(answer.fund_limit, "fund_limit"))

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """Quotes, a call for every 50; a symbol without a price is left out."""
        asked = {self._symbols.ticker(symbol): symbol for symbol in symbols}
        tickers, quotes = list(asked), []
        for start in range(0, len(tickers), QUOTES_AT_ONCE):
            some = ",".join(tickers[start : start + QUOTES_AT_ONCE])
            answer = await self._read(wire.Quotes, {"symbols": some})
            rows = _there(answer.d, "d")
            quotes += [market.quote(row, asked) for row in rows]
        return [quote for quote in quotes if quote is not None]

    async def depth(self, symbol: str) -> Depth:
        """The five best levels each way."""
        ticker = self._symbols.ticker(symbol)
        query = {"symbol": ticker, "ohlcv_flag": "1"}
        rows = _there((await self._read(wire.Depths, query)).d, "d")
        if ticker not in rows:
            raise SentUnknown(f"depth: wanted {ticker}, found {sorted(rows)[:5]}")
        return market.depth(rows[ticker], symbol)

    async def margin(self, orders: Sequence[Order]) -> Margin:
        """What *orders* together would block; their order counts for a hedge."""
        if not orders:
            return Margin(required=ZERO)
        body = market.margin_body(orders, self._symbols)
        reply = await self._http.send(
            self._margin, headers=self._session.headers(), body=_encode(body)
        )
        row = read_answer(reply, self._margins).data
        if isinstance(row, UnsetType):
            raise SentUnknown("a success without data")
        return market.margin(row)

    async def download_master(self, directory: Path) -> Sequence[Path]:
        """Fetch the public JSON masters, one call each; no session is wanted."""
        wanted = []
        for name in MASTER_NAMES:
            url = MASTERS.format(name)
            endpoint = self._http.endpoint("GET", url)
            wanted.append(Wanted(endpoint, directory / f"{name}.json"))
        return await download_all(self._http, wanted)

    async def check(self) -> None:
        """Read the profile, which fails unless the session is good."""
        await self._read(wire.Envelope)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _send(
        self,
        call: Call,
        body: msgspec.Struct,
        order_id: str | None,
        last_look: LastLook | None,
    ) -> Acked | Rejected:
        reply = await self._http.send(
            self._orders[call],
            headers=self._session.headers(),
            body=_encode(body),
            last_look=last_look,
        )
        return order_answer(call, reply, order_id)

    async def _read(self, shape: type[T], query: dict[str, str] | None = None) -> T:
        endpoint, decoder = self._reads[shape]
        headers = self._session.headers()
        reply = await self._http.send(
            endpoint, headers=headers, query=query, max_bytes=MOST_BOOK_BYTES
        )
        answer: T = read_answer(reply, decoder)
        return answer

    async def _standing(self, order_id: str) -> wire.OrderRow:
        """One order's row of the book, as it is before a change of it.

        Raises:
            NotSent: there is no row to be had, so the change does not go out.
            Refused: FYERS knows no such order.
        """
        try:
            book = await self._read(wire.OrderBook, {"id": order_id})
            rows = [_order_row(raw) for raw in _there(book.orderBook, "orderBook")]
        except SentUnknown as exc:
            raise NotSent(f"the order to change could not be read: {exc}") from exc
        for row in rows:
            if str(row.id) == order_id:
                return row
        raise NotSent(f"the order to change is not in the book: {order_id}")


def _order_row(raw: msgspec.Raw) -> wire.OrderRow:
    return row_of(raw, _order_rows, "orderBook")


def _trade_row(raw: msgspec.Raw) -> wire.TradeRow:
    return row_of(raw, _trade_rows, "tradeBook")


def _there(rows: R | UnsetType, name: str) -> R:
    """The rows; a success without them is not an empty book."""
    if isinstance(rows, UnsetType):
        raise SentUnknown(f"a success without {name}")
    return rows
