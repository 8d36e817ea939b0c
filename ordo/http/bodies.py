"""Request bodies: bytes become types once, here; past this point nobody checks shapes.

A malformed value names its JSON path, what was wanted and what was found.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from adapters import Order, OrderType, Product, Side, Validity
from ordo.http.envelope import ApiError

T = TypeVar("T", bound=msgspec.Struct)

MOST_LEGS = 50
MOST_DECIMALS = 4
LARGEST = Decimal("1e12")
"""Above any price or quantity of a real order, and exact in every client's floats."""
SYMBOL = re.compile(r"[A-Z][A-Z_]{1,15}:[A-Z0-9&_.\-]{1,48}")
FRACTIONAL_EXCHANGES = frozenset({"US"})
"""Where quantities may have decimals. Source: api.md, "Ground rules"."""
KEY = re.compile(r"[\x21-\x7e]{1,255}")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
DeadlineMs = Annotated[int, msgspec.Meta(ge=1, le=60_000)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request body; a field that it does not name is an error."""


class OrderBody(Body, frozen=True, kw_only=True):
    """One order. Quantities are units; `product` left out is CNC, `validity` DAY."""

    symbol: Annotated[str, msgspec.Meta(max_length=64)]
    side: Side
    quantity: Decimal
    type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    product: Product = Product.CNC
    validity: Validity = Validity.DAY
    disclosed_quantity: Decimal | None = None
    brokers: list[Text] | None = None
    note: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class PlaceBody(Body, frozen=True, kw_only=True):
    """`POST /api/v1/orders`. `deadline_ms` is a length, in milliseconds."""

    orders: Annotated[list[OrderBody], msgspec.Meta(min_length=1, max_length=MOST_LEGS)]
    brokers: list[Text] = []
    portfolio_id: str | int | None = None
    idempotency_key: str | None = None
    deadline_ms: DeadlineMs | None = None
    dry_run: bool = False


class SwitchBody(Body, frozen=True, kw_only=True):
    """`PUT /api/v1/kill-switch`."""

    engaged: bool
    reason: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    cancel_open: bool = False
    close_positions: bool = False


class BreakerBody(Body, frozen=True, kw_only=True):
    """`PUT /api/v1/brokers/{broker}/breaker`: OPEN, CLOSED or AUTO."""

    state: Literal["OPEN", "CLOSED", "AUTO"]


def invalid(path: str, problem: str) -> ApiError:
    """A 422 that names the JSON path and what is wrong there."""
    return ApiError("validation_failed", f"{path}: {problem}", data={"path": path})


def decode(raw: bytes, kind: type[T]) -> T:
    """The body as *kind*.

    Raises:
        ApiError: `bad_request` where it is not JSON, else `validation_failed`.
    """
    try:
        body = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _validation(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(raw, error) from None
    if NUMBER_AS_TEXT.search(raw):
        raise _number_as_text(raw)
    return body


NUMBER_AS_TEXT = re.compile(
    rb'"(?:quantity|price|trigger_price|disclosed_quantity)"\s*:\s*"'
)
"""msgspec takes a decimal from text as well; the contract does not."""


def _number_as_text(raw: bytes) -> ApiError:
    names = ("quantity", "price", "trigger_price", "disclosed_quantity")
    for path, value in _leaves(json.loads(raw), "$"):
        if isinstance(value, str) and path.rpartition(".")[2] in names:
            return invalid(path, "wanted a number, found text")
    return invalid("$", "wanted numbers, found text in place of one")


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [x for k, v in value.items() for x in _leaves(v, f"{path}.{k}")]
    if isinstance(value, list):
        return [x for i, v in enumerate(value) for x in _leaves(v, f"{path}[{i}]")]
    return [(path, value)]


def _validation(words: str) -> ApiError:
    problem, _, path = words.partition(" - at `")
    path = path.rstrip("`") or "$"
    found = re.search(r"unknown field `(.*)`", problem)
    if found:
        path = f"{path}.{found[1][:60]}"
    return invalid(path, CONTROL.sub("?", problem))


def _not_json(raw: bytes, error: Exception) -> ApiError:
    """NaN and Infinity are no JSON, but deserve the path of the field they stand in."""
    try:
        loose = json.loads(raw)
    except (ValueError, RecursionError):
        return ApiError("bad_request", f"the body is not JSON: {error}")
    for path, value in _leaves(loose, "$"):
        if isinstance(value, float) and not math.isfinite(value):
            return invalid(path, f"wanted a finite number, found {value}")
    return ApiError("bad_request", f"the body is not JSON: {error}")


def check_text(value: str, path: str) -> None:
    """Refuse control characters: they break logs, files and other people's parsers."""
    if CONTROL.search(value):
        raise invalid(path, "wanted text without control characters")


def check_key(key: str) -> str:
    """An idempotency key: 1 to 255 visible ASCII characters.

    Raises:
        ApiError: `bad_request`.
    """
    if not KEY.fullmatch(key):
        raise ApiError(
            "bad_request",
            "Idempotency-Key: wanted 1 to 255 visible ASCII characters, "
            f"found {len(key)} that are not all of these",
        )
    return key


def order_of(body: OrderBody, path: str) -> Order:
    """The order, if its values make sense together.

    Raises:
        ApiError: `validation_failed`, naming the path.
    """
    if not SYMBOL.fullmatch(body.symbol):
        wanted = "wanted EXCHANGE:NAME, such as NSE:SBIN"
        raise invalid(f"{path}.symbol", f"{wanted}, found {body.symbol[:70]!r}")
    if body.note is not None:
        check_text(body.note, f"{path}.note")
    _quantity(body.quantity, body.symbol, f"{path}.quantity")
    if body.disclosed_quantity is not None:
        at = f"{path}.disclosed_quantity"
        _quantity(body.disclosed_quantity, body.symbol, at)
        if body.disclosed_quantity > body.quantity:
            raise invalid(at, f"wanted at most quantity ({body.quantity})")
    _price(body.price, body.type.has_price, body.type, f"{path}.price")
    _price(
        body.trigger_price, body.type.has_trigger, body.type, f"{path}.trigger_price"
    )
    return Order(
        symbol=body.symbol,
        side=body.side,
        quantity=body.quantity,
        type=body.type,
        price=body.price,
        trigger_price=body.trigger_price,
        product=body.product,
        validity=body.validity,
        disclosed_quantity=body.disclosed_quantity,
        note=body.note,
    )


def _quantity(value: Decimal, symbol: str, path: str) -> None:
    _number(value, path)
    fractional = symbol.partition(":")[0] in FRACTIONAL_EXCHANGES
    if not fractional and value != value.to_integral_value():
        raise invalid(path, f"wanted whole units, found {value}")


def _price(value: Decimal | None, wanted: bool, type_: OrderType, path: str) -> None:
    if value is None:
        if wanted:
            raise invalid(path, f"{type_} orders need it, found nothing")
        return
    if not wanted:
        raise invalid(path, f"{type_} orders have none, found {value}")
    _number(value, path)


def _number(value: Decimal, path: str) -> None:
    if not value.is_finite():
        raise invalid(path, f"wanted a finite number, found {value}")
    if value <= 0:
        raise invalid(path, f"must be positive, was {value}")
    if value >= LARGEST:
        raise invalid(path, f"wanted less than {LARGEST:f}, found {value:.3E}")
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MOST_DECIMALS:
        raise invalid(path, f"wanted at most {MOST_DECIMALS} decimals, found {value}")
