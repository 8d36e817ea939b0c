"""Ordo's own no, as several actors reply it."""

from __future__ import annotations

import msgspec


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Ordo's own no: a broker-level code of the API, words, seconds to wait."""

    code: str
    message: str
    retry_after: float | None = None
