"""What `pure_contract` has to know of an adapter: nothing of it needs a venue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from adapters.instruments import InstrumentIndex
from adapters.model import Acked, Order, Rejected


class PureSubject(Protocol):
    """One adapter, without its venue.

    Attributes:
        adapter: its name in the catalogue.
        settings: of an account, all secrets set.
        secrets: the texts of these, which nothing may show.
        instruments: a master with the order's symbol in it.
        order: a LIMIT that the adapter would send.
        nobody_knows: a symbol that is not in the master.
        good: the body of a success, with an order id.
        without_id: the body of a success for a new order, without its id.
        refused: a structured no to an order, with HTTP 400, that is on the list.
        unlisted: a structured no, with HTTP 200, whose code nobody has documented.
    """

    adapter: str
    settings: msgspec.Struct
    secrets: Sequence[str]
    instruments: InstrumentIndex
    order: Order
    nobody_knows: str
    good: bytes
    without_id: bytes
    refused: bytes
    unlisted: bytes

    def order_answer(self, call: str, status: int, body: bytes) -> Acked | Rejected:
        """What the adapter makes of an answer to `place`, `modify` or `cancel`."""
