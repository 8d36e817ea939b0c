"""One HTTP call as handlers see it: who, what, and the system to ask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from ordo.http.errors import query_error
from ordo.http.throttle import Throttles

if TYPE_CHECKING:
    from ordo.system import System

MOST_ROWS = 1000
LIMIT = re.compile(r"[1-9][0-9]{0,3}")


class Principal(Protocol):
    """Who calls: `id` such as `token:ID`, `scope` read, trade or admin."""

    @property
    def id(self) -> str: ...

    @property
    def scope(self) -> str: ...


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that came in, authenticated. Names of `headers` are in small letters.

    `query` and `path` are decoded text; `query` holds what the route knows, once each.
    `raw_query` is the query as it came, where the route takes any. `address` is where
    the call comes from, as `throttles` count it.
    """

    system: System
    principal: Principal
    request_id: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    path: Mapping[str, str]
    body: bytes = b""
    raw_query: str = ""
    address: str
    throttles: Throttles

    def header(self, name: str) -> str | None:
        """A header's value by its name in small letters; None where it was not sent."""
        return self.headers.get(name)

    def brokers(self) -> tuple[str, ...]:
        """The brokers named by `brokers=a,b`; all by default.

        Raises:
            ApiError: `validation_failed`, for one that is not configured.
        """
        known = self.system.broker_names
        text = self.query.get("brokers")
        if text is None:
            return tuple(known)
        names = tuple(dict.fromkeys(text.split(",")))
        for name in names:
            if name not in known:
                there = ", ".join(known) or "none"
                raise query_error("brokers", f"wanted {there}, found {name[:64]!r}")
        return names

    def limit(self) -> int:
        """How many rows are wanted: `limit`, 100 by default, at most 1000."""
        text = self.query.get("limit", "100")
        if not LIMIT.fullmatch(text) or int(text) > MOST_ROWS:
            found = text[:32]
            raise query_error("limit", f"wanted 1 to {MOST_ROWS}, found {found!r}")
        return int(text)

    def time(self, name: str) -> datetime | None:
        """A moment: RFC 3339 with an offset.

        Raises:
            ApiError: `validation_failed`.
        """
        text = self.query.get(name)
        if text is None:
            return None
        try:
            at = datetime.fromisoformat(text.replace(" ", "+"))  # a + left bare is one
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        wanted = "wanted a time such as 2026-11-21T09:15:00Z"
        raise query_error(name, f"{wanted}, found {text[:40]!r}")
