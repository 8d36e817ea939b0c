"""Type A: forms out, numbers back, instruments by their trading symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from adapters.brokers.mstock.dialect import (
    FORM,
    JSON,
    TRADINGSYMBOL,
    VERSION,
    Got,
    Request,
    digits,
    market_of,
    quote,
    token_of,
    units,
)
from adapters.brokers.mstock.wire import Row, cells, plain
from adapters.errors import SentUnknown, Unsupported
from adapters.http1 import RawHeaders
from adapters.instruments import Instrument, InstrumentKind
from adapters.model import Margin, Order, Product, Quote
from adapters.secret import Secret

ORDERS = "/openapi/typea/orders/regular"
# Dossier 6.1.
PRODUCTS = {Product.CNC: "CNC", Product.INTRADAY: "MIS", Product.MARGIN: "NRML"}

OTP_SOURCE = "L"
"""`checksum` of the OTP step: a letter, no hash. Source: dossier 3.2a."""

QUOTE = {
    "last": "last_price",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
}


class TypeA:
    """See `dialect.Dialect`."""

    api_type = "A"
    root = "/openapi/typea"
    silent_cancel = False
    quotes_at_once = 50
    """Our own bound: no size is published, and all stand in the address."""
    margins_at_once = 1
    master = ("/instruments/scriptmaster", "mstock_a.csv")
    prices_positions = True

    orders: Mapping[str, str] = {
        "order_id": "order_id",
        "status": "status",
        "message": "status_message",
        "exchange": "exchange",
        "name": "tradingsymbol",
        "token": "instrument_token",
        "type": "order_type",
        "side": "transaction_type",
        "validity": "validity",
        "product": "product",
        "quantity": "quantity",
        "filled": "filled_quantity",
        "price": "price",
        "trigger": "trigger_price",
        "average": "average_price",
        "at": "order_timestamp",
        "tag": "tag",
    }
    positions: Mapping[str, str] = {
        "exchange": "exchange",
        "name": "tradingsymbol",
        "token": "instrument_token",
        "product": "product",
        "net": "quantity",
        "carried": "overnight_quantity",
        "bought": "buy_quantity",
        "sold": "sell_quantity",
        "buy_average": "buy_price",
        "sell_average": "sell_price",
        "last": "last_price",
    }
    holdings: Mapping[str, str] = {
        "name": "tradingsymbol",
        "token": "instrument_token",
        "isin": "isin",
        "quantity": "quantity",
        "t1": "t1_quantity",
        "average": "average_price",
        "last": "last_price",
    }

    def bearing(self, api_key: Secret, token: Secret) -> RawHeaders:
        both = f"token {api_key.reveal()}:{token.reveal()}"
        return (VERSION, (b"Authorization", both.encode()))

    def place(self, order: Order, tag: str, instrument: Instrument) -> Request:
        fields = _fields(order, instrument)
        if tag:
            fields["tag"] = tag
        return _form("POST", ORDERS, fields)

    def modify(
        self, broker_order_id: str, order: Order, instrument: Instrument
    ) -> Request:
        """All fields, for the call replaces the order as a whole (dossier 6.4)."""
        fields = _fields(order, instrument) | {
            "variety": "regular",
            "modqty_remng": "0",
        }
        return _form("PUT", f"{ORDERS}/{broker_order_id}", fields)

    def cancel(self, broker_order_id: str) -> Request:
        return Request("DELETE", f"{ORDERS}/{broker_order_id}")

    def order_id(self, data: msgspec.Raw) -> str:
        return Row(cells(data, "order"), {"id": "order_id"}, "order").text("id")

    def position_rows(self, data: msgspec.Raw) -> msgspec.Raw:
        if bytes(data) and not bytes(data).startswith(b"{") and not plain(data):
            return data  # null: none are held
        found = cells(data, "positions")
        if "net" not in found:
            raise SentUnknown("positions: a success without net")
        return found["net"]

    def quote_request(self, instruments: Sequence[Instrument]) -> Request:
        query = urlencode([("i", _quoted(one)) for one in instruments])
        return Request("GET", f"{self.root}/instruments/quote/ohlc?{query}")

    def quotes(
        self, data: msgspec.Raw, instruments: Sequence[Instrument]
    ) -> list[Quote]:
        found, quotes = cells(data, "quotes"), []
        for one in instruments:
            raw = found.get(_quoted(one))
            if raw is None or not bytes(raw).startswith(b"{"):
                continue  # null: not known
            row = cells(raw, "quote")
            row |= cells(row["ohlc"], "quote") if "ohlc" in row else {}
            made = quote(one.symbol, Row(row, QUOTE, "quotes"))
            quotes += [made] if made is not None else []
        return quotes

    def margin_request(self, orders: Sequence[tuple[Order, Instrument]]) -> Request:
        if len(orders) != 1:
            raise Unsupported(
                f"margin: Type A of m.Stock reckons one order at a time, not"
                f" {len(orders)} together"
            )
        [(order, instrument)] = orders
        fields = _fields(order, instrument) | {"variety": "regular"}
        for needless in ("validity", "disclosed_quantity"):
            del fields[needless]
        path = f"{self.root}/margins/orders"
        return Request("POST", path, msgspec.json.encode(fields), JSON)

    def margin(self, data: msgspec.Raw) -> Margin:
        """`total`; `cash` beside it is the account's, not what can be spent."""
        row = Row(cells(data, "margin"), {"total": "total"}, "margin")
        return Margin(required=row.number("total"))

    def password_step(self, username: str, password: Secret) -> Request:
        fields = {"username": username, "password": password.reveal()}
        return _form("POST", f"{self.root}/connect/login", fields)

    def handle(self, data: msgspec.Raw) -> str:
        return ""

    def second_step(
        self, api_key: Secret, handle: str, code: Secret, *, app: bool
    ) -> Request:
        fields = {"api_key": api_key.reveal()}
        if app:
            fields["totp"] = code.reveal()
            return _form("POST", f"{self.root}/session/verifytotp", fields)
        fields |= {"request_token": code.reveal(), "checksum": OTP_SOURCE}
        return _form("POST", f"{self.root}/session/token", fields)

    def knocking(self, api_key: Secret) -> RawHeaders:
        return ()

    def got(self, data: msgspec.Raw) -> Got | None:
        row = Row(cells(data, "log-in"), {"token": "access_token"}, "log-in")
        token = row.text("token")
        return Got(Secret(token), None) if token else None


def _fields(order: Order, instrument: Instrument) -> dict[str, str]:
    """Those of an order; what its type does not have is `0`, as the SDK sends it."""
    kind = order.type
    return {
        "tradingsymbol": instrument.extra[TRADINGSYMBOL],
        "exchange": market_of(instrument),
        "transaction_type": order.side.value,
        "order_type": kind.value,
        "quantity": units(order.quantity),
        "product": PRODUCTS[order.product],
        "validity": order.validity.value,
        "price": digits(order.price if kind.has_price else None),
        "trigger_price": digits(order.trigger_price if kind.has_trigger else None),
        "disclosed_quantity": units(order.disclosed_quantity),
    }


def _quoted(instrument: Instrument) -> str:
    """Indices go by their number. Source: dossier 10, seen by others."""
    if instrument.kind is InstrumentKind.INDEX:
        return f"{market_of(instrument)}:{token_of(instrument)}"
    return f"{market_of(instrument)}:{instrument.extra[TRADINGSYMBOL]}"


def _form(method: str, path: str, fields: Mapping[str, str]) -> Request:
    return Request(method, path, urlencode(fields).encode(), FORM)
