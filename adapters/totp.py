"""The six digits of an authenticator app, out of its stored seed (RFC 6238)."""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime

from adapters.errors import ConfigError
from adapters.secret import Secret

STEP = 30
"""Seconds that a code stands."""
DIGITS = 6


def totp(seed: Secret, at: datetime, *, key: str = "totp_seed") -> Secret:
    """The code of the moment *at*: SHA-1, six digits, steps of 30 s.

    Args:
        seed: base32, as shown when the app was set up; case, blanks and hyphens do not
            matter.
        at: aware.
        key: the setting's name, for the error.

    Raises:
        ConfigError: the seed is not base32; the text names *key* and not the seed.
    """
    counter = int(at.timestamp()) // STEP
    digest = hmac.digest(_bytes(seed, key), counter.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return Secret(f"{number % 10**DIGITS:0{DIGITS}}")


def _bytes(seed: Secret, key: str) -> bytes:
    text = seed.reveal().replace(" ", "").replace("-", "").rstrip("=").upper()
    try:
        found = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise ConfigError(
            f"{key}: wanted a seed in base32 (A-Z, 2-7), found other text"
        )
    return found
