"""A stateful server that speaks m.Stock's API, both types, from its dossier alone.

`python -m tests.venues.mstock --port 0` runs it as a process. In a test:
`async with serving(MstockVenue()) as venue`, then `venue.url`, `venue.book`,
`venue.faults.add(Fault(on="place", kind="drop_after_accept"))`.
"""

import argparse
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import trio

from .faults import Fault
from .mstock_book import NORMAL, Book, Handling
from .mstock_control import add_controls
from .mstock_ends import Ends, EndsA, EndsB, guarded
from .mstock_limits import Limits
from .mstock_login import Login, User
from .mstock_market import Market
from .mstock_rules import IP, TOKEN, VERSION, Refused
from .mstock_socket import OrderSocket
from .process import run
from .server import Handler, Server, encode
from .wire import Request, Response

KINDS = (
    "reject",
    "reject_with_id",
    "late_in_book",
    "partial_fill",
    "token_expired",
    "ip_mismatch",
    "dead_session",
)
ORDERS = frozenset({"place", "modify", "cancel", "cancel_all"})
NO_LOGIN = frozenset({"login", "otp", "totp", "not_found"})
DEAD_SESSION = "invalid session. Kindly logout and login again"
RISK = "FUND LIMIT INSUFFICIENT,AVAILABLE FUND=0"


