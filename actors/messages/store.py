"""The writer's work: commits, and what it deletes between two of them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from actors.request import Ask
from adapters import AcceptResult, OldFile, Pruned, Write

# The writer ---------------------------------------------------------------------------


class Commit(
    msgspec.Struct, Ask["Committed | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Store *writes*, in one transaction and on disk before the answer."""

    writes: tuple[Write, ...]


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """Stored; *results* answer the writes in order."""

    results: tuple[AcceptResult | None, ...]


class StoreDown(msgspec.Struct, frozen=True, kw_only=True):
    """Not stored, and why."""

    message: str


class PruneKeys(msgspec.Struct, Ask["PruneReply"], frozen=True, kw_only=True, tag=True):
    """Age at most *most* idempotency keys, between two commits."""

    now: datetime
    most: int


PruneReply = Pruned | StoreDown


class DropAudit(
    msgspec.Struct, Ask["Dropped | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Delete audit files that are old enough, between two commits."""

    files: tuple[OldFile, ...]


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """They are gone, and that is on record."""
