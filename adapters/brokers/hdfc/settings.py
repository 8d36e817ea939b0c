"""The keys of a `[brokers.NAME]` table that are the HDFC adapter's own."""

from __future__ import annotations

import msgspec

from adapters.secret import Secret


class HdfcSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One app of one account.

    Args:
        api_key: of the app; it travels in the query of every call.
        secret: of the app; wanted for a log-in only.
        username: the user id; empty: the log-in is by HDFC's own page.
        password: of the user; None: asked at each log-in.
        redirect_uri: as registered; wanted for a log-in by the page only.
    """

    api_key: Secret
    secret: Secret | None = None
    username: str = ""
    password: Secret | None = None
    redirect_uri: str = ""