class MstockVenue(Server):
    """m.Stock with one client, whose key is good for both types of the API.

    Args:
        user: who can log in.
        tokens: access tokens that are good from the start.
        funds: at the start of the day, rupees.
        clock: wall clock, epoch seconds.

    Attributes:
        yes, no: `status` of Type B's successes and refusals, written in many ways.
        wrap_placed: whether a placed order's answer comes in a list of one.
        silent_cancel: whether Type B answers a cancel with nothing.
        echo_tags: whether books show tags, which nobody has seen.
        rate_limits: whether the published limits are enforced.
    """

    def __init__(
        self,
        *,
        user: User | None = None,
        tokens: tuple[str, ...] = ("TOKEN",),
        funds: Decimal = Decimal(10_000_000),
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(kinds=KINDS, clock=clock)
        self.yes: Any = "true"
        self.no: Any = "false"
        self.wrap_placed = True
        self.silent_cancel = False
        self.echo_tags = False
        self.rate_limits = False
        self.allowed_ips: tuple[str, ...] | None = None
        self.limits = Limits()
        self.market = Market()
        self.book = Book(self.market, clock, funds)
        self.login = Login(user or User(), clock, tokens)
        self.socket = OrderSocket(self.login, self.login.user.username)
        self.book.changed = self.socket.changed
        self.upgrade(self.socket)
        self._a, self._b = EndsA(self), EndsB(self)
        self._add_routes()
        add_controls(self)

    def admit(self, name: str, request: Request) -> Response | None:
        ends = self._of(request)
        self.socket.api_type = ends.api_type
        try:
            self._check(name, ends.api_type, request)
        except Refused as exc:
            return exc.response(ends.api_type, self.no)
        if self.rate_limits and not self.limits.take(name in ORDERS, request.at):
            return self.too_many(name, 1.0)
        return None

    def too_many(self, name: str, seconds: float) -> Response:
        """Neither its body nor a wait is published."""
        body = {"status": "error", "message": "Too many requests", "data": None}
        return Response(429, encode(body))

    def not_found(self, request: Request) -> Response:
        words = f"no such endpoint: {request.method} {request.path}"
        no = Refused("InputException", words, code="IA404", status=404)
        return no.response(self._of(request).api_type, self.no)

    def error(self, fault: Fault) -> bytes:
        words = fault.text or "something went wrong"
        body = {"status": "error", "message": words, "error_type": "GeneralException"}
        return encode(body | {"data": None})

    def accept(self, fault: Fault, request: Request, handler: Handler) -> Response:
        kind = fault.kind
        late = fault.seconds if kind == "late_in_book" else fault.late
        self.book.handling = Handling(
            reject=(fault.text or RISK) if kind == "reject_with_id" else "",
            late=late,
            fill=fault.quantity if kind == "partial_fill" else None,
        )
        try:
            return handler(request)
        finally:
            self.book.handling = NORMAL

    async def faulty(
        self, fault: Fault, name: str, request: Request, handler: Handler
    ) -> Response:
        if fault.kind not in KINDS:
            return await super().faulty(fault, name, request, handler)
        words = fault.text
        noes = {
            "token_expired": Refused("TokenException", TOKEN, status=401),
            "ip_mismatch": Refused("APIKeyException", IP, status=403),
            "dead_session": Refused(
                "MiraeException", DEAD_SESSION, code="MAInternalServerError"
            ),
            "reject": Refused("InputException", words or "Invalid order.", status=400),
        }
        if fault.kind in noes:
            return noes[fault.kind].response(self._of(request).api_type, self.no)
        return self.accept(fault, request, handler)

    def _check(self, name: str, api_type: str, request: Request) -> None:
        if request.headers.get("x-mirae-version") != "1":
            raise Refused("VersionException", VERSION, status=400)
        if name not in NO_LOGIN:
            self.login.check(api_type, request.headers)
        ips = self.allowed_ips
        if name in ORDERS and ips is not None and request.peer not in ips:
            raise Refused("APIKeyException", IP, status=403)

    def _of(self, request: Request) -> Ends:
        return self._a if request.path.startswith("/openapi/typea/") else self._b

    def _add_routes(self) -> None:
        login = self.login
        self._common("/openapi/typea", self._a)
        self._common("/openapi/typeb", self._b)

        def a(method: str, path: str, name: str, handler: Handler) -> None:
            self.route(method, f"/openapi/typea{path}", name, guarded(self._a, handler))

        def b(method: str, path: str, name: str, handler: Handler) -> None:
            self.route(method, f"/openapi/typeb{path}", name, guarded(self._b, handler))

        a("POST", "/connect/login", "login", login.enter_a)
        a("POST", "/session/token", "otp", login.otp_a)
        a("POST", "/session/verifytotp", "totp", login.totp_a)
        b("POST", "/connect/login", "login", login.enter_b)
        b("POST", "/session/token", "otp", login.otp_b)
        b("POST", "/session/verifytotp", "totp", login.totp_b)
        quotes = "/instruments/quote"
        a("GET", f"{quotes}/ohlc", "quotes", partial(self._a.quotes, full=True))
        a("GET", f"{quotes}/ltp", "quotes", partial(self._a.quotes, full=False))
        b("POST", quotes, "quotes", self._b.quotes)
        b("GET", quotes, "quotes", self._b.quotes)
        a("GET", "/instruments/scriptmaster", "master", self._a.master)
        b("GET", "/instruments/OpenAPIScripMaster", "master", self._b.master)
        history = "/instruments/historical"
        path = history + "/{exchange}/{token}/{interval}"
        a("GET", path, "historical", self._a.historical)
        b("POST", history, "historical", self._b.historical)

    def _common(self, root: str, ends: EndsA | EndsB) -> None:
        def route(method: str, path: str, name: str, handler: Handler) -> None:
            self.route(method, root + path, name, guarded(ends, handler))

        route("POST", "/orders/regular", "place", ends.place)
        if ends is self._a:
            route("POST", "/orders/amo", "place", ends.place)
        route("PUT", "/orders/regular/{id}", "modify", ends.modify)
        route("DELETE", "/orders/regular/{id}", "cancel", ends.cancel)
        route("POST", "/orders/cancelall", "cancel_all", ends.cancel_all)
        route("GET", "/orders", "orders", ends.orders)
        route("GET", "/order/details", "details", ends.details)
        route("POST", "/order/details", "details", ends.details)
        route("GET", "/tradebook", "trades", ends.trades)
        route("POST", "/trades", "history", ends.history)
        route("GET", "/portfolio/positions", "positions", ends.positions)
        route("POST", "/portfolio/convertposition", "convert", ends.convert)
        route("GET", "/portfolio/holdings", "holdings", ends.holdings)
        route("GET", "/user/fundsummary", "funds", ends.funds)
        route("POST", "/margins/orders", "margin", ends.margin)
        route("GET", "/logout", "logout", ends.logout)


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", action="append", default=[])
    parser.add_argument("--api-key", default=User().api_key)
    parser.add_argument("--totp-seed", default="")
    parser.add_argument("--funds", type=Decimal, default=Decimal(10_000_000))
    parser.add_argument("--rate-limits", action="store_true")
    parser.add_argument("--max-seconds", type=float, default=600.0)
    args = parser.parse_args()
    venue = MstockVenue(
        user=User(api_key=args.api_key, seed=args.totp_seed),
        tokens=tuple(args.token),
        funds=args.funds,
    )
    venue.rate_limits = args.rate_limits

    async def serve() -> None:
        await run(venue, port=args.port, max_seconds=args.max_seconds)

    trio.run(serve)


if __name__ == "__main__":
    main()
