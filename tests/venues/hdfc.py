"""A stateful HDFC Securities protocol server: login, orders, books, master.

`python -m tests.venues.hdfc` runs it as a process of its own.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import trio

from .faults import Fault
from .hdfc_book import MASTER, Book
from .hdfc_login import Login
from .hdfc_orders import Body, Refused
from .process import run
from .server import Handler, Server, encode, ok
from .wire import Request, Response

V1 = "/oapi/v1"
KEY, SECRET, USER, PASSWORD, OTP = "KEY", "SECRET", "1234567", "hunter2", "123456"
LOGIN = frozenset({"login", "validate", "twofa", "authorise", "exchange"})
KINDS = ("token_expired", "reject", "no_order_id", "partial_fill", "late_in_book")
SEGMENT_CODES = {"NSE": "NFO", "BSE": "BFO", "MCX": "MCX"}
PAGE = b"<html><body>Bad Request</body></html>"


class HdfcVenue(Server):
    """One account at HDFC.

    Args:
        tokens: that are good from the start.
        clock: wall clock, epoch seconds.
    """

    def __init__(
        self,
        *,
        tokens: tuple[str, ...] = (),
        secret: str = SECRET,
        username: str = USER,
        password: str = PASSWORD,
        otp: str = OTP,
        funds: float = 10_000_000.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(kinds=KINDS, clock=clock)
        self.book = Book(clock, funds)
        self.login = Login(
            clock,
            tokens=tokens,
            secret=secret,
            username=username,
            password=password,
            otp=otp,
        )
        self.empty_demat = False
        self.segment_codes = False  # whether contracts are priced as NFO and BFO
        self._add_routes()

    def admit(self, name: str, request: Request) -> Response | None:
        if name == "master":
            return None
        if not request.headers.get("user-agent", "").startswith("Mozilla/"):
            return Response(400, PAGE, content_type="text/html")
        if request.query.get("api_key") != KEY:
            return _no(401, "INVALID_APIKEY")
        kind = request.headers.get("content-type", "")
        if bool(request.body) is not (kind == "application/json"):
            return _no(400, "wanted a body and its type, or neither")
        if name in LOGIN:
            return None
        try:
            self.login.check(request.headers.get("authorization", ""))
        except Refused as exc:
            return Response(exc.status, encode({"error": exc.words}))
        return None

    def not_found(self, request: Request) -> Response:
        return Response(404, PAGE, content_type="text/html")

    def error(self, fault: Fault) -> bytes:
        words = fault.text or "something is odd"
        return encode({"status": "error", "message": words})

    def too_many(self, name: str, seconds: float) -> Response:
        return Response(
            429, encode({"error": "merchantKeyRateLimit - too many requests"})
        )

    def accept(self, fault: Fault, request: Request, handler: Handler) -> Response:
        self.book.late = fault.late or (
            fault.seconds if fault.kind == "late_in_book" else 0.0
        )
        if fault.kind == "partial_fill":
            self.book.fill_at_once = fault.quantity
        try:
            return handler(request)
        finally:
            self.book.late, self.book.fill_at_once = 0.0, None

    async def faulty(
        self, fault: Fault, name: str, request: Request, handler: Handler
    ) -> Response:
        match fault.kind:
            case "token_expired":
                return Response(401, encode({"error": "invalid credentials"}))
            case "reject":
                return _no(fault.status or 422, fault.text or "Invalid quantity")
            case "no_order_id":
                handler(request)
                return _good({})
            case "partial_fill" | "late_in_book":
                return self.accept(fault, request, handler)
        return await super().faulty(fault, name, request, handler)

    def _add_routes(self) -> None:
        def route(
            method: str,
            path: str,
            name: str,
            call: Callable[[Request], Any],
            wrap: Callable[[Any], Response],
        ) -> None:
            self.route(method, path, name, partial(_guarded, call, wrap))

        regular = f"{V1}/orders/regular"
        route("POST", regular, "place", self._place, _good)
        route("PUT", regular + "/{id}", "modify", self._modify, _good)
        route("DELETE", regular + "/{id}", "cancel", self._cancel, _good)
        route("GET", f"{V1}/orders", "orders", lambda _: self.book.shown(), _good)
        route("GET", f"{V1}/trades", "trades", lambda _: self.book.trades, _good)
        folio = f"{V1}/portfolio"
        route("GET", f"{folio}/cumulative-positions", "positions", self._net, _good)
        route("GET", f"{folio}/holdings", "holdings", self._holdings, _good)
        route("GET", f"{V1}/user/margins", "funds", self._funds, _good)
        route("PUT", f"{V1}/fetch-ltp", "quotes", self._prices, ok)
        route("POST", "/oapi/v3/user/profile", "profile", lambda _: [{}], _good)
        login = self.login
        route("GET", f"{V1}/login", "login", login.start, ok)
        route("POST", f"{V1}/login/validate", "validate", login.validate, ok)
        route("POST", f"{V1}/twofa/validate", "twofa", login.twofa, ok)
        route("GET", f"{V1}/authorise", "authorise", login.authorise, ok)
        route("POST", f"{V1}/access-token", "exchange", login.exchange, ok)
        self.route("GET", f"{V1}/security-master", "master", _master)
        self.control("GET", "/_venue/book", self._whole_book)
        self.control("POST", "/_venue/prices", self._set_prices)
        self.control("POST", "/_venue/fill", self._fill)
        self.control("POST", "/_venue/tokens", self._expire)
        self.control("POST", "/_venue/settings", self._settings)

    # Endpoints

    def _place(self, request: Request) -> Any:
        body = msgspec.json.decode(request.body, type=Body, strict=False)
        return {"order_id": self.book.place(body).order_id}

    def _modify(self, request: Request) -> Any:
        changes = json.loads(request.body)
        return {"order_id": self.book.change(request.params["id"], changes).order_id}

    def _cancel(self, request: Request) -> Any:
        return {"order_id": self.book.cancel(request.params["id"]).order_id}

    def _net(self, request: Request) -> Any:
        return {"net": self.book.positions()}

    def _holdings(self, request: Request) -> Any:
        if self.empty_demat:
            raise Refused(422, "60014 Your Portfolio Holding is Null")
        row = {
            "security_id": "",
            "exchange": "NSE",
            "company_name": "WIPRO LTD",
            "isin": "INE075A01022",
            "quantity": 10,
            "average_price": 240.1,
            "investment_value": "2401.00",
            "close_price": 249.9,
            "realised": "0.00",
        }
        return [row]

    def _funds(self, request: Request) -> Any:
        free, total = self.book.free(), float(self.book.funds)
        ledger = {
            "total_available_limit": float(free),
            "total_utilised_limit": float(self.book.funds - free),
            "total_limit": total,
            "totalLimitDetails": {"ledger_balance": total, "pledge_limit": 0},
        }
        return {"equity": ledger}

    def _prices(self, request: Request) -> Any:
        asked = json.loads(request.body)["data"]
        if len(asked) > 10:
            raise Refused(400, "maximum 10 items allowed")
        rows = []
        for (exchange, _, _), row in self._by_token(asked):
            price = self.book.prices[_key_of(row)]
            rows.append(
                {
                    "exchange": exchange,
                    "token": int(row["exch_security_id"]),
                    "ltp": float(price),
                    "prev_close": float(row["close_price"]),
                }
            )
        return {"data": rows, "meta": {"statusCode": "OK", "statusMsg": "OK"}}

    def _by_token(self, asked: list[dict[str, str]]) -> Any:
        """The row of each, under the code in use; the others are left out silently."""
        for one in asked:
            for key, row in self.book.rows.items():
                found = (self._code_of(row), row["exch_security_id"])
                if found == (one["exchange"], one["token"]):
                    yield (one["exchange"], key[1], key[2]), row
                    break

    def _code_of(self, row: dict[str, str]) -> str:
        """The code under which an instrument has a price."""
        exchange, token = row["exchange"], row["exch_security_id"]
        if row["expiry_date"]:
            return SEGMENT_CODES[exchange] if self.segment_codes else exchange
        band = range(26000, 27000) if exchange == "NSE" else range(1000)
        index = token.isdecimal() and int(token) in band
        return f"{exchange}_INDEX" if index else exchange

    # The operator's hand

    def _whole_book(self, request: Request) -> Response:
        orders = [
            {
                "id": o.order_id,
                "tag": o.reference,
                "status": o.status,
                "filled": o.filled,
                "left": o.left if o.open else 0,
            }
            for o in self.book.orders.values()
        ]
        return ok({"orders": orders, "trades": self.book.trades})

    def _set_prices(self, request: Request) -> Response:
        for name, price in json.loads(request.body).items():
            exchange, _, security_id = name.partition(":")
            for key in list(self.book.rows):
                if (key[0], key[2]) == (exchange, security_id):
                    self.book.set_price(key, Decimal(str(price)))
        return ok({})

    def _fill(self, request: Request) -> Response:
        wanted = json.loads(request.body)
        order = self.book.orders[wanted["id"]]
        price = Decimal(str(wanted.get("price") or order.body.price))
        self.book.fill(order, wanted.get("quantity", 0), price)
        return ok({})

    def _settings(self, request: Request) -> Response:
        """Whether anything fills by itself."""
        self.book.matching = bool(json.loads(request.body)["matching"])
        return ok({})

    def _expire(self, request: Request) -> Response:
        self.login.expire_all()
        return ok({})


def _guarded(
    call: Callable[[Request], Any], wrap: Callable[[Any], Response], request: Request
) -> Response:
    try:
        answer = call(request)
    except Refused as exc:
        return _no(exc.status, exc.words)
    except (msgspec.DecodeError, json.JSONDecodeError, KeyError) as exc:
        return _no(400, f"malformed: {exc}")
    return answer if isinstance(answer, Response) else wrap(answer)


def _good(data: Any) -> Response:
    return ok({"status": "success", "data": data})


def _no(status: int, words: str) -> Response:
    return Response(status, encode({"status": "error", "message": words}))


def _master(request: Request) -> Response:
    return Response(200, MASTER.read_bytes(), content_type="text/csv")


def _key_of(row: dict[str, str]) -> tuple[str, str, str]:
    return (row["exchange"], row["instrument_segment"], row["security_id"])


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", action="append", default=[])
    parser.add_argument("--max-seconds", type=float, default=600.0)
    args = parser.parse_args()
    venue = HdfcVenue(tokens=tuple(args.token))

    async def serve() -> None:
        await run(venue, port=args.port, max_seconds=args.max_seconds)

    trio.run(serve)


if __name__ == "__main__":
    main()
