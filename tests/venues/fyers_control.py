"""Control endpoints of the FYERS venue, below `/_venue`: the operator's hand."""

from typing import TYPE_CHECKING, Any

import msgspec

from .fyers_rows import PENDING
from .fyers_rules import PlaceBody, Refused, decode
from .server import encode, ok
from .wire import Request, Response

if TYPE_CHECKING:
    from .fyers import FyersVenue


class Fill(msgspec.Struct, forbid_unknown_fields=True):
    """Fill *quantity* units (0: all that is left) of an order, found by id or tag.

    Without *price* it fills at its limit, or at the last price.
    """

    id: str = ""
    tag: str = ""
    quantity: int = 0
    price: float = 0.0


class End(msgspec.Struct, forbid_unknown_fields=True):
    """Give an order a last status as the exchange does: 1, 5 or 7."""

    status: int
    id: str = ""
    tag: str = ""
    message: str = ""


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    """Tokens (`app_id:token`) to add or kill; *expire_all* comes first."""

    add: list[str] = []
    expire: list[str] = []
    expire_all: bool = False
    code: int = -8


class Settings(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is left out stays as it is."""

    matching: bool | None = None
    fill_market: bool | None = None
    risk: bool | None = None
    rate_limits: bool | None = None
    funds: float | None = None
    market_status: str | None = None
    allowed_ips: list[str] | msgspec.UnsetType | None = msgspec.UNSET


def add_controls(venue: "FyersVenue") -> None:
    """Let a checker see all and an operator move the market."""
    controls = Controls(venue)
    venue.control("GET", "/_venue/book", controls.book)
    venue.control("POST", "/_venue/prices", controls.prices)
    venue.control("POST", "/_venue/fill", controls.fill)
    venue.control("POST", "/_venue/end", controls.end)
    venue.control("POST", "/_venue/orders", controls.order)
    venue.control("POST", "/_venue/tokens", controls.tokens)
    venue.control("POST", "/_venue/settings", controls.settings)


class Controls:
    """One method for each control endpoint; a ValueError or KeyError is a 400."""

    def __init__(self, venue: "FyersVenue") -> None:
        self._venue = venue

    def book(self, request: Request) -> Response:
        """Everything, hidden orders too, in arrival order."""
        book, account = self._venue.book, self._venue.account
        book.settle()
        return ok(
            {
                "orders": [entry.raw() for entry in book.orders.values()],
                "trades": book.trades,
                "positions": account.position_answer()["netPositions"],
                "now": request.at,
            }
        )

    def prices(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=dict[str, float])
        for symbol, price in wanted.items():
            self._venue.book.set_price(symbol, price)
        return ok(wanted)

    def fill(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=Fill)
        book = self._venue.book
        entry = book.find(wanted.id, wanted.tag)
        row = entry.row
        price = wanted.price or row.limit_price or self._venue.market.last(row.symbol)
        book.fill(entry, wanted.quantity or row.remaining_quantity, price)
        return ok(entry.raw())

    def end(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=End)
        entry = self._venue.book.find(wanted.id, wanted.tag)
        if entry.row.status != PENDING:
            raise ValueError(f"{entry.row.id} is not pending")
        self._venue.book.end(entry, wanted.status, wanted.message)
        return ok(entry.raw())

    def order(self, request: Request) -> Response:
        """An order the client gave elsewhere: on the web unless `?source=` says."""
        body: Any
        try:
            order = decode(request.body, PlaceBody)
            source = request.query.get("source", "W")
            body = self._venue.book.place(order, source=source).raw()
        except Refused as exc:
            return Response(exc.status, encode(exc.body))
        return ok(body)

    def tokens(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=Tokens)
        login = self._venue.login
        if wanted.expire_all:
            login.kill(None, wanted.code)
        for pair in wanted.expire:
            login.kill(pair, wanted.code)
        for pair in wanted.add:
            login.add(pair)
        return ok({})

    def settings(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=Settings)
        venue, book = self._venue, self._venue.book
        for name in ("matching", "fill_market", "risk"):
            if (value := getattr(wanted, name)) is not None:
                setattr(book, name, value)
        for name in ("rate_limits", "market_status"):
            if (value := getattr(wanted, name)) is not None:
                setattr(venue, name, value)
        if wanted.funds is not None:
            venue.account.funds = wanted.funds
        if wanted.allowed_ips is not msgspec.UNSET:
            ips = wanted.allowed_ips
            venue.allowed_ips = None if ips is None else tuple(ips)
        return ok({})
