"""The endpoints of both types of m.Stock's API over one book (dossier 6, 8 to 11)."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from . import mstock_rows as rows
from .mstock_book import Order
from .mstock_market import Instrument, sample
from .mstock_rules import (
    NONE,
    PRODUCT,
    PRODUCTS,
    SYMBOL,
    TYPES,
    Refused,
    Terms,
    Unread,
    amount,
    document,
    fields,
    form,
    texts,
)
from .server import encode, ok
from .wire import Request, Response

if TYPE_CHECKING:
    from .mstock import MstockVenue

PLACE_A = "tradingsymbol exchange transaction_type order_type quantity product validity"
MODIFY_A = "order_type quantity price validity trigger_price disclosed_quantity"
PLACE_B = (
    "variety tradingsymbol symboltoken exchange transactiontype ordertype quantity"
    " producttype price triggerprice squareoff stoploss trailingStopLoss"
    " disclosedquantity duration"
)
MODIFY_B = (
    "variety tradingsymbol symboltoken exchange orderid ordertype quantity"
    " producttype duration price triggerprice"
)


class Ends:
    """What both types have; *venue* says how answers are written."""

    api_type = ""

    def __init__(self, venue: "MstockVenue") -> None:
        self.venue = venue
        self.book = venue.book
        self.market = venue.market

    def good(self, data: Any, message: str = "SUCCESS") -> dict[str, Any]:
        raise NotImplementedError

    def placed(self, order: Order) -> Response:
        raise NotImplementedError

    def order_rows(self, orders: list[Order]) -> list[dict[str, Any]]:
        raise NotImplementedError

    # Reads that both have

    def orders(self, request: Request) -> Response:
        shown = self.order_rows(self.book.shown(request.at))
        return ok(self.good(shown or None))

    def trades(self, _: Request) -> Response:
        client = self.venue.login.user.username
        found = [rows.trade(fill, client) for fill in self.book.fills]
        return ok(self.good(found or None))

    def holdings(self, _: Request) -> Response:
        return ok(self.good(rows.holdings(self.book, self.api_type) or None))

    def funds(self, _: Request) -> Response:
        return ok(self.good([rows.funds(self.book)]))

    def logout(self, request: Request) -> Response:
        self.venue.login.kill(self.venue.login.bearer(request.headers))
        return ok(self.good("Success", "Success"))

    def cancel_all(self, _: Request) -> Response:
        """One id, no count, in Type A's shape at both."""
        working = [order for order in self.book.orders.values() if order.is_open]
        for order in working:
            self.book.cancel(order.id)
        if working:
            data = {"order_id": working[-1].id}
            return ok({"status": "success", "data": data})
        body = {"status": "error", "message": NONE}
        return ok(body | {"error_type": "InputException", "data": None})

    def details(self, request: Request) -> Response:
        given = self.given(request)
        order = self.book.orders.get(str(given.get("order_no", "")))
        return ok(self.good(self.order_rows([order]) if order else None))

    def given(self, request: Request) -> dict[str, Any]:
        raise NotImplementedError

    def product(self, name: str) -> str:
        try:
            return PRODUCTS[self.api_type][name]
        except KeyError:
            words = PRODUCT if self.api_type == "B" else "Invalid product."
            raise Refused("InputException", words, code="400", status=400) from None

    def kind(self, name: str) -> str:
        try:
            return TYPES[self.api_type][name]
        except KeyError:
            words = "Invalid order type."
            raise Refused("InputException", words, status=400) from None

    def one(self, given: dict[str, Any], name: str = "tradingsymbol") -> Instrument:
        found = self.market.named(given["exchange"], given[name], self.api_type)
        if found is None:
            raise Refused("InputException", SYMBOL, status=400)
        return found

    def price_of(self, given: dict[str, Any]) -> Decimal:
        return amount(str(given.get("price", "0")), "price")


