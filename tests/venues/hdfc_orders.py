"""An order at the HDFC venue: what it takes, and the rules that it keeps."""

from __future__ import annotations

from decimal import Decimal

import msgspec

SEGMENTS = frozenset(
    ["EQUITY", "FUTIDX", "FUTSTK", "OPTIDX", "OPTSTK", "OPTCUR", "FUTCUR"]
)
PRODUCTS = frozenset(
    ["DELIVERY", "OVERNIGHT", "INTRADAY", "MTF", "COLL-SELL", "ENCASH"]
)
TYPES = frozenset(["MARKET", "LIMIT", "SL", "SL-M"])
SIDES = {"BUY": "Buy", "SELL": "Sell"}
WORDS = {"CE": "Call", "PE": "Put"}


class Refused(Exception):
    """A structured no: HTTP status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Body(msgspec.Struct):
    """What `POST /orders/regular` takes; numbers may come as text."""

    exchange: str
    security_id: str
    instrument_segment: str
    transaction_type: str
    product: str
    order_type: str
    quantity: int
    validity: str
    price: Decimal = Decimal(0)
    trigger_price: Decimal = Decimal(0)
    disclosed_quantity: int = 0
    amo: bool = False
    external_reference_number: int | str | None = None
    expiry_date: str = ""
    strike_price: Decimal = Decimal(0)
    option_type: str = ""
    underlying_symbol: str = ""


class Order(msgspec.Struct):
    """One order of the day."""

    order_id: str
    body: Body
    reference: str
    at: float
    row: dict[str, str]
    status: str = "Pending"
    words: str = ""
    filled: int = 0
    cancelled: int = 0
    value: Decimal = Decimal(0)
    visible_at: float = 0.0
    triggered: bool = False

    @property
    def open(self) -> bool:
        return self.status in ("Pending", "Trigger Pending", "Partially Traded")

    @property
    def waiting(self) -> bool:
        """Whether it waits for its trigger."""
        return self.body.order_type in ("SL", "SL-M") and not self.triggered

    @property
    def left(self) -> int:
        return self.body.quantity - self.filled - self.cancelled


def key_of(order: Order) -> tuple[str, str, str]:
    body = order.body
    return (body.exchange, body.instrument_segment, body.security_id)


def check(body: Body, row: dict[str, str] | None) -> None:
    if row is None or body.instrument_segment not in SEGMENTS:
        raise Refused(400, "1008 invalid symbol")
    if body.transaction_type.upper() not in SIDES or body.product not in PRODUCTS:
        raise Refused(400, "1001 invalid order")
    if body.order_type not in TYPES or body.validity not in ("DAY", "IOC"):
        raise Refused(400, "16415 invalid order parameter")
    if body.order_type in ("LIMIT", "SL") and body.price <= 0:
        raise Refused(400, "16247 invalid price")
    if body.order_type in ("SL", "SL-M") and body.trigger_price <= 0:
        raise Refused(400, "16316 trigger price not a multiple")
    if body.quantity <= 0 or body.quantity % int(row["lot_size"]):
        raise Refused(422, "Invalid quantity")
    if row["expiry_date"] and body.expiry_date != row["expiry_date"].replace("-", ""):
        raise Refused(400, "16415 invalid order parameter: expiry_date")
    if row["option_type"] in WORDS and body.option_type != row["option_type"]:
        raise Refused(400, "16415 invalid order parameter: option_type")
    reference = str(body.external_reference_number or "1")
    if not reference.isdecimal() or len(reference) > 20:
        raise Refused(422, "1006 invalid external_reference_number")
