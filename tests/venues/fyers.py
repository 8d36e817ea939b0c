"""A stateful server that speaks the FYERS API v3, from its dossier alone.

`python -m tests.venues.fyers --port 0 --token APP:TOKEN` runs it as a process. In a
test: `async with serving(FyersVenue()) as venue`, then `venue.url`, `venue.book`,
`venue.faults.add(Fault(on="place", kind="drop_after_accept"))`.
"""

import argparse
import math
import time
from collections.abc import Callable
from functools import partial

import msgspec
import trio

from .faults import Fault
from .fyers_account import Account
from .fyers_book import NORMAL, Book, Handling
from .fyers_control import add_controls
from .fyers_limits import Limits
from .fyers_login import Login, dead
from .fyers_market import Market, sample
from .fyers_masters import MasterFiles
from .fyers_orders import OrderEndpoints
from .fyers_reads import ReadEndpoints
from .fyers_rules import Refused, decode, guarded, refusal
from .fyers_socket import OrderSocket
from .process import run
from .server import Handler, Server, encode, ok
from .wire import Request, Response

API, DATA = "/api/v3", "/data"
KINDS = (
    "no_ack_201",
    "reject",
    "reject_with_id",
    "late_in_book",
    "partial_fill",
    "transit",
    "stale_book",
    "token_expired",
)
ORDERS = {"place", "modify", "cancel", "exit"} | {
    "multi_place",
    "multi_modify",
    "multi_cancel",
}
NO_LOGIN = {"authcode", "validate", "master", "not_found"}
RISK_TEXT = "RED:Margin Shortfall:INR 812.35 Available:INR 10.00 for C-{} [FYERS_RISK]"