class EndsA(Ends):
    """Type A: forms."""

    api_type = "A"

    def good(self, data: Any, message: str = "SUCCESS") -> dict[str, Any]:
        return {"status": "success", "data": data}

    def given(self, request: Request) -> dict[str, Any]:
        return form(request)

    def order_rows(self, orders: list[Order]) -> list[dict[str, Any]]:
        client, echo = self.venue.login.user.username, self.venue.echo_tags
        return [
            rows.order_a(one, client, one.terms.tag if echo else []) for one in orders
        ]

    def place(self, request: Request) -> Response:
        given = fields(form(request), PLACE_A)
        return self.placed(self.book.place(self._terms(given), self.one(given)))

    def placed(self, order: Order) -> Response:
        answer = self.good({"order_id": order.id})
        return ok([answer] if self.venue.wrap_placed else answer)

    def modify(self, request: Request) -> Response:
        given = fields(form(request), MODIFY_A)
        old = self.book.working(request.params["id"], "").terms
        product = next(k for k, v in PRODUCTS["A"].items() if v == old.product)
        whole = {"transaction_type": old.side, "product": product} | given
        order = self.book.modify(request.params["id"], self._terms(whole))
        return ok(self.good({"order_id": order.id}))

    def cancel(self, request: Request) -> Response:
        order = self.book.cancel(request.params["id"])
        return ok(self.good({"order_id": order.id}))

    def positions(self, _: Request) -> Response:
        held = self.book.positions.values()
        net = [rows.position_a(one, self.market.last(one.instrument)) for one in held]
        return ok(self.good({"net": net, "day": None}))

    def margin(self, request: Request) -> Response:
        given = document(request)
        one, quantity = self.one(given), amount(str(given["quantity"]), "quantity")
        answer = sample("typea_margin.json")
        price = self.price_of(given) or self.market.last(one)
        answer["data"] |= {"tradingsymbol": one.bare, "exchange": one.exchange}
        answer["data"]["total"] = float(price * quantity)
        return ok(answer)

    def quotes(self, request: Request, *, full: bool) -> Response:
        asked = [value for name, value in parse_qsl(request.raw_query) if name == "i"]
        data = {text: self._quote(text, full=full) for text in asked}
        return ok(self.good(data))

    def _quote(self, text: str, *, full: bool) -> dict[str, Any] | None:
        key = self.market.quoted(text)
        if key is None:
            return None
        price = self.market.prices[key]
        row: dict[str, Any] = {"instrument_token": int(key[1])}
        row["last_price"] = float(price.last)
        if full:
            names = ("open", "high", "low", "close")
            row["ohlc"] = {name: float(getattr(price, name)) for name in names}
        return row

    def master(self, _: Request) -> Response:
        return Response(200, self.market.csv(), content_type="text/csv")

    def historical(self, _: Request) -> Response:
        return ok(sample("typea_historical.json"))

    def convert(self, _: Request) -> Response:
        return ok(sample("typea_convert_position_error.json"))

    def history(self, request: Request) -> Response:
        fields(form(request), "fromdate todate")
        return ok(sample("typea_trade_history_empty.json"))

    def _terms(self, given: dict[str, str]) -> Terms:
        def number(name: str) -> Decimal:
            return amount(given.get(name, "0"), name)

        return Terms(
            kind=self.kind(given["order_type"]),
            side=given["transaction_type"],
            quantity=number("quantity"),
            product=self.product(given["product"]),
            validity=given["validity"],
            price=number("price"),
            trigger=number("trigger_price"),
            disclosed=number("disclosed_quantity"),
            tag=given.get("tag", ""),
        )


