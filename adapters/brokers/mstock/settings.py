"""The keys of a `[brokers.NAME]` table that are the m.Stock adapter's own."""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.secret import Secret


class MstockSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One API key of one account.

    Args:
        api_type: which of m.Stock's two APIs the key was made for.
        api_key: good for a year, a month and a day, then to be made anew.
        username: the client code; wanted for a log-in only.
        password: left out: asked for at log-in.
        totp_seed: base32, of the authenticator app; with `password` it logs in
            without a prompt.
    """

    api_type: Literal["A", "B"]
    api_key: Secret
    username: str = ""
    password: Secret | None = None
    totp_seed: Secret | None = None
