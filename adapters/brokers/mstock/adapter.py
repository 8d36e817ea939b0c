"""m.Stock as a `BrokerPort`: build a request, call, read the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from adapters.brokers.mstock import answers, translate
from adapters.brokers.mstock.codes import Call
from adapters.brokers.mstock.dialect import HOST, Dialect, Request
from adapters.brokers.mstock.login import MstockLogin
from adapters.brokers.mstock.session import Session
from adapters.brokers.mstock.settings import MstockSettings
from adapters.brokers.mstock.symbols import Symbols
from adapters.brokers.mstock.type_a import TypeA
from adapters.brokers.mstock.type_b import TypeB
from adapters.brokers.mstock.updates import MstockUpdates, order_updates
from adapters.brokers.mstock.wire import raws, row, rows
from adapters.download import download
from adapters.errors import (
    NotSent,
    RateLimited,
    Refused,
    SentUnknown,
    Unsupported,
)
from adapters.http import BrokerHttp, Endpoint
from adapters.http1 import RawHeaders
from adapters.instruments import Instrument, InstrumentIndex
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
from adapters.ports import Capabilities, LastLook, PublishedLimits
from adapters.reply import Reply
from adapters.rows import book_of, translated

MOST_BOOK_BYTES = 64 * 1024 * 1024
"""A row of the book takes 900 bytes, and the book holds the whole day."""
MOST_TAG = 19
"""Characters of a tag: fewer than 20, letters and digits. Source: dossier 6.3."""

CAPABILITIES = Capabilities(
    # 30 orders a second are published, and 10 are what the exchanges allow. The 250 a
    # minute and the 1,000 an hour are of order calls. Whether reading the book is one
    # is not told: the minute counts every call. Source: dossier 16.3, 19.
    limits=PublishedLimits(orders_per_second=10, per_minute=250, orders_per_hour=1000),
    # A tag is taken, and no book has been seen to show one. Source: dossier 7.
    tag=None,
    order_types=frozenset(OrderType),
    products=frozenset(Product),
    validities=frozenset(Validity),
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO"}),
    # 12 of 250 calls a minute; dossier 20 advises 2 to 5 s.
    book_poll=5.0,
    margin=True,
    depth=False,
    master=True,
    order_updates=True,
)

DIALECTS: dict[str, Callable[[], Dialect]] = {"A": TypeA, "B": TypeB}


def _now() -> datetime:
    return datetime.now(UTC)


class MstockBroker:
    """One m.Stock account, by either of its APIs.

    Args:
        settings: the account's.
        http: closed by `aclose`.
        instruments: of the last good sync; without them no order has a name.
        wall: wall time, aware; for the log-in.
    """

    def __init__(
        self,
        settings: MstockSettings,
        http: BrokerHttp,
        instruments: InstrumentIndex,
        *,
        wall: Callable[[], datetime] = _now,
    ) -> None:
        self._http = http
        self._dialect = dialect = DIALECTS[settings.api_type]()
        self._symbols = Symbols(instruments, settings.api_type)
        self._session = Session(dialect, settings.api_key)
        self._login = MstockLogin(settings, dialect, http, self._session, wall)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def login(self) -> MstockLogin:
        """By password and code."""
        return self._login

    def use(self, grant: Grant | None) -> None:
        """Make all calls from now on with *grant*; with None none is made."""
        self._session.use(grant)

    async def place(
        self, order: Order, tag: str, last_look: LastLook
    ) -> Acked | Rejected:
        """Send a new order; the tag goes along where m.Stock would take it.

        Raises:
            Unsupported: an instrument without a name here, or a broken quantity.
        """
        instrument = self._checked(order)
        fits = tag.isascii() and tag.isalnum() and len(tag) <= MOST_TAG
        request = self._dialect.place(order, tag if fits else "", instrument)
        reply = await self._send(request, last_look)
        return answers.placed(reply, self._dialect)

    async def modify(
        self, broker_order_id: str, order: Order, last_look: LastLook
    ) -> Acked | Rejected:
        """Change an open order to *order*, as a whole.

        The order is read first, which is a call of its own: m.Stock takes a quantity
        with every change, and does not say whether it counts what is filled (dossier
        6.4). So nothing is changed once a part is filled.

        Raises:
            NotSent: it could not be read, or is not shown; no change was sent.
            Unsupported: a part of it was filled.
        """
        instrument = self._checked(order)
        try:
            standing = await self._standing(broker_order_id)
        except Refused as exc:
            return Rejected(code=exc.code, text=exc.text, http_status=exc.http_status)
        if standing.filled_quantity:
            raise Unsupported(
                f"order {broker_order_id} has {standing.filled_quantity} of"
                f" {standing.quantity} filled, and m.Stock does not say whether the"
                " quantity of a change counts them: cancel it and place what is still"
                " wanted"
            )
        request = self._dialect.modify(broker_order_id, order, instrument)
        reply = await self._send(request, last_look)
        return answers.changed(Call.MODIFY, reply, self._dialect, broker_order_id)

    async def cancel(self, broker_order_id: str) -> Acked | Rejected:
        """Cancel an open order."""
        reply = await self._send(self._dialect.cancel(broker_order_id))
        return answers.changed(Call.CANCEL, reply, self._dialect, broker_order_id)

    async def order_book(self) -> Sequence[BookOrder]:
        """The day's orders, from whatever platform."""
        data = await self._get("/orders")
        names, symbols = self._dialect.orders, self._symbols
        return await book_of(
            raws(data, "orders"),
            lambda raw: translate.book_order(row(raw, names, "orders"), symbols),
        )

    async def order_by_tag(self, tag: str) -> BookOrder | None:
        """No book has been seen to show a tag, so that not found would prove nothing.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(
            "m.Stock's books show no tags: an order cannot be found by one"
        )

    def order_updates(self) -> AbstractAsyncContextManager[MstockUpdates]:
        """The socket, with the session of the moment it is opened."""
        names = self._dialect.orders
        return order_updates(self._http, self._session, names, self._symbols)

    async def trades(self) -> Sequence[Trade]:
        """The day's fills."""
        names, symbols = translate.TRADES, self._symbols
        return await translated(
            raws(await self._get("/tradebook"), "trades"),
            lambda raw: translate.trade(row(raw, names, "trades"), symbols),
        )

    async def positions(self) -> Sequence[Position]:
        """Net positions. Type B has no prices in them: they take a call of quotes, and
        where that gives none the last price is None and nothing unrealised is told."""
        data = self._dialect.position_rows(await self._get("/portfolio/positions"))
        found = rows(data, self._dialect.positions, "positions")
        last = [row.amount("last") or None for row in found]
        made = [
            translate.position(row, self._symbols, price)
            for row, price in zip(found, last, strict=True)
        ]
        if self._dialect.prices_positions:
            return made
        prices = await self._prices([one.symbol for one in made if one.quantity])
        return [
            translate.position(row, self._symbols, prices.get(one.symbol))
            for row, one in zip(found, made, strict=True)
        ]

    async def holdings(self) -> Sequence[Holding]:
        """Shares in the demat account."""
        data = await self._get("/portfolio/holdings")
        found = rows(data, self._dialect.holdings, "holdings")
        return [translate.holding(row, self._symbols) for row in found]

    async def funds(self) -> Funds:
        """What can be spent; `available` holds collateral, `cash` does not."""
        data = await self._get("/user/fundsummary")
        found = rows(data, translate.FUNDS, "funds")
        if len(found) != 1:
            raise SentUnknown(f"funds: wanted one row, found {len(found)}")
        return translate.funds(found[0])

    async def quotes(self, symbols: Sequence[str]) -> Sequence[Quote]:
        """Last price and the day's range; a symbol without a price is left out."""
        asked = list({s: self._symbols.instrument(s) for s in symbols}.values())
        quotes, most = [], self._dialect.quotes_at_once
        for start in range(0, len(asked), most):
            some = asked[start : start + most]
            data = await self._read(self._dialect.quote_request(some))
            quotes += self._dialect.quotes(data, some)
        return quotes

    async def depth(self, symbol: str) -> Depth:
        """There is none but in the stream.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("m.Stock gives market depth in its stream alone")

    async def margin(self, orders: Sequence[Order]) -> Margin:
        """What *orders* together would block; Type A reckons one at a time.

        Raises:
            Unsupported: more than it takes at once, or one that could not be placed.
        """
        if not orders:
            return Margin(required=ZERO)
        if len(orders) > self._dialect.margins_at_once:
            raise Unsupported(
                f"margin: wanted at most {self._dialect.margins_at_once} orders at"
                f" once, found {len(orders)}"
            )
        pairs = [(order, self._checked(order)) for order in orders]
        data = await self._read(self._dialect.margin_request(pairs))
        return self._dialect.margin(data)

    async def download_master(self, directory: Path) -> Sequence[Path]:
        """Fetch the instrument file of this API; a session is wanted."""
        path, name = self._dialect.master
        endpoint = self._endpoint("GET", f"{self._dialect.root}{path}")
        headers = self._session.headers()
        return [await download(self._http, endpoint, directory / name, headers=headers)]

    async def check(self) -> None:
        """Read the funds, for there is no profile to read."""
        await self._get("/user/fundsummary")

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _checked(self, order: Order) -> Instrument:
        translate.check_units(order.quantity)
        translate.check_units(order.disclosed_quantity)
        return self._symbols.orderable(order.symbol)

    async def _standing(self, order_id: str) -> BookOrder:
        """One order of the book, as it is before a change of it.

        Raises:
            NotSent: there is no row to be had, so the change does not go out.
            Refused: m.Stock refuses the book.
        """
        try:
            book = await self.order_book()
        except SentUnknown as exc:
            raise NotSent(f"the order to change could not be read: {exc}") from exc
        for order in book:
            if order.broker_order_id == order_id:
                return order
        raise NotSent(f"the order to change is not in the book: {order_id}")

    async def _prices(self, symbols: Sequence[str]) -> dict[str, Decimal]:
        """Last prices by symbol, as far as they are to be had: positions are worth
        knowing without."""
        try:
            return {one.symbol: one.last_price for one in await self.quotes(symbols)}
        except (NotSent, RateLimited, Refused, SentUnknown, Unsupported):
            return {}

    async def _get(self, path: str) -> msgspec.Raw:
        return await self._read(Request("GET", f"{self._dialect.root}{path}"))

    async def _read(self, request: Request) -> msgspec.Raw:
        return answers.read(await self._send(request))

    async def _send(self, request: Request, last_look: LastLook | None = None) -> Reply:
        headers: RawHeaders = self._session.headers()
        if request.content is not None:
            headers = (*headers, request.content)
        return await self._http.send(
            self._endpoint(request.method, request.path),
            headers=headers,
            body=request.body,
            last_look=last_look,
            max_bytes=MOST_BOOK_BYTES if request.method == "GET" else None,
        )

    def _endpoint(self, method: str, path: str) -> Endpoint:
        return self._http.endpoint(method, f"{HOST}{path}")
