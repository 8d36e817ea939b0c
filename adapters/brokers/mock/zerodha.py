"""The manner of Zerodha: ids of digits that begin with the date, Kite's error types.

Which type a refusal has, and the texts that are Kite's own, come from its documentation
and its sample answers; other texts are plain. Each stands with HTTP status 400.
"""

from __future__ import annotations

import string
from datetime import date
from decimal import Decimal

import msgspec

from adapters.brokers.paper.house import House
from adapters.brokers.paper.matching import Entry
from adapters.brokers.paper.prices import Market
from adapters.model import Order, Rejected
from adapters.ports import TagRule

TAG = TagRule(alphabet=string.digits + string.ascii_letters, max_length=20)
"""Kite's `tag`: alphanumeric, at most 20 characters; a longer one is refused."""

CAPABILITIES = msgspec.structs.replace(
    House.capabilities,
    tag=TAG,
    exchanges=House.capabilities.exchanges - {"US"},
    fractional=False,
    protects_market=True,  # as Kite does with `market_protection`
)


class Zerodha(House):
    """Orders as Zerodha takes, names and refuses them.

    Args:
        id_day: The day that order ids begin with; None is the day of the order.
    """

    capabilities = CAPABILITIES
    delivers = True

    def __init__(self, id_day: date | None = None) -> None:
        self._id_day = id_day

    def order_id(self, number: int, day: date) -> str:
        """Fifteen digits: YYMMDD and a number, which goes on over days and restarts."""
        return f"{self._id_day or day:%y%m%d}{number:09d}"

    def check_tag(self, tag: str, *, taken: bool) -> Rejected | None:
        """Kite looks at a tag's form, and not whether it is taken."""
        if len(tag) <= TAG.max_length and set(tag) <= set(TAG.alphabet):
            return None
        return _input(f"tag must be up to {TAG.max_length} letters and digits: {tag!r}")

    def check_order(self, order: Order, market: Market) -> Rejected | None:
        no = super().check_order(order, market)
        return no and _input(no.text)

    def check_change(self, entry: Entry, order: Order) -> Rejected | None:
        no = super().check_change(entry, order)
        return no and _input(no.text)

    def missing(self, broker_order_id: str) -> Rejected:
        return _input(super().missing(broker_order_id).text)

    def ended(self, entry: Entry, what: str) -> Rejected:
        """Kite has the same words for an order that has ended and one that changes."""
        verb = {"changed": "modified"}.get(what, what)
        text = f"Order cannot be {verb} as it is being processed. Try later."
        return _no("OrderException", text)

    def short_of_funds(self, wanted: Decimal, available: Decimal) -> Rejected:
        text = (
            f"Insufficient funds. Required margin is {wanted:.2f} but available margin"
            f" is {available:.2f}. Check the orderbook for open orders."
        )
        return _no("MarginException", text)

    def short_of_holdings(
        self, symbol: str, wanted: Decimal, sellable: Decimal
    ) -> Rejected:
        text = (
            f"Insufficient holdings. {wanted} of {symbol} wanted, {max(sellable, 0)}"
            " there to sell."
        )
        return _no("HoldingException", text)


def _input(text: str) -> Rejected:
    return _no("InputException", text)


def _no(code: str, text: str) -> Rejected:
    return Rejected(code=code, text=text, http_status=400)
