"""The manner of Alpaca: UUIDs for ids, numbers for errors, dollars and fractions.

Numbers and HTTP statuses are those that Alpaca's answers are seen with, as are the
short texts; where none is known, the text is plain.
"""

from __future__ import annotations

import string
import uuid
from datetime import UTC, date
from decimal import Decimal

import msgspec

from adapters.brokers.paper.house import House
from adapters.brokers.paper.matching import Entry
from adapters.brokers.paper.prices import Market
from adapters.model import Order, Product, Rejected, Validity
from adapters.ports import TagRule

TAG = TagRule(alphabet=string.digits + string.ascii_letters + "-", max_length=48)
"""Alpaca's `client_order_id`, as short as its older texts want it."""

LONGEST_TAG = 128
"""What it takes by its present ones."""

CAPABILITIES = msgspec.structs.replace(
    House.capabilities,
    tag=TAG,
    products=frozenset({Product.CNC, Product.INTRADAY}),
    exchanges=frozenset({"US"}),
    fractional=True,
)

IDS = uuid.uuid5(uuid.NAMESPACE_URL, "ordo:alpaca-mock")


class Alpaca(House):
    """Orders as Alpaca takes, names and refuses them.

    There are no products: CNC and INTRADAY are the same, and CNC in the books. The
    trading day is that of UTC, which no American session crosses.

    Args:
        account: Its name; order ids are made of it and of their number.
    """

    capabilities = CAPABILITIES
    currency = "USD"
    zone = UTC
    shorts = True

    def __init__(self, account: str) -> None:
        self._account = account

    def order_id(self, number: int, day: date) -> str:
        return str(uuid.uuid5(IDS, f"{self._account} {number}"))

    def booked(self, order: Order) -> Order:
        return msgspec.structs.replace(order, product=Product.CNC)

    def check_tag(self, tag: str, *, taken: bool) -> Rejected | None:
        """Alpaca takes no tag twice: an order that is sent again is refused."""
        if taken:
            return _no(422, "40010001", "client_order_id must be unique")
        if len(tag) <= LONGEST_TAG and set(tag) <= set(TAG.alphabet):
            return None
        text = f"client_order_id must be up to {LONGEST_TAG} letters, digits and -"
        return _unprocessable(f"{text}, was {tag[:150]!r}")

    def check_order(self, order: Order, market: Market) -> Rejected | None:
        if not market.lists(order.symbol):
            return _no(404, "40410000", f"asset not found: {order.symbol}")
        if no := super().check_order(order, market):
            return _unprocessable(no.text)
        if order.validity is not Validity.DAY and order.quantity % 1:
            text = f"fractions want validity DAY, was {order.validity}"
            return _unprocessable(text)
        return None

    def check_change(self, entry: Entry, order: Order) -> Rejected | None:
        if no := super().check_change(entry, order):
            return _unprocessable(no.text)
        if order.type is not entry.order.type:
            return _unprocessable(
                f"type must stay {entry.order.type}, was {order.type}; cancel the order"
                " and place another"
            )
        return None

    def missing(self, broker_order_id: str) -> Rejected:
        return _no(404, "40410000", f"order not found for {broker_order_id}")

    def ended(self, entry: Entry, what: str) -> Rejected:
        if what == "cancelled":
            return _unprocessable("order is not cancelable")
        return _unprocessable(f"order is {entry.status} and cannot be {what}")

    def short_of_funds(self, wanted: Decimal, available: Decimal) -> Rejected:
        return _no(403, "40310000", "insufficient buying power")

    def short_of_holdings(
        self, symbol: str, wanted: Decimal, sellable: Decimal
    ) -> Rejected | None:
        """What is not there is sold short, in whole shares."""
        if (wanted - max(sellable, Decimal(0))) % 1 == 0:
            return None
        text = f"only whole shares of {symbol} can be sold short, {sellable} are there"
        return _no(403, "40310000", text)


def _unprocessable(text: str) -> Rejected:
    return _no(422, "42210000", text)


def _no(http_status: int, code: str, text: str) -> Rejected:
    return Rejected(code=code, text=text, http_status=http_status)
