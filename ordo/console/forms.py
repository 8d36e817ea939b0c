"""Forms: what a person fills in of a message.

Most are the message's own fields, without those that say who asks. Where HTTP takes the
same in another shape, so that a key or a fingerprint is made of it, that shape is it.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from actors.messages import ReadKind
from actors.slicing import MOST_LEGS
from ordo.http.bodies import Body, OrderBody, Text
from ordo.http.modifying import ModifyBody
from ordo.http.simulate import SimulateBody

FILLED_IN = frozenset({"by", "request_id", "principal"})
"""Fields that the console fills in itself: nobody can say to be somebody else."""


def own_fields(
    message: type[msgspec.Struct], *, without: frozenset[str] = frozenset()
) -> type[msgspec.Struct]:
    """The form of a message's own fields.

    Args:
        message: its type.
        without: fields that nobody may set by hand.
    """
    fields: list[Any] = []
    for field in msgspec.structs.fields(message):
        if field.name in FILLED_IN | without:
            continue
        if field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        elif field.default_factory is not msgspec.NODEFAULT:
            factory = msgspec.field(default_factory=field.default_factory)
            fields.append((field.name, field.type, factory))
        else:
            fields.append((field.name, field.type))
    return msgspec.defstruct(
        message.__name__,
        fields,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        module=__name__,
    )


class FetchForm(Body, frozen=True, kw_only=True):
    """*symbols* for quotes and depth, *orders* for their margin."""

    kind: ReadKind
    symbols: tuple[Text, ...] = ()
    orders: Annotated[tuple[OrderBody, ...], msgspec.Meta(max_length=MOST_LEGS)] = ()


class FetchAllForm(Body, frozen=True, kw_only=True):
    """*symbols* for quotes and depth; no brokers means all."""

    kind: ReadKind
    brokers: tuple[Text, ...] = ()
    symbols: tuple[Text, ...] = ()


class SyncForm(Body, frozen=True, kw_only=True):
    """No brokers means all that have a master."""

    brokers: tuple[Text, ...] = ()
    force: bool = False


class ModifyForm(ModifyBody, frozen=True, kw_only=True):
    """The order, and what changes of it."""

    order_id: str


class SimulateForm(SimulateBody, frozen=True, kw_only=True):
    """The order, and its fills, one after the other."""

    order_id: str
