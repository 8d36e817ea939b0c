"""How a simulated broker speaks: its order ids, its rules, its words for a no.

`House` is the paper broker's own way. `adapters/brokers/mock` has others, over the same
desk, ledger and journal.
"""

from __future__ import annotations

from datetime import date, timedelta, timezone, tzinfo
from decimal import Decimal

from adapters.brokers.paper import rules
from adapters.brokers.paper.matching import Entry
from adapters.brokers.paper.prices import EXCHANGES, Market
from adapters.model import Order, OrderType, Product, Rejected, Validity
from adapters.ports import Capabilities, PublishedLimits

IST = timezone(timedelta(hours=5, minutes=30))


class House:
    """The ways of the paper broker; a subclass has those that are otherwise.

    Attributes:
        capabilities: what it can do.
        currency: of all its money.
        zone: where its trading day begins and ends.
        delivers: what CNC bought on an earlier day is a holding, and no position.
        shorts: CNC may be sold short, against as much money as it is worth.
    """

    capabilities = Capabilities(
        limits=PublishedLimits(),
        tag=rules.TAG,
        order_types=frozenset(OrderType),
        products=frozenset(Product),
        validities=frozenset(Validity),
        exchanges=EXCHANGES,
        book_poll=1.0,
        fractional=True,  # of US symbols; the rules refuse fractions of others
        simulated=True,
    )
    currency = "INR"
    zone: tzinfo = IST
    delivers = False
    shorts = False

    def order_id(self, number: int, day: date) -> str:
        """The id of the account's *number*-th order, from 1, which came on *day*."""
        return f"PAPER-{number:06d}"

    def booked(self, order: Order) -> Order:
        """The order as the books have it."""
        return order

    def check_tag(self, tag: str, *, taken: bool) -> Rejected | None:
        """Refuse a tag; *taken*: an earlier order bears it."""
        return rules.check_tag(tag)

    def check_order(self, order: Order, market: Market) -> Rejected | None:
        """Refuse an order that no account could place."""
        exchanges = self.capabilities.exchanges
        return rules.check_order(order, market, exchanges=exchanges)

    def check_change(self, entry: Entry, order: Order) -> Rejected | None:
        """Refuse a change of what an order cannot change any more."""
        return rules.check_change(entry, order)

    def missing(self, broker_order_id: str) -> Rejected:
        """There is no such order."""
        return rules.missing(broker_order_id)

    def ended(self, entry: Entry, what: str) -> Rejected:
        """The order is not open any more, and so cannot be *what*."""
        return rules.ended(entry)

    def short_of_funds(self, wanted: Decimal, available: Decimal) -> Rejected:
        """The account has not the money."""
        return rules.short_of_funds(wanted, available)

    def short_of_holdings(
        self, symbol: str, wanted: Decimal, sellable: Decimal
    ) -> Rejected | None:
        """The account has not the shares for a CNC sell; None lets it go on."""
        return rules.short_of_holdings(symbol, wanted, sellable)


PAPER = House()
