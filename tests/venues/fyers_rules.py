"""What FYERS asks of an order's body, and how it says no (dossier 4, 6.2, 6.4, 7)."""

import re
from typing import Any, TypeVar

import msgspec

from .fyers_market import INDEX, Instrument, to_rupees
from .server import Handler, encode
from .wire import Request, Response

LIMIT, MARKET, STOP, STOP_LIMIT = 1, 2, 3, 4
TAG = re.compile(r"[A-Za-z0-9]{1,30}")
BAD_FIELD = re.compile(r"field `(\w+)`|\$(?:\[\.\.\.\]|\[\d+\])?\.(\w+)")
PRODUCTS = {"equity": {"CNC", "INTRADAY", "MTF"}, "other": {"INTRADAY", "MARGIN"}}
Body = TypeVar("Body")


class Refused(Exception):
    """The broker says no: its code, its words, the HTTP status, the id if one is."""

    def __init__(
        self, code: int, message: str, *, status: int = 400, order_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"s": "error", "code": code, "message": message}
        if order_id is not None:
            self.body["id"] = order_id


class PlaceBody(msgspec.Struct, rename="camel"):
    """`POST /orders/sync`: what has no default is mandatory."""

    symbol: str
    qty: int
    type: int
    side: int
    product_type: str
    limit_price: float
    stop_price: float
    disclosed_qty: int
    validity: str
    offline_order: bool
    stop_loss: float = 0.0
    take_profit: float = 0.0
    order_tag: str | None = None


class ModifyBody(msgspec.Struct, rename="camel"):
    """`PATCH /orders/sync`: what is left out keeps its value."""

    id: str | int
    type: int
    qty: int | None = None
    limit_price: float | None = None
    stop_price: float | None = None
    disclosed_qty: int | None = None


class MarginOrder(msgspec.Struct, rename="camel"):
    """One element of the margin calculator's list; more keys may come."""

    symbol: str
    qty: int
    side: int
    type: int
    product_type: str
    limit_price: float = 0.0


class MarginBody(msgspec.Struct):
    data: list[MarginOrder]


class CancelBody(msgspec.Struct):
    id: str | int


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decode(body: bytes | msgspec.Raw, shape: type[Body]) -> Body:
    """*body* as *shape*.

    Raises:
        Refused: -50, naming the field where one is at fault.
    """
    decoder = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.json.Decoder(shape)
    try:
        return decoder.decode(body)  # type: ignore[no-any-return]
    except msgspec.DecodeError as exc:
        found = BAD_FIELD.search(str(exc))
        field = next(filter(None, found.groups()), "input") if found else "input"
        raise Refused(-50, f"Invalid {field}") from exc


def check_place(
    body: PlaceBody, instrument: Instrument | None, last: float, client_id: str
) -> None:
    """Refuse what the documentation calls wrong, in the words of its examples."""
    if instrument is None or instrument.kind == INDEX:
        raise Refused(-300, "Invalid symbol")
    products = PRODUCTS["equity" if instrument.is_equity else "other"]
    _demand(body.product_type in products, "productType")
    _demand(LIMIT <= body.type <= STOP_LIMIT, "type")
    _demand(body.side in (1, -1), "side")
    _demand(body.validity in ("DAY", "IOC"), "validity")
    check_quantity(body.qty, body.disclosed_qty, instrument)
    check_prices(body.type, body.side, body.limit_price, body.stop_price, instrument)
    check_trigger(body.type, body.side, body.stop_price, last)
    for name, offset in (
        ("StopLoss", body.stop_loss),
        ("TakeProfit", body.take_profit),
    ):
        check_tick(name, offset, instrument)
    tag = body.order_tag
    if tag is not None:
        good = TAG.fullmatch(tag) and tag not in (client_id, "Untagged")
        _demand(bool(good), "orderTag")


def check_quantity(qty: int, disclosed: int, instrument: Instrument) -> None:
    _demand(qty > 0 and qty % instrument.lot == 0, "qty")
    most = qty if instrument.is_equity else 0
    _demand(0 <= disclosed <= most, "disclosedQty")


def check_prices(
    kind: int, side: int, limit: float, stop: float, instrument: Instrument
) -> None:
    _demand(limit > 0 if kind in (LIMIT, STOP_LIMIT) else limit == 0, "limitPrice")
    _demand(stop > 0 if kind in (STOP, STOP_LIMIT) else stop == 0, "stopPrice")
    check_tick("LimitPrice", limit, instrument)
    check_tick("StopPrice", stop, instrument)
    if kind == STOP_LIMIT:
        _demand(side * (limit - stop) >= 0, "stopPrice")


def check_trigger(kind: int, side: int, stop: float, last: float) -> None:
    """A buy stop may not be below the last price, a sell stop not above it."""
    if kind in (STOP, STOP_LIMIT):
        _demand(side * (stop - last) >= 0, "stopPrice")


def check_tick(name: str, price: float, instrument: Instrument) -> None:
    if not price:
        return
    units = price * 10_000
    whole = round(units)
    if whole < 0 or abs(units - whole) > 1e-3 or whole % instrument.tick:
        tick = to_rupees(instrument.tick)
        raise Refused(-50, f"{name} not a multiple of tick size {tick:.4f}")


def _demand(good: bool, field: str) -> None:
    if not good:
        raise Refused(-50, f"Invalid {field}")


def guarded(handler: Handler) -> Handler:
    def handle(request: Request) -> Response:
        try:
            return handler(request)
        except Refused as exc:
            return refusal(exc)
        except msgspec.DecodeError:
            return refusal(Refused(-50, "Invalid input"))

    return handle


def refusal(refused: Refused) -> Response:
    return Response(refused.status, encode(refused.body))
