"""The keys of a `[brokers.NAME]` table that are the FYERS adapter's own."""

from __future__ import annotations

import msgspec

from adapters.secret import Secret


class FyersSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One app of one account.

    Args:
        app_id: with its suffix, such as `ABCD12EFGH-100`; the suffix is opaque.
        secret: of the app; wanted for a log-in only.
        redirect_uri: exactly as registered; wanted for a log-in only.
        base_url: replaces scheme and host of every endpoint; paths stay.
    """

    app_id: str
    secret: Secret | None = None
    redirect_uri: str = ""
    base_url: str = ""