class EndsB(Ends):
    """Type B: JSON, all values text."""

    api_type = "B"

    def good(self, data: Any, message: str = "SUCCESS") -> dict[str, Any]:
        yes = self.venue.yes
        return {"status": yes, "message": message, "errorcode": "", "data": data}

    def given(self, request: Request) -> dict[str, Any]:
        return document(request)

    def order_rows(self, orders: list[Order]) -> list[dict[str, Any]]:
        return [rows.order_b(one) for one in orders]

    def details(self, request: Request) -> Response:
        """The one place with a tag; some numbers are numbers here."""
        order = self.book.orders.get(str(self.given(request).get("order_no", "")))
        if order is None:
            return ok(self.good(None))
        tag = order.terms.tag if self.venue.echo_tags else ""
        row = rows.order_b(order) | {"ordertag": tag, "price": float(order.terms.price)}
        row["updatetime"] = rows.when(order.at, "%d-%m-%Y %I:%M:%S %p")
        return ok(self.good([row]))

    def place(self, request: Request) -> Response:
        given = texts(document(request), PLACE_B)
        return self.placed(self.book.place(self._terms(given), self._named(given)))

    def placed(self, order: Order) -> Response:
        data = {"script": order.instrument.name, "orderid": order.id}
        answer = self.good(data | {"uniqueorderid": ""})
        return ok([answer] if self.venue.wrap_placed else answer)

    def modify(self, request: Request) -> Response:
        given = texts(document(request), MODIFY_B)
        number = request.params["id"]
        old = self.book.working(number, "RS-0034")
        if self._named(given) != old.instrument or given["orderid"] != number:
            raise Refused("InputException", "Invalid order.", status=400)
        whole = {"transactiontype": old.terms.side} | given
        order = self.book.modify(number, self._terms(whole))
        # The sample begins the number with a blank.
        return ok(self.good({"orderid": f" {order.id}", "uniqueorderid": ""}))

    def cancel(self, request: Request) -> Response:
        """Without a body the server fails."""
        if not request.body:
            raise Refused("GeneralException", "internal error", status=500)
        given = texts(document(request), "variety orderid")
        if given["orderid"] != request.params["id"]:
            raise Refused("InputException", "Invalid order.", status=400)
        order = self.book.cancel(given["orderid"])
        if self.venue.silent_cancel:
            return Response(200, b"")
        return ok(self.good({"orderid": order.id, "uniqueorderid": ""}))

    def positions(self, _: Request) -> Response:
        held = [rows.position_b(one) for one in self.book.positions.values()]
        return ok(self.good(held or None))

    def margin(self, request: Request) -> Response:
        orders = document(request).get("orders")
        if not isinstance(orders, list):
            raise Unread("orders")
        total = sum((self._margin(one) for one in orders), Decimal(0))
        summary = {"total_charges": float(total), "trade_value": 0, "breakup": []}
        return ok(self.good({"summary": summary, "charges": []}))

    def _margin(self, order: dict[str, Any]) -> Decimal:
        key = (order["exchange"], order["token"])
        if key not in self.market.instruments:
            raise Refused("InputException", SYMBOL, status=400)
        price = self.price_of(order) or self.market.prices[key].last
        return price * amount(order["quantity"], "quantity")

    def quotes(self, request: Request) -> Response:
        given = document(request)
        fetched, unfetched = [], []
        for exchange, tokens in given["exchangeTokens"].items():
            for token in tokens:
                price = self.market.prices.get((exchange, token))
                row: dict[str, Any] = {"exchange": exchange, "symbolToken": token}
                if price is None:
                    words = {"message": "Symbol token not found", "errorCode": "IA404"}
                    unfetched.append(row | words)
                    continue
                row["ltp"] = float(price.last)
                if given["mode"] == "OHLC":
                    names = ("open", "high", "low", "close")
                    row |= {name: float(getattr(price, name)) for name in names}
                fetched.append(row)
        return ok(self.good({"fetched": fetched, "unfetched": unfetched}))

    def master(self, _: Request) -> Response:
        return ok(self.market.json())

    def historical(self, _: Request) -> Response:
        return ok(sample("typeb_historical.json"))

    def convert(self, _: Request) -> Response:
        return ok(sample("typeb_convert_position_error.json"))

    def history(self, request: Request) -> Response:
        texts(document(request), "fromdate todate")
        return ok(sample("typeb_trade_history_empty.json"))

    def _named(self, given: dict[str, str]) -> Instrument:
        found = self.one(given)
        if found.token != given["symboltoken"]:
            raise Refused("InputException", "Invalid symboltoken.", status=400)
        return found

    def _terms(self, given: dict[str, str]) -> Terms:
        kind = self.kind(given["ordertype"])
        stops = kind in ("SL", "SL-M")
        wanted = ("STOPLOSS",) if stops else ("NORMAL", "AMO")
        if given["variety"] not in wanted:
            raise Refused("InputException", "Invalid variety.", status=400)
        return Terms(
            kind=kind,
            side=given["transactiontype"],
            quantity=amount(given["quantity"], "quantity"),
            product=self.product(given["producttype"]),
            validity=given["duration"],
            price=amount(given["price"], "price"),
            trigger=amount(given["triggerprice"], "triggerprice"),
            disclosed=amount(given.get("disclosedquantity", ""), "disclosedquantity"),
            tag=given.get("ordertag", ""),
            variety=given["variety"],
        )


def guarded(
    ends: Ends, handler: Callable[[Request], Response]
) -> Callable[[Request], Response]:
    """Say no in the words of that type of API."""

    def handle(request: Request) -> Response:
        try:
            return handler(request)
        except Refused as exc:
            return exc.response(ends.api_type, ends.venue.no)
        except Unread as exc:
            return exc.response()
        except KeyError as exc:
            return Response(500, encode({"message": f"no {exc}"}))

    return handle
