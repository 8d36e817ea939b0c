"""From the bytes of an answer to a result, or to the error that it tells of."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec

from ordo_client.answers import Answer, BrokerResult, Result, Rows
from ordo_client.call import Call, Reply
from ordo_client.errors import MAYBE, OrdoError, ServerError, error_of

R = TypeVar("R")
D = TypeVar("D", bound=Result)
Row = TypeVar("Row")

UNREADABLE = (msgspec.DecodeError, KeyError, ValueError, RecursionError)
"""What bytes that are not Ordo's make of the decoders."""
MOST_SHOWN = 80
"""Characters of an answer that nobody understands."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The one shape of every JSON answer. Fields that it does not name are let be."""

    status: str
    request_id: str
    error_code: str | None = None
    message: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    results: tuple[BrokerResult, ...] = ()

    @property
    def answer(self) -> Answer:
        """All of it but the data."""
        return Answer(
            status=self.status,
            request_id=self.request_id,
            message=self.message,
            results=self.results,
        )


def read(call: Call[R], reply: Reply) -> R:
    """What the call came to.

    Raises:
        OrdoError: it was refused, or the answer is not Ordo's.
    """
    if reply.status not in (200, 202):
        raise refusal(reply)
    try:
        return call.read(reply)
    except UNREADABLE as exc:
        raise not_ordo(reply) from exc


def one(kind: type[D]) -> Callable[[Reply], D]:
    """A reader of answers whose data is one *kind*."""

    def reader(reply: Reply) -> D:
        envelope = _decode(Envelope, reply.content)
        data = _decode(kind, envelope.data)
        return msgspec.structs.replace(data, answer=envelope.answer)

    return reader


def rows(plural: str, kind: type[Row]) -> Callable[[Reply], Rows[Row]]:
    """A reader of answers whose data lists *kind* under a name."""

    def reader(reply: Reply) -> Rows[Row]:
        envelope = _decode(Envelope, reply.content)
        data = _decode(dict[str, msgspec.Raw], envelope.data)
        cursor = data.get("next_cursor", msgspec.Raw(b"null"))
        return Rows(
            answer=envelope.answer,
            rows=_decode(tuple[kind, ...], data[plural]),  # type: ignore[valid-type]
            next_cursor=msgspec.json.decode(cursor, type=str | None),
        )

    return reader


def document(reply: Reply) -> dict[str, Any]:
    """A reader of what stands outside of the envelope."""
    return _decode(dict[str, Any], reply.content)


def refusal(reply: Reply) -> OrdoError:
    """The error that a reply tells of."""
    try:
        envelope = _decode(Envelope, reply.content)
        data = _decode(dict[str, Any], envelope.data)
    except UNREADABLE:
        return not_ordo(reply)
    kind = error_of(envelope.error_code, reply.status)
    return kind(
        envelope.message or f"Ordo answered HTTP {reply.status} without a word",
        error_code=envelope.error_code,
        http_status=reply.status,
        request_id=envelope.request_id,
        retry_after=reply.retry_after,
        results=envelope.results,
        data=data,
        may_have_arrived=issubclass(kind, MAYBE),
    )


def not_ordo(reply: Reply) -> ServerError:
    """Some proxy's page, perhaps: what was asked may have been done."""
    start = reply.content[:MOST_SHOWN].decode("utf-8", "replace")
    return ServerError(
        f"wanted an answer of Ordo, found HTTP {reply.status} with {start!r}",
        http_status=reply.status,
        retry_after=reply.retry_after,
        may_have_arrived=True,
    )


def _decode(kind: type[R], content: bytes | msgspec.Raw) -> R:
    found: R = _decoder(kind).decode(content)  # type: ignore[arg-type]  # it has a hash
    return found


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    # Numbers of no declared type may be money too.
    return msgspec.json.Decoder(kind, float_hook=Decimal)
