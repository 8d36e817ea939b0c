"""The HDFC venue's book: instruments, orders, trades and a simple matching."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from .hdfc_orders import Body, Order, Refused, check, key_of
from .hdfc_rows import IST, order_row, position_row, trade_row

MASTER = Path(__file__).parents[1] / "samples" / "hdfc" / "ir_security_master_head.csv"


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
        check(body, row)
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
        order.status = "Trigger Pending" if order.waiting else "Pending"
        if self._costs(order) > self.free():
            self.reject(order, "Insufficient margin")
        elif self.fill_at_once is not None:
            self.fill(order, self.fill_at_once, body.price or self.prices[key])
        elif self.matching:
            self._match(order)
        return order

    def change(self, order_id: str, changes: dict[str, Any]) -> Order:
        order = self._open(order_id)
        body = msgspec.convert(
            msgspec.to_builtins(order.body) | changes, Body, strict=False
        )
        check(body, order.row)
        if body.quantity < order.filled:
            raise Refused(400, "Invalid quantity")
        order.body = body
        if not order.filled:
            order.status = "Trigger Pending" if order.waiting else "Pending"
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
        if not order.open:
            raise ValueError(f"order {order.order_id} is {order.status}")
        quantity = min(quantity or order.left, order.left)
        order.filled += quantity
        order.value += quantity * price
        order.status = "Partially Traded" if order.left else "Traded"
        self.trades.append(
            trade_row(order, len(self.trades), quantity, price, self._clock())
        )

    def set_price(self, key: tuple[str, str, str], price: Decimal) -> None:
        self.prices[key] = price
        for order in list(self.orders.values()):
            if self.matching and order.open and key_of(order) == key:
                self._match(order)

    def free(self) -> Decimal:
        """What is left to buy with: each fill takes its value, whatever its side."""
        return self.funds - sum((o.value for o in self.orders.values()), Decimal(0))

    def shown(self) -> list[dict[str, Any]]:
        now = self._clock()
        return [order_row(o) for o in self.orders.values() if o.visible_at <= now]

    def positions(self) -> list[dict[str, Any]]:
        nets: dict[tuple[Any, ...], list[Decimal]] = {}
        for order in self.orders.values():
            if not order.filled:
                continue
            sums = nets.setdefault(
                (key_of(order), order.body.product), [Decimal(0)] * 4
            )
            at = 0 if order.body.transaction_type.upper() == "BUY" else 2
            sums[at] += order.filled
            sums[at + 1] += order.value
        return [
            position_row(self.rows[key], product, *sums)
            for (key, product), sums in nets.items()
        ]

    def _open(self, order_id: str) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            raise Refused(404, "8001 order does not exist")
        if not order.open:
            raise Refused(422, "16344 order cannot be modified or cancelled")
        return order

    def _match(self, order: Order) -> None:
        body, last = order.body, self.prices[key_of(order)]
        buys = body.transaction_type.upper() == "BUY"
        if order.waiting:
            met = last >= body.trigger_price if buys else last <= body.trigger_price
            if not met:
                return
            order.triggered, order.status = True, "Pending"
        crosses = last <= body.price if buys else last >= body.price
        if body.order_type in ("MARKET", "SL-M") or crosses:
            self.fill(order, order.left, last)
        elif body.validity == "IOC":
            order.cancelled, order.status = order.left, "CANCELLED"

    def _costs(self, order: Order) -> Decimal:
        """Of a buy; what is sold costs nothing here."""
        if order.body.transaction_type.upper() != "BUY":
            return Decimal(0)
        return order.body.quantity * (order.body.price or self.prices[key_of(order)])
