"""The kill-switch: turning it, and how far its cancels and closes are."""

from __future__ import annotations

import msgspec

from actors.messages.store import StoreDown
from actors.request import Ask
from adapters import TradingSwitch

# The kill-switch ----------------------------------------------------------------------


class EngageSwitch(
    msgspec.Struct, Ask["SwitchReport | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Let no new order leave, from now on; the state stands before the reply."""

    by: str
    reason: str
    cancel_open: bool = False
    close_positions: bool = False
    request_id: str | None = None


class ReleaseSwitch(
    msgspec.Struct, Ask["SwitchReport | StoreDown"], frozen=True, kw_only=True, tag=True
):
    """Let orders leave again."""

    by: str
    reason: str | None = None
    request_id: str | None = None


class ReadSwitch(
    msgspec.Struct, Ask["SwitchReport"], frozen=True, kw_only=True, tag=True
):
    """How the switch stands."""


class CancelProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A broker's part of a cancel-all: counts of orders, told as they change.

    *failures* says of those that failed, at most `MOST_FAILURES`, which and why.
    """

    broker: str
    round: int
    wanted: int
    done: int
    failed: int
    failures: tuple[str, ...] = ()


class CloseProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A broker's part of squaring off: counts of positions, told as they change.

    *closes_for*: the version of the halt that wants it. *failures* as of cancels, and
    also why a broker's positions are not known, where nothing is counted yet.
    """

    broker: str
    closes_for: int
    wanted: int
    done: int
    failed: int
    failures: tuple[str, ...] = ()


MOST_FAILURES = 20
"""Failures told in words; the counts tell of all."""


class SwitchReport(msgspec.Struct, frozen=True, kw_only=True):
    """The switch, what had left before it turned, its cancels and closes so far."""

    switch: TradingSwitch
    on_the_wire: tuple[str, ...]
    progress: tuple[CancelProgress, ...] = ()
    closes: tuple[CloseProgress, ...] = ()
