"""Type B: JSON out, text back, instruments by their number and their name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from adapters.brokers.mstock.dialect import (
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
from adapters.brokers.mstock.wire import Row, cells, rows
from adapters.http1 import RawHeaders
from adapters.instruments import Instrument, InstrumentKind
from adapters.model import Margin, Order, OrderType, Product, Quote
from adapters.secret import Secret

ORDERS = "/openapi/typeb/orders/regular"
PRODUCTS = {
    Product.CNC: "DELIVERY",
    Product.INTRADAY: "INTRADAY",
    Product.MARGIN: "CARRYFORWARD",
}
TYPES = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.SL: "STOP_LOSS",
    OrderType.SL_M: "STOPLOSS_MARKET",
}
"""Documented in two spellings each; these are the ones that a program which trades
live sends. Source: dossier 6.1."""

QUOTE = {
    "exchange": "exchange",
    "token": "symbolToken",
    "last": "ltp",
    "open": "open",
    "high": "high",
    "low": "low",
    "close": "close",
}


class TypeB:
    """See `dialect.Dialect`."""

    api_type = "B"
    root = "/openapi/typeb"
    silent_cancel = True
    quotes_at_once = 500
    """As another program asks for. Source: dossier 10."""
    margins_at_once = 50
    """Our own bound: none is published."""
    master = ("/instruments/OpenAPIScripMaster", "mstock_b.json")
    prices_positions = False

    orders: Mapping[str, str] = {
        "order_id": "orderid",
        "status": "status",
        "message": "text",
        "exchange": "exchange",
        "name": "tradingsymbol",
        "token": "symboltoken",
        "kind": "instrumenttype",
        "type": "ordertype",
        "side": "transactiontype",
        "validity": "duration",
        "product": "producttype",
        "quantity": "quantity",
        "filled": "filledshares",
        "price": "price",
        "trigger": "triggerprice",
        "average": "averageprice",
        "at": "updatetime",
        "tag": "ordertag",
    }
    positions: Mapping[str, str] = {
        "exchange": "exchange",
        "name": "symbolname",
        "token": "symboltoken",
        "kind": "instrumenttype",
        "product": "producttype",
        "net": "netqty",
        "carried_bought": "cfbuyqty",
        "carried_sold": "cfsellqty",
        "bought": "buyqty",
        "sold": "sellqty",
        "buy_average": "totalbuyavgprice",
        "sell_average": "totalsellavgprice",
    }
    holdings: Mapping[str, str] = {
        "name": "tradingsymbol",
        "token": "symboltoken",
        "isin": "isin",
        "quantity": "quantity",
        "t1": "t1quantity",
        "average": "averageprice",
        "last": "ltp",
    }

    def bearing(self, api_key: Secret, token: Secret) -> RawHeaders:
        bearer = f"Bearer {token.reveal()}".encode()
        return (VERSION, (b"Authorization", bearer), *self.knocking(api_key))

    def place(self, order: Order, tag: str, instrument: Instrument) -> Request:
        fields = _fields(order, instrument) | {
            "squareoff": "0",
            "stoploss": "0",
            "trailingStopLoss": "",
        }
        if tag:
            fields["ordertag"] = tag
        return _json("POST", ORDERS, fields)

    def modify(
        self, broker_order_id: str, order: Order, instrument: Instrument
    ) -> Request:
        """All fields, for the call replaces the order as a whole (dossier 6.4)."""
        fields = _fields(order, instrument) | {
            "orderid": broker_order_id,
            "modqty_remng": "0",
        }
        return _json("PUT", f"{ORDERS}/{broker_order_id}", fields)

    def cancel(self, broker_order_id: str) -> Request:
        """With a body: without one the server fails. Source: dossier 6.5."""
        fields = {"variety": "NORMAL", "orderid": broker_order_id}
        return _json("DELETE", f"{ORDERS}/{broker_order_id}", fields)

    def order_id(self, data: msgspec.Raw) -> str:
        """One official mock answers in Type A's words."""
        names = {"id": "orderid", "kite": "order_id"}
        row = Row(cells(data, "order"), names, "order")
        return row.text("id") or row.text("kite")

    def position_rows(self, data: msgspec.Raw) -> msgspec.Raw:
        return data

    def quote_request(self, instruments: Sequence[Instrument]) -> Request:
        tokens: dict[str, list[str]] = {}
        for one in instruments:
            tokens.setdefault(market_of(one), []).append(token_of(one))
        body = {"mode": "OHLC", "exchangeTokens": tokens}
        path = f"{self.root}/instruments/quote"
        return Request("POST", path, msgspec.json.encode(body), JSON)

    def quotes(
        self, data: msgspec.Raw, instruments: Sequence[Instrument]
    ) -> list[Quote]:
        asked = {(market_of(one), token_of(one)): one.symbol for one in instruments}
        found, quotes = cells(data, "quotes"), []
        for row in rows(found.get("fetched", msgspec.Raw()), QUOTE, "quotes"):
            symbol = asked.get((row.text("exchange"), row.text("token")))
            made = None if symbol is None else quote(symbol, row)
            quotes += [made] if made is not None else []
        return quotes

    def margin_request(self, orders: Sequence[tuple[Order, Instrument]]) -> Request:
        body = {"orders": [_margin(*pair) for pair in orders]}
        path = f"{self.root}/margins/orders"
        return Request("POST", path, msgspec.json.encode(body), JSON)

    def margin(self, data: msgspec.Raw) -> Margin:
        """`total_charges` of the summary is the margin. Source: dossier 9.6."""
        found = cells(data, "margin").get("summary", msgspec.Raw())
        row = Row(cells(found, "margin"), {"total": "total_charges"}, "margin")
        return Margin(required=row.number("total"))

    def password_step(self, username: str, password: Secret) -> Request:
        """`totp` stays empty: filled, it gives a token that REST refuses."""
        fields = {"clientcode": username, "password": password.reveal()}
        fields |= {"totp": "", "state": ""}
        return _json("POST", f"{self.root}/connect/login", fields)

    def handle(self, data: msgspec.Raw) -> str:
        """It stands under a token's name, and is none. Source: dossier 4.1."""
        names = {"refresh": "refreshToken", "jwt": "jwtToken"}
        row = Row(cells(data, "log-in"), names, "log-in")
        return row.text("refresh") or row.wanted("jwt")

    def second_step(
        self, api_key: Secret, handle: str, code: Secret, *, app: bool
    ) -> Request:
        name = "totp" if app else "otp"
        path = "/session/verifytotp" if app else "/session/token"
        fields = {"refreshToken": handle, name: code.reveal()}
        return _json("POST", f"{self.root}{path}", fields)

    def knocking(self, api_key: Secret) -> RawHeaders:
        return ((b"X-PrivateKey", api_key.reveal().encode()),)

    def got(self, data: msgspec.Raw) -> Got | None:
        names = {"token": "jwtToken", "feed": "feedToken"}
        row = Row(cells(data, "log-in"), names, "log-in")
        token, feed = row.text("token"), row.text("feed")
        return Got(Secret(token), Secret(feed) if feed else None) if token else None


