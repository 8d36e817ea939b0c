"""What m.Stock asks of a request, and how it says no (dossier 2, 6, 16)."""

from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .mstock_market import Instrument
from .server import encode
from .wire import Request, Response

CODES = {
    "TokenException": "IA401",
    "APIKeyException": "IA403",
    "InputException": "IA400",
    "VersionException": "IA400",
    "GeneralException": "IA500",
    "MiraeException": "MA500",
}
"""Type B's code for a kind of Type A's errors, where it has none of its own."""

TOKEN = "Invalid request. Please try again."
IP = "Primary and Secondary IP Address are not matching with current IP address."
VERSION = "Please provide valid api version."
SYMBOL = "Invalid symbol. Scrip Name not found in exchange file."
DEAD = "Order is Cancelled.Kindly refresh your OrderBook"
NONE = "Order Does not Exsist.Need to refresh orderbook / relogin in application "
PRODUCT = (
    "Invalid product. valid product types allowed are DELIVERY, INTRADAY and"
    " CARRYFORWARD."
)
VALIDATION = "One or more validation errors occurred."

PRODUCTS = {
    "A": {"CNC": "CNC", "MIS": "INTRADAY", "NRML": "MARGIN"},
    "B": {"DELIVERY": "CNC", "INTRADAY": "INTRADAY", "CARRYFORWARD": "MARGIN"},
}
TYPES = {
    "A": {"MARKET": "MARKET", "LIMIT": "LIMIT", "SL": "SL", "SL-M": "SL-M"},
    # Both spellings of each, for the documentation has both.
    "B": {
        "MARKET": "MARKET",
        "LIMIT": "LIMIT",
        "STOP_LOSS": "SL",
        "STOPLOSS_LIMIT": "SL",
        "STOP_LOSS_MARKET": "SL-M",
        "STOPLOSS_MARKET": "SL-M",
    },
}


class Refused(Exception):
    """The broker says no: the kind of error, its words, B's own code, the status."""

    def __init__(
        self, kind: str, message: str, *, code: str = "", status: int = 200
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code or CODES[kind]
        self.status = status

    def response(self, api_type: str, no: Any = "false") -> Response:
        body: dict[str, Any]
        if api_type == "A":
            body = {"status": "error", "message": self.message}
            body |= {"error_type": self.kind, "data": None}
        else:
            body = {"status": no, "message": self.message}
            body |= {"errorcode": self.code, "data": None}
        return Response(self.status, encode(body))


class Unread(Exception):
    """A JSON body that does not fit the call's model."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field

    def response(self) -> Response:
        body = {
            "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
            "title": VALIDATION,
            "status": 400,
            "errors": {self.field: [f"The {self.field} field is required."]},
            "traceId": "00-00000000000000000000000000000000-0000000000000000-00",
        }
        return Response(400, encode(body))


def form(request: Request) -> dict[str, str]:
    """A form's fields.

    Raises:
        Refused: it is not declared as one.
    """
    kind = request.headers.get("content-type", "")
    if request.body and not kind.startswith("application/x-www-form-urlencoded"):
        raise Refused("InputException", "wanted a form", status=400)
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def document(request: Request) -> dict[str, Any]:
    """A JSON body.

    Raises:
        Unread: it is not one, or not declared as one.
    """
    kind = request.headers.get("content-type", "")
    try:
        found = msgspec.json.decode(request.body or b"null")
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict) or not kind.startswith("application/json"):
        raise Unread("body")
    return found


def texts(body: dict[str, Any], wanted: str) -> dict[str, str]:
    """Fields of Type B, all of which are text.

    Raises:
        Unread: one is missing, or is a number.
    """
    for field in wanted.split():
        if not isinstance(body.get(field), str):
            raise Unread(field)
    return {key: value for key, value in body.items() if isinstance(value, str)}


def fields(body: dict[str, str], wanted: str) -> dict[str, str]:
    """Fields of Type A.

    Raises:
        Refused: one is missing.
    """
    for field in wanted.split():
        if field not in body:
            raise Refused("InputException", f"{field} is required.", status=400)
    return body


def amount(text: str, field: str) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        raise Refused("InputException", f"Invalid {field}.", status=400) from None


class Terms(msgspec.Struct):
    """What an order says, in one set of words."""

    kind: str
    side: str
    quantity: Decimal
    product: str
    validity: str
    price: Decimal
    trigger: Decimal
    disclosed: Decimal
    tag: str = ""
    variety: str = ""


def check(terms: Terms, instrument: Instrument) -> None:
    """Refuse what the documentation calls wrong, in its words where it has some."""
    _demand(terms.side in ("BUY", "SELL"), "transaction type")
    _demand(terms.validity in ("DAY", "IOC"), "validity")
    _demand((terms.tag.isalnum() and len(terms.tag) < 20) or not terms.tag, "tag")
    quantity = terms.quantity
    if quantity <= 0 or quantity % instrument.lot:
        words = f"Quantity must be a multiple of the lot, {instrument.lot}"
        raise Refused("MiraeException", words, code="MA200")
    priced = terms.kind in ("LIMIT", "SL")
    _demand(terms.price > 0 if priced else terms.price == 0, "price")
    triggered = terms.kind in ("SL", "SL-M")
    if (terms.trigger > 0) is not triggered:
        raise Refused(
            "InputException", "Enter valid trigger price.", code="400", status=400
        )
    for price in (terms.price, terms.trigger):
        if price % instrument.tick:
            words = f"EXCH:16283:price is no multiple of {instrument.tick}"
            raise Refused("MiraeException", words, code="RS-0022")


def _demand(good: bool, what: str) -> None:
    if not good:
        raise Refused("InputException", f"Invalid {what}.", status=400)