class FyersVenue(Server):
    """FYERS with one client.

    Args:
        tokens: `app_id:token` pairs that are good from the start.
        apps: Secret by app id, for the login endpoints.
        redirect_uri: The one that the apps have registered; empty takes any.
        funds: Limit at the start of the day, rupees.
        rate_limits: Whether the published limits are enforced.
        clock: Wall clock, epoch seconds.
    """

    def __init__(
        self,
        *,
        tokens: tuple[str, ...] = ("DEMO12EFGH-100:TOKEN",),
        apps: dict[str, str] | None = None,
        redirect_uri: str = "",
        client_id: str = "XY01234",
        funds: float = 10_000_000.0,
        rate_limits: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(kinds=KINDS, clock=clock)
        self.client_id = client_id
        self.market = Market()
        self.account = Account(client_id, self.market, funds)
        self.book = Book(self.market, self.account, clock)
        self.login = Login(client_id, tokens, apps or {}, clock, redirect_uri)
        self.masters = MasterFiles(self.market)
        self.socket = OrderSocket(self.login)
        self.book.changed = self.socket.changed
        self.upgrade(self.socket)
        self.limits = Limits()
        self.rate_limits = rate_limits
        self.allowed_ips: tuple[str, ...] | None = None
        self.market_status = "OPEN"
        self._orders = OrderEndpoints(self.book)
        self._reads = ReadEndpoints(self)
        self._add_routes()
        add_controls(self)

    # Before and after the endpoints

    def admit(self, name: str, request: Request) -> Response | None:
        if name in NO_LOGIN:
            return None
        try:
            self.login.check(request.headers.get("authorization", ""))
        except Refused as exc:
            return refusal(exc)
        ips = self.allowed_ips
        if name in ORDERS and ips is not None and request.peer not in ips:
            # The broker's own words for this are not known; dossier section 16.
            return refusal(Refused(403, "IP address is not allowed", status=403))
        if self.rate_limits:
            wait = self.limits.take(request.at, _operations(name, request))
            if wait > 0:
                return self.too_many(name, wait)
        return None

    def too_many(self, name: str, seconds: float) -> Response:
        body = {"s": "error", "code": -429, "message": "request limit reached"}
        headers = (
            ("Retry-After", str(math.ceil(seconds))),
            ("X-Retry-After-Ms", str(math.ceil(seconds * 1000))),
        )
        return Response(429, encode(body), headers=headers if name in ORDERS else ())

    def not_found(self, request: Request) -> Response:
        text = f"no such endpoint: {request.method} {request.path}"
        return Response(404, encode({"s": "error", "code": 404, "message": text}))

    def error(self, fault: Fault) -> bytes:
        text = fault.text or "Something went wrong"
        return encode({"s": "error", "code": fault.code or -96, "message": text})

    def accept(self, fault: Fault, request: Request, handler: Handler) -> Response:
        kind, seconds = fault.kind, fault.seconds
        words = fault.text or RISK_TEXT.format(self.client_id)
        self.book.handling = Handling(
            reject=words if kind == "reject_with_id" else "",
            late=fault.late or (seconds if kind == "late_in_book" else 0.0),
            transit=seconds if kind == "transit" else 0.0,
            fill=fault.quantity if kind == "partial_fill" else None,
        )
        self._reads.stale = (fault.quantity or 1) if kind == "stale_book" else 0
        try:
            return handler(request)
        finally:
            self.book.handling, self._reads.stale = NORMAL, 0

    async def faulty(
        self, fault: Fault, name: str, request: Request, handler: Handler
    ) -> Response:
        if fault.kind not in KINDS:
            return await super().faulty(fault, name, request, handler)
        if fault.kind == "token_expired":
            return refusal(dead(fault.code or -8))
        if fault.kind == "reject":
            words = fault.text or RISK_TEXT.format(self.client_id)
            return refusal(Refused(fault.code or -99, words))
        answer = Response()
        if fault.reaches_the_book:
            answer = self.accept(fault, request, handler)
        if fault.kind == "no_ack_201":
            await trio.sleep(fault.seconds)
            return ok(sample("place_order_no_ack_201.json"))
        return answer

    def _add_routes(self) -> None:
        def route(method: str, path: str, name: str, handler: Handler) -> None:
            self.route(method, path, name, guarded(handler))

        do, read, login = self._orders, self._reads, self.login
        one, many = API + "/orders/sync", API + "/multi-order/sync"
        route("POST", one, "place", do.place)
        route("PATCH", one, "modify", do.modify)
        route("DELETE", one, "cancel", do.cancel)
        route("DELETE", API + "/orders/{id}/sync", "cancel", do.cancel_by_path)
        # The sample shows 200 for a place or modify inside a list, 1103 for a cancel.
        placed, modified = partial(do.placed, code=200), partial(do.modified, code=200)
        route("POST", many, "multi_place", do.multi(placed))
        route("PATCH", many, "multi_modify", do.multi(modified))
        route("DELETE", many, "multi_cancel", do.multi(do.cancelled))
        route("DELETE", API + "/positions", "exit", do.exit)
        route("GET", API + "/orders", "orders", read.orders)
        route("GET", API + "/tradebook", "trades", read.trades)
        route("GET", API + "/positions", "positions", read.positions)
        route("GET", API + "/holdings", "holdings", read.holdings)
        route("GET", API + "/funds", "funds", read.funds)
        route("GET", API + "/profile", "profile", read.profile)
        route("POST", API + "/multiorder/margin", "margin", read.margin)
        route("GET", DATA + "/quotes", "quotes", read.quotes)
        route("POST", DATA + "/quotes", "quotes", read.quotes)
        route("GET", DATA + "/depth", "depth", read.depth)
        route("GET", DATA + "/marketStatus", "market_status", read.status)
        route("POST", API + "/logout", "logout", read.logout)
        route("GET", API + "/generate-authcode", "authcode", login.generate)
        route("POST", API + "/validate-authcode", "validate", login.validate)
        self.route("GET", "/sym_details/{file}", "master", self.masters.serve)


def _operations(name: str, request: Request) -> int:
    """Order operations in one request, as the limit of ten a second counts them."""
    if name.startswith("multi_"):
        try:
            return min(10, len(decode(request.body, list[msgspec.Raw])))
        except Refused:  # the endpoint itself will say so
            return 1
    return int(name in ORDERS)


def main() -> None:
    """Read the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", action="append", default=[], metavar="APP:TOKEN")
    parser.add_argument("--app", action="append", default=[], metavar="APP:SECRET")
    parser.add_argument("--client-id", default="XY01234")
    parser.add_argument("--funds", type=float, default=10_000_000.0)
    parser.add_argument("--rate-limits", action="store_true")
    parser.add_argument("--risk", action="store_true", help="check the funds")
    parser.add_argument("--no-matching", action="store_true", help="nothing fills")
    parser.add_argument("--max-seconds", type=float, default=600.0)
    args = parser.parse_args()
    venue = FyersVenue(
        tokens=tuple(args.token) or ("DEMO12EFGH-100:TOKEN",),
        apps=dict(pair.split(":", 1) for pair in args.app),
        client_id=args.client_id,
        funds=args.funds,
        rate_limits=args.rate_limits,
    )
    venue.book.risk = args.risk
    venue.book.matching = not args.no_matching

    async def serve() -> None:
        await run(venue, port=args.port, max_seconds=args.max_seconds)

    trio.run(serve)


if __name__ == "__main__":
    main()