def _fields(order: Order, instrument: Instrument) -> dict[str, str]:
    kind = order.type
    disclosed = order.disclosed_quantity
    return {
        "variety": "STOPLOSS" if kind.has_trigger else "NORMAL",
        "tradingsymbol": instrument.extra[TRADINGSYMBOL],
        "symboltoken": token_of(instrument),
        "exchange": market_of(instrument),
        "transactiontype": order.side.value,
        "ordertype": TYPES[kind],
        "quantity": units(order.quantity),
        "producttype": PRODUCTS[order.product],
        "price": digits(order.price if kind.has_price else None),
        "triggerprice": digits(order.trigger_price if kind.has_trigger else None),
        "disclosedquantity": units(disclosed) if disclosed else "",
        "duration": order.validity.value,
    }


def _margin(order: Order, instrument: Instrument) -> dict[str, object]:
    fields = _fields(order, instrument)
    name = instrument.extra[TRADINGSYMBOL]
    if instrument.kind is InstrumentKind.EQ and instrument.exchange == "NSE":
        name = name.rpartition("-")[0] or name  # without its series, as in the sample
    return {
        "product_type": fields["producttype"],
        "transaction_type": fields["transactiontype"],
        "quantity": fields["quantity"],
        "price": fields["price"],
        "exchange": fields["exchange"],
        "symbol_name": name,
        "token": fields["symboltoken"],
        "trigger_price": msgspec.Raw(fields["triggerprice"].encode()),
    }


def _json(method: str, path: str, fields: Mapping[str, str]) -> Request:
    return Request(method, path, msgspec.json.encode(fields), JSON)
