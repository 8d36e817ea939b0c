"""Reading what brokers have: books, accounts, prices, instrument files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from actors.messages.denial import Denial
from actors.request import Ask
from adapters import Order

# A broker -----------------------------------------------------------------------------

ReadKind = Literal[
    "orderbook", "trades", "positions", "holdings", "funds", "quotes", "depth", "margin"
]


class Fetch(
    msgspec.Struct, Ask["Fetched | FetchFailed"], frozen=True, kw_only=True, tag=True
):
    """Read something from the broker; *symbols* for quotes, *orders* for their margin
    together."""

    kind: ReadKind
    symbols: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker says; *rows* are of the model. Milliseconds at the broker."""

    broker: str
    rows: tuple[Any, ...]
    attempts: int
    latency_ms: float


class FetchFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The read gave nothing to use."""

    broker: str
    denial: Denial
    broker_code: str | None = None
    broker_message: str | None = None
    http_status: int | None = None
    attempts: int = 0
    latency_ms: float = 0.0


class DownloadMaster(
    msgspec.Struct,
    Ask["Downloaded | FetchFailed"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Fetch the broker's instrument files into *directory*; may take minutes."""

    directory: Path


class Downloaded(msgspec.Struct, frozen=True, kw_only=True):
    """The files are there, whole."""

    broker: str
    files: tuple[Path, ...]
    seconds: float


# The router ---------------------------------------------------------------------------


class FetchAll(
    msgspec.Struct,
    Ask["tuple[Fetched | FetchFailed, ...]"],
    frozen=True,
    kw_only=True,
    tag=True,
):
    """Read the same from several brokers, side by side."""

    kind: ReadKind
    brokers: tuple[str, ...]
    symbols: tuple[str, ...] = ()
