"""Which rows of a broker's book are Ordo's orders, and which were placed elsewhere."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import msgspec

from actors.journal import Journal
from actors.market_day import market_day
from adapters import BookOrder, OrderRecord, OrderStatus


class Settled(NamedTuple):
    """What is kept of an order that the journal has let go of."""

    order_id: str
    status: OrderStatus
    filled_quantity: Decimal


class ShownOrder(BookOrder, frozen=True, kw_only=True, gc=False):
    """A row of a broker's book, and whether it is an order of Ordo's.

    `external` is None where nobody can tell yet: an order that is on its way or in
    doubt, at a broker without tags, may be this row.
    """

    order_id: str | None
    external: bool | None


class Owners(NamedTuple):
    """Order ids by the broker's number, and by tag, as they are at one moment."""

    numbers: Mapping[str, str]
    tags: Mapping[str, str]
    settled: Mapping[str, Settled]
    settled_tags: Mapping[str, str]

    def of(self, row: BookOrder) -> str | None:
        """The id of the order that the row is; None: none of ours that is known."""
        if (order_id := self.of_number(row.broker_order_id)) is not None:
            return order_id
        if row.tag is None:
            return None
        return self.tags.get(row.tag) or self.settled_tags.get(row.tag)

    def of_number(self, number: str) -> str | None:
        """The id of the order that has this number."""
        if (order_id := self.numbers.get(number)) is not None:
            return order_id
        settled = self.settled.get(number)
        return None if settled is None else settled.order_id


class Ownership:
    """Knows one broker's orders of the day: live ones by the journal, settled ones by
    what it and the store have told. Numbers of other days say nothing: some brokers
    count anew each morning.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._day: date | None = None
        self._settled: dict[str, Settled] = {}
        self._settled_tags: dict[str, str] = {}
        journal.on_drop = self.settled

    def settled(self, record: OrderRecord) -> None:
        """The journal lets go of an order, or an earlier run has settled it."""
        self._turn_the_page()
        if market_day(record.created_at) != self._day or record.sending_at is None:
            return
        self._settled_tags[record.client_tag] = record.order_id
        if record.broker_order_id is not None:
            self._settled[record.broker_order_id] = Settled(
                record.order_id, record.status, record.filled_quantity
            )

    def load(self, records: Iterable[OrderRecord]) -> None:
        """The day's orders, as stored."""
        for record in records:
            if record.is_settled:
                self.settled(record)

    def kept(self, number: str) -> Settled | None:
        """What is known of a settled order of the day that bears this number."""
        self._turn_the_page()
        return self._settled.get(number)

    def now(self) -> Owners:
        """Who owns what."""
        self._turn_the_page()
        live = tuple(self._journal)
        return Owners(
            {r.broker_order_id: r.order_id for r in live if r.broker_order_id},
            {record.client_tag: record.order_id for record in live},
            self._settled,
            self._settled_tags,
        )

    def shown(
        self, rows: Iterable[BookOrder], may_be: Callable[[BookOrder], bool]
    ) -> tuple[ShownOrder, ...]:
        """The rows with their owners.

        Args:
            may_be: whether an order without a number may be a row that nobody owns.
        """
        owners = self.now()
        return tuple(_shown(row, owners.of(row), may_be) for row in rows)

    def _turn_the_page(self) -> None:
        today = market_day(self._journal.wall())
        if today != self._day:
            self._day = today
            self._settled, self._settled_tags = {}, {}


def _shown(
    row: BookOrder, order_id: str | None, may_be: Callable[[BookOrder], bool]
) -> ShownOrder:
    external: bool | None = False
    if order_id is None:
        external = None if may_be(row) else True
    return ShownOrder(
        **msgspec.structs.asdict(row), order_id=order_id, external=external
    )
