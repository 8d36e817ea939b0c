"""One HTTP call as handlers see it: who, what, and the system to ask."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from ordo.http.envelope import ApiError

if TYPE_CHECKING:
    from ordo.system import System

MOST_ROWS = 1000


class Principal(Protocol):
    """Who calls: `id` such as `token:ID`, `scope` read, trade or admin."""

    @property
    def id(self) -> str: ...

    @property
    def scope(self) -> str: ...


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call that came in, authenticated. `query` and `path` are decoded text."""

    system: System
    principal: Principal
    request_id: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    path: Mapping[str, str]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """A header's value, None where it was not sent."""
        return self.headers.get(name)

    def only(self, *names: str) -> None:
        """Refuse query parameters that this call does not have.

        Raises:
            ApiError: `validation_failed`.
        """
        for name in self.query:
            if name not in names:
                some = ", ".join(names) or "none"
                raise query_error(name[:64], f"not a parameter here; there are: {some}")

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
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_ROWS):
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
            at = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            at = None
        if at is None or at.tzinfo is None:
            wanted = "wanted a time such as 2026-11-21T09:15:00Z"
            raise query_error(name, f"{wanted}, found {text[:40]!r}")
        return at.astimezone(UTC)


def query_error(name: str, problem: str) -> ApiError:
    """A 422 that names a query parameter."""
    return ApiError("validation_failed", f"?{name}: {problem}", data={"path": name})
