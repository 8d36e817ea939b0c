"""The instrument masters: fetched now, and how they are."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from actors.messages.reads import FetchFailed
from actors.request import Ask

# The masters --------------------------------------------------------------------------


class SyncInstruments(
    msgspec.Struct, Ask["tuple[MasterSync, ...]"], frozen=True, kw_only=True, tag=True
):
    """Fetch the masters of these brokers' adapters now.

    *force* takes a master too that is far smaller than the one before.
    """

    brokers: tuple[str, ...]
    by: str
    force: bool = False
    request_id: str | None = None


class MasterSync(msgspec.Struct, frozen=True, kw_only=True):
    """How the sync of one adapter ended. *failure* is None where it is done.

    *asked* is the last broker that was asked for files, *rows* what is there now.
    """

    adapter: str
    brokers: tuple[str, ...]
    asked: str
    rows: int
    synced_at: datetime | None
    seconds: float
    failure: FetchFailed | None = None


class ReadMasters(
    msgspec.Struct, Ask["tuple[MasterReport, ...]"], frozen=True, kw_only=True, tag=True
):
    """How the masters are."""


class MasterReport(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter's master. *stale*: this morning's is missing; *error*: of the last
    sync, None once one is done; times are aware UTC."""

    adapter: str
    brokers: tuple[str, ...]
    stage: Literal["idle", "downloading", "building"]
    rows: int
    synced_at: datetime | None
    stale: bool
    error: str | None
    next_sync_at: datetime
