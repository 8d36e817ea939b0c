"""Closing every position and cancelling every order that matches."""

from __future__ import annotations

import msgspec

from actors.messages.batches import BatchReply
from actors.messages.denial import Denial
from actors.messages.orders import CancelResult
from actors.messages.reads import FetchFailed
from actors.request import Ask

# The router ---------------------------------------------------------------------------


class ClosePositions(
    msgspec.Struct, Ask["SquaredOff"], frozen=True, kw_only=True, tag=True
):
    """Send the opposite of every open position, once; keys as of `PlaceBatch`.

    *symbol*: only of this one.
    """

    principal: str
    request_id: str
    key: str
    key_given: bool
    fingerprint: str
    brokers: tuple[str, ...]
    symbol: str | None
    deadline_ms: int


class SquaredOff(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: *batch* None where nothing was to be closed.

    *failures*: positions that could not be read, or that there are no orders for.
    """

    batch: BatchReply | None
    failures: tuple[FetchFailed, ...] = ()


class CancelOpen(
    msgspec.Struct, Ask["CancelledOpen"], frozen=True, kw_only=True, tag=True
):
    """Cancel every order that is not settled; *symbol*: only of this one."""

    brokers: tuple[str, ...]
    symbol: str | None
    by: str
    request_id: str | None = None


class CancelledOpen(msgspec.Struct, frozen=True, kw_only=True):
    """Each order after the attempt, oldest first. *denial*: they cannot be read."""

    results: tuple[CancelResult, ...]
    denial: Denial | None = None
