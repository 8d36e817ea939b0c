"""A session's grant as sealed text, bound to its broker, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from adapters.errors import SealDamaged
from adapters.login import Grant
from adapters.sealing import Keyring
from adapters.secret import Secret

KIND = "session"


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sealed: a grant with its secrets as text."""

    access_token: str
    issued_at: datetime
    expires_at: datetime
    refresh_token: str | None = None
    feed_token: str | None = None


def seal_grant(keyring: Keyring, broker: str, grant: Grant) -> str:
    """The grant of *broker* as text that opens for that broker only."""
    fields: dict[str, Any] = {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in msgspec.structs.asdict(grant).items()
    }
    return keyring.seal(KIND, broker, msgspec.json.encode(_Kept(**fields)))


def open_grant(keyring: Keyring, broker: str, sealed: str) -> Grant:
    """The grant that was sealed for *broker*.

    Raises:
        WrongKey: none of these keys sealed it.
        SealDamaged: it was changed, is of another broker, or of another version.
    """
    plain = keyring.open(KIND, broker, sealed)
    try:
        kept = msgspec.json.decode(plain, type=_Kept)
    except msgspec.DecodeError:  # whose text would show what it found
        raise SealDamaged(f"the session of {broker} is of another version") from None
    return Grant(
        access_token=Secret(kept.access_token),
        issued_at=kept.issued_at,
        expires_at=kept.expires_at,
        refresh_token=_secret(kept.refresh_token),
        feed_token=_secret(kept.feed_token),
    )


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)
