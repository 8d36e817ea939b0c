"""The FYERS endpoints that only read: books, portfolio, market (dossier 8 to 10)."""

from typing import TYPE_CHECKING

from .fyers_market import sample
from .fyers_rules import MarginBody, Refused, decode
from .server import ok
from .wire import Request, Response

if TYPE_CHECKING:
    from .fyers import FyersVenue


class ReadEndpoints:
    """One method for each endpoint of *venue*."""

    def __init__(self, venue: "FyersVenue") -> None:
        self.venue = venue
        self.book = venue.book
        self.account = venue.account
        self.market = venue.market
        self.stale = 0  # newest orders the next reads of the book leave out
        self._profile = sample("profile.json")
        self._profile["data"]["fy_id"] = venue.client_id

    # Books and portfolio

    def orders(self, request: Request) -> Response:
        entries = None
        if "id" in request.query:
            entry = self.book.orders.get(request.query["id"])
            if entry is None:
                raise Refused(-51, "Invalid order id")
            entries = [entry]
        elif "order_tag" in request.query:
            entries = self.book.by_tag.get(request.query["order_tag"], [])
        rows = self.book.rows(entries, self.stale)
        return ok({"s": "ok", "code": 200, "message": "", "orderBook": rows})

    def trades(self, request: Request) -> Response:
        rows = self.book.trade_rows(request.query.get("order_tag"))
        return ok({"s": "ok", "code": 200, "message": "", "tradeBook": rows})

    def positions(self, _: Request) -> Response:
        self.book.settle()
        return ok(self.account.position_answer())

    def margin(self, request: Request) -> Response:
        orders = decode(request.body, MarginBody).data
        if any(order.symbol not in self.market.instruments for order in orders):
            raise Refused(-300, "Invalid symbol")
        return ok(self.account.margin_answer(orders))

    # Market data

    def quotes(self, request: Request) -> Response:
        if request.method == "POST":
            symbols = decode(request.body, dict[str, list[str]]).get("symbols", [])
        else:
            symbols = list(filter(None, request.query.get("symbols", "").split(",")))
        if not 1 <= len(symbols) <= 50:
            raise Refused(-50, "Invalid symbols")
        rows = [self.market.quote(symbol, request.at) for symbol in symbols]
        return ok({"s": "ok", "code": 200, "d": rows})

    def depth(self, request: Request) -> Response:
        symbol = request.query.get("symbol", "")
        if symbol not in self.market.instruments:
            raise Refused(-300, "Invalid symbol")
        levels = {symbol: self.market.depth(symbol, request.at)}
        return ok({"s": "ok", "d": levels, "message": ""})

    def status(self, _: Request) -> Response:
        answer = sample("market_status.json")
        for row in answer["marketStatus"]:
            if row["market_type"] == "NORMAL" and row["exchange"] == 10:
                row["status"] = self.venue.market_status
        return ok(answer)

    def logout(self, request: Request) -> Response:
        self.venue.login.kill(request.headers["authorization"], -16)
        return ok(sample("logout.json"))

    def holdings(self, _: Request) -> Response:
        return ok(self.account.holding_answer())

    def funds(self, _: Request) -> Response:
        return ok(self.account.funds_answer())

    def profile(self, _: Request) -> Response:
        return ok(self._profile)
