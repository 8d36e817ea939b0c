"""What the work at hand is about: the ids that every log record of it carries.

They go with the task and the tasks it starts. A mailbox ends that, so its requests take
them along (`actors.request`): what is logged about an order, down to the broker's call,
carries the id of the HTTP request that asked for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.model import OrderRecord

Ids = Mapping[str, str]
"""Some of `request_id`, `batch_id`, `order_id` and `broker`."""

NOTHING: Ids = MappingProxyType({})
_IDS: ContextVar[Ids] = ContextVar("ids", default=NOTHING)


def ids() -> Ids:
    """The ids of the work at hand."""
    return _IDS.get()


def take_up(more: Ids) -> Token[Ids] | None:
    """Work on something of these ids, besides those known already, until `put_down`."""
    return _IDS.set({**_IDS.get(), **more}) if more else None


def put_down(token: Token[Ids] | None) -> None:
    """Undo the `take_up` that gave *token*, in the same task."""
    if token is not None:
        _IDS.reset(token)


@contextmanager
def about(more: Ids) -> Iterator[None]:
    """Work on something of these ids, besides those that are known already."""
    token = take_up(more)
    try:
        yield
    finally:
        put_down(token)


def of_order(record: OrderRecord, request_id: str | None = None) -> dict[str, str]:
    """The ids of an order; without *request_id* where nobody knows it any more."""
    known = {
        "batch_id": record.batch_id,
        "order_id": record.order_id,
        "broker": record.broker,
    }
    return known if request_id is None else {"request_id": request_id, **known}
