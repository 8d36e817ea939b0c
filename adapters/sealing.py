"""Secrets at rest: sealed under a master key, and bound to the row they stand in.

AES-256-GCM with a fresh 96-bit nonce. The row's kind and name go in as associated
data, so that a sealed text moved to another row does not open. A text says which key
sealed it: `v1.KEYID.BASE64`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.errors import ConfigError, SealDamaged, WrongKey

KEY_BYTES, NONCE_BYTES = 32, 12
VERSION = "v1"
MAKE_ONE = "openssl rand -base64 32"


class MasterKey:
    """One key; `id` names it in what it has sealed, and tells nothing of it."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a master key is {KEY_BYTES} bytes, was {len(key)}")
        self._key = key
        self.id = hashlib.sha256(b"ordo master key id" + key).hexdigest()[:8]

    @classmethod
    def make(cls) -> MasterKey:
        """A fresh key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def reveal(self) -> str:
        """The key as text, for the file it is kept in."""
        return base64.b64encode(self._key).decode("ascii")

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"

    def encrypt(self, plain: bytes, bound_to: bytes) -> bytes:
        """Nonce and ciphertext."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, plain, bound_to)

    def decrypt(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The plain bytes.

        Raises:
            InvalidTag: damaged, of another row, or of another key.
        """
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        return AESGCM(self._key).decrypt(nonce, rest, bound_to)


class Keyring:
    """Keys, of which the first seals and all open: that is how one follows another."""

    def __init__(self, keys: Sequence[MasterKey]) -> None:
        if not keys:
            raise ValueError("a keyring has at least one key")
        self.keys = tuple(keys)

    @classmethod
    def parse(cls, text: str, place: str) -> Keyring:
        """Keys as text: base64 of 32 bytes each, commas or white space between.

        Args:
            place: where they stand, for the error.

        Raises:
            ConfigError: that is not what stands there; the text is not shown.
        """
        words = [word for word in re.split(r"[,\s]+", text) if word]
        try:
            return cls([MasterKey(_decoded(word)) for word in words])
        except ValueError:
            raise ConfigError(
                f"{place}: wanted {KEY_BYTES} bytes in base64, found something else;"
                f" make a key with: {MAKE_ONE}"
            ) from None

    @property
    def current(self) -> MasterKey:
        """The one that seals."""
        return self.keys[0]

    def seal(self, kind: str, name: str, plain: bytes) -> str:
        """*plain* as text that opens in the row *name* of *kind* only."""
        sealed = self.current.encrypt(plain, _bound(kind, name))
        return f"{VERSION}.{self.current.id}.{_text(sealed)}"

    def open(self, kind: str, name: str, sealed: str) -> bytes:
        """What was sealed.

        Raises:
            WrongKey: none of our keys sealed it.
            SealDamaged: it is no sealed text, was changed, or is of another row.
        """
        key_id, content = _parts(kind, name, sealed)
        for key in self.keys:
            if key.id == key_id:
                try:
                    return key.decrypt(content, _bound(kind, name))
                except (InvalidTag, ValueError):
                    break
        else:
            there = ", ".join(key.id for key in self.keys)
            raise WrongKey(
                f"the {kind} {name} was sealed with the master key {key_id}, and this"
                f" one is {there}: start with the key that sealed it"
            )
        raise SealDamaged(f"the {kind} {name} is damaged, or is of another row")

    def is_current(self, sealed: str) -> bool:
        """Whether the key that seals now has sealed it."""
        return sealed.startswith(f"{VERSION}.{self.current.id}.")


def _bound(kind: str, name: str) -> bytes:
    return f"ordo\0{VERSION}\0{kind}\0{name}".encode()


def _parts(kind: str, name: str, sealed: str) -> tuple[str, bytes]:
    version, _, rest = sealed.partition(".")
    key_id, _, text = rest.partition(".")
    try:
        if version == VERSION and key_id and text:
            return key_id, _decoded(text)
    except ValueError:
        pass
    raise SealDamaged(f"the {kind} {name} is no sealed text of this version")


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode("ascii").rstrip("=")


def _decoded(text: str) -> bytes:
    """Base64 of either alphabet, padded or not."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as exc:
        raise ValueError("not base64") from exc
