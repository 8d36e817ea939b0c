"""Control endpoints of the m.Stock venue, below `/_venue`: the operator's hand."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from .mstock_book import Order
from .server import ok
from .wire import Request, Response

if TYPE_CHECKING:
    from .mstock import MstockVenue


class Fill(msgspec.Struct, forbid_unknown_fields=True):
    """Fill *quantity* units (0: all that is left) of an order, at its limit unless a
    price is given."""

    id: str
    quantity: int = 0
    price: Decimal = Decimal(0)


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    """Tokens to add or to end; *expire_all* comes first."""

    add: list[str] = []
    expire: list[str] = []
    expire_all: bool = False


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is; *yes* and *no* are Type B's `status`."""

    matching: bool | None = None
    risk: bool | None = None
    rate_limits: bool | None = None
    wrap_placed: bool | None = None
    silent_cancel: bool | None = None
    echo_tags: bool | None = None
    yes: str | bool | None = None
    no: str | bool | None = None
    funds: Decimal | None = None


def add_controls(venue: "MstockVenue") -> None:
    """Let a checker see all and an operator move the market."""
    controls = Controls(venue)
    venue.control("GET", "/_venue/book", controls.book)
    venue.control("POST", "/_venue/prices", controls.prices)
    venue.control("POST", "/_venue/fill", controls.fill)
    venue.control("POST", "/_venue/tokens", controls.tokens)
    venue.control("POST", "/_venue/settings", controls.settings)


class Controls:
    """One method for each control endpoint; a ValueError or KeyError is a 400."""

    def __init__(self, venue: "MstockVenue") -> None:
        self._venue = venue

    def book(self, request: Request) -> Response:
        """Every order, hidden ones too, with its tag."""
        orders = [_raw(order) for order in self._venue.book.orders.values()]
        return ok({"orders": orders, "now": request.at})

    def prices(self, request: Request) -> Response:
        """Prices by `EXCHANGE:NUMBER`."""
        wanted = msgspec.json.decode(request.body, type=dict[str, Decimal])
        for key, price in wanted.items():
            exchange, _, token = key.partition(":")
            self._venue.book.set_price((exchange, token), price)
        return ok(wanted)

    def fill(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=Fill)
        book = self._venue.book
        order = book.orders[wanted.id]
        last = self._venue.market.last(order.instrument)
        price = wanted.price or order.terms.price or last
        book.fill(order, Decimal(wanted.quantity) or order.left, price)
        return ok(_raw(order))

    def tokens(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=Tokens)
        login = self._venue.login
        if wanted.expire_all:
            login.kill()
        for token in wanted.expire:
            login.kill(token)
        for token in wanted.add:
            login.add(token)
        return ok({})

    def settings(self, request: Request) -> Response:
        wanted = msgspec.json.decode(request.body, type=Settings)
        for name in Settings.__struct_fields__:
            value = getattr(wanted, name)
            if value is not None:
                whose: Any = self._venue
                if name in ("matching", "risk", "funds"):
                    whose = self._venue.book
                setattr(whose, name, value)
        return ok({})


def _raw(order: Order) -> dict[str, Any]:
    terms = order.terms
    return {
        "id": order.id,
        "key": f"{order.instrument.exchange}:{order.instrument.token}",
        "tag": terms.tag,
        "status": order.status,
        "side": terms.side,
        "type": terms.kind,
        "product": terms.product,
        "quantity": int(terms.quantity),
        "filled": int(order.filled),
        "price": float(terms.price),
        "trigger_price": float(terms.trigger),
    }
