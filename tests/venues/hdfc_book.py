"""The HDFC venue's book: instruments, orders, trades and a simple matching."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

IST = timezone(timedelta(hours=5, minutes=30))
MASTER = Path(__file__).parents[1] / "samples" / "hdfc" / "ir_security_master_head.csv"
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

    @property
    def open(self) -> bool:
        return self.status in ("Pending", "Partially Traded")

    @property
    def left(self) -> int:
        return self.body.quantity - self.filled - self.cancelled


class Book:
    """All orders, and what they did to the account."""

    def __init__(self, clock: Callable[[], float], funds: float) -> None:
        with MASTER.open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.rows = {
            (row["exchange"], row["instrument_segment"], row["security_id"]): row
            for row in rows
        }
        self.prices = {
            key: Decimal(row["close_price"]) for key, row in self.rows.items()
        }
        self.orders: dict[str, Order] = {}
        self.trades: list[dict[str, Any]] = []
        self.funds = Decimal(str(funds))
        self.matching = True
        self.late = 0.0
        self.fill_at_once: int | None = None
        self.once = False  # whether a reference may be used once only
        self._clock = clock

    def place(self, body: Body) -> Order:
        key = (body.exchange, body.instrument_segment, body.security_id)
        row = self.rows.get(key)
        _check(body, row)
        assert row is not None
        reference = str(body.external_reference_number or "")
        if self.once and any(o.reference == reference for o in self.orders.values()):
            raise Refused(400, "50002 order already present")
        day = datetime.fromtimestamp(self._clock(), IST).strftime("%y%m%d")
        number = len(self.orders) + 1
        now = self._clock()
        order = Order(
            order_id=f"{day}{number:08d}",
            body=body,
            reference=reference or f"STAPI{number:08d}",
            at=now,
            row=row,
            visible_at=now + self.late,
        )
        self.orders[order.order_id] = order
        if self.fill_at_once is not None:
            self.fill(order, self.fill_at_once, body.price or self.prices[key])
        elif self.matching:
            self._match(order)
        return order

    def change(self, order_id: str, changes: dict[str, Any]) -> Order:
        order = self._open(order_id)
        body = msgspec.convert(
            msgspec.to_builtins(order.body) | changes, Body, strict=False
        )
        _check(body, order.row)
        if body.quantity < order.filled:
            raise Refused(400, "Invalid quantity")
        order.body = body
        if self.matching:
            self._match(order)
        return order

    def cancel(self, order_id: str) -> Order:
        order = self._open(order_id)
        order.cancelled = order.left
        order.status = "CANCELLED"
        return order

    def reject(self, order: Order, words: str) -> None:
        order.status, order.words = "Rejected", words

    def fill(self, order: Order, quantity: int, price: Decimal) -> None:
        quantity = min(quantity or order.left, order.left)
        order.filled += quantity
        order.value += quantity * price
        order.status = "Partially Traded" if order.left else "Traded"
        self.trades.append(self._trade(order, quantity, price))

    def set_price(self, key: tuple[str, str, str], price: Decimal) -> None:
        self.prices[key] = price
        for order in list(self.orders.values()):
            if self.matching and order.open and _key(order) == key:
                self._match(order)

    def shown(self) -> list[dict[str, Any]]:
        now = self._clock()
        return [self._row(o) for o in self.orders.values() if o.visible_at <= now]

    def positions(self) -> list[dict[str, Any]]:
        nets: dict[tuple[Any, ...], list[Decimal]] = {}
        for order in self.orders.values():
            if not order.filled:
                continue
            sums = nets.setdefault((_key(order), order.body.product), [Decimal(0)] * 4)
            at = 0 if order.body.transaction_type.upper() == "BUY" else 2
            sums[at] += order.filled
            sums[at + 1] += order.value
        return [self._position(*key, *sums) for key, sums in nets.items()]

    def _open(self, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            raise Refused(404, "8001 order does not exist")
        if not order.open:
            raise Refused(422, "16344 order cannot be modified or cancelled")
        return order

    def _match(self, order: Order) -> None:
        body, last = order.body, self.prices[_key(order)]
        buys = body.transaction_type.upper() == "BUY"
        if body.order_type in ("SL", "SL-M"):
            return
        crosses = last <= body.price if buys else last >= body.price
        if body.order_type == "MARKET" or crosses:
            self.fill(order, order.left, last)
        elif body.validity == "IOC":
            order.cancelled, order.status = order.left, "CANCELLED"

    def _row(self, order: Order) -> dict[str, Any]:
        body, row = order.body, order.row
        return {
            "client_id": "1234567",
            "order_id": order.order_id,
            "exchange_order_id": "1100000018273645",
            "status": order.status,
            "status_message": order.words,
            "status_message_raw": "",
            "order_timestamp": _when(order.at, "%d/%m/%Y %H:%M:%S"),
            "exchange": body.exchange,
            "tradingsymbol": body.security_id,
            "security_id": body.security_id,
            **_terms(row, "%d %b %Y"),
            "instrument_segment": body.instrument_segment,
            "transaction_type": SIDES[body.transaction_type.upper()],
            "validity": body.validity,
            "product": body.product,
            "order_type": body.order_type,
            "quantity": body.quantity,
            "disclosed_quantity": body.disclosed_quantity,
            "price": float(body.price),
            "trigger_price": float(body.trigger_price),
            "filled_quantity": order.filled,
            "pending_quantity": order.left if order.open else 0,
            "cancelled_quantity": order.cancelled,
            "average_price": 0.0,
            "total_traded_value": float(order.value),
            "order_slot": "Online",
            "external_reference_number": order.reference,
        }

    def _trade(self, order: Order, quantity: int, price: Decimal) -> dict[str, Any]:
        body, row = order.body, order.row
        terms = _terms(row, "%d %b %Y")
        return {
            "client_id": "1234567",
            "trade_id": str(318442907 + len(self.trades)),
            "order_id": order.order_id,
            "exchange": body.exchange,
            "product": body.product,
            "average_price": float(price),
            "filled_quantity": quantity,
            "pending_quantity": order.left,
            "transaction_type": body.transaction_type.upper(),
            "fill_timestamp": _when(self._clock(), "%d/%m/%Y %H:%M:%S"),
            "security_id": terms["underlying_symbol"] or body.security_id,
            **terms,
            "instrument_segment": body.instrument_segment,
            "status": "Traded",
            "validity": body.validity,
            "order_type": body.order_type,
        }

    def _position(
        self,
        key: tuple[str, str, str],
        product: str,
        bought: Decimal,
        paid: Decimal,
        sold: Decimal,
        got: Decimal,
    ) -> dict[str, Any]:
        row = self.rows[key]
        matched = min(bought, sold)
        buy = paid / bought if bought else Decimal(0)
        sell = got / sold if sold else Decimal(0)
        return {
            "client_id": "1234567",
            "security_id": key[2],
            "instrument_segment": key[1],
            **_terms(row, "%d-%b-%y"),
            "product": product,
            "exchange": key[0],
            "total_buy_quantity": int(bought),
            "total_sell_qty": int(sold),
            "net_qty": int(bought - sold),
            "average_buy_price": float(buy),
            "average_sell_price": float(sell),
            "t_day_net_qty": int(bought - sold),
            "realised_pl_overall_position": float(matched * (sell - buy)),
        }


def _check(body: Body, row: dict[str, str] | None) -> None:
    if row is None or body.instrument_segment not in SEGMENTS:
        raise Refused(400, "1008 invalid symbol")
    if body.transaction_type.upper() not in SIDES or body.product not in PRODUCTS:
        raise Refused(400, "1001 invalid order")
    if body.order_type not in TYPES or body.validity not in ("DAY", "IOC"):
        raise Refused(400, "16415 invalid order parameter")
    if body.quantity <= 0 or body.quantity % int(row["lot_size"]):
        raise Refused(422, "Invalid quantity")
    if row["expiry_date"] and body.expiry_date != row["expiry_date"].replace("-", ""):
        raise Refused(400, "16415 invalid order parameter: expiry_date")
    if row["option_type"] in WORDS and body.option_type != row["option_type"]:
        raise Refused(400, "16415 invalid order parameter: option_type")
    reference = str(body.external_reference_number or "1")
    if not reference.isdecimal() or len(reference) > 20:
        raise Refused(422, "1006 invalid external_reference_number")


def _key(order: Order) -> tuple[str, str, str]:
    body = order.body
    return (body.exchange, body.instrument_segment, body.security_id)


def _terms(row: dict[str, str], form: str) -> dict[str, Any]:
    """How answers tell of a contract: names and words, not what was sent."""
    contract = bool(row["expiry_date"])
    day = datetime.fromisoformat(row["expiry_date"]) if contract else None
    return {
        "company_name": row["symbol_name"],
        "underlying_symbol": row["symbol_name"] if contract else "",
        "expiry_date": day.strftime(form).upper() if day else "",
        "strike_price": float(row["strike_price"] or 0) if contract else 0.0,
        "option_type": WORDS.get(row["option_type"], ""),
    }


def _when(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(IST).strftime(form)
