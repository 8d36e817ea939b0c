"""Stored secrets: `stored:NAME` of the settings, sealed in `DATA/secrets.json`.

The file stands beside the database, since one process alone writes that, and a secret
is set beside a running server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from adapters.errors import ConfigError, SealError, StoreUnusable
from adapters.sealing import Keyring
from adapters.secret import Secret
from ordo.files import replace
from ordo.locked import locked
from ordo.master_key import is_there, keyring

if TYPE_CHECKING:
    from ordo.config.sections import Data

FILE, KIND = "secrets.json", "stored secret"
SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class StoredSecret(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One secret as it is kept."""

    sealed: str
    set_at: datetime


class SecretBook:
    """The stored secrets of one data directory.

    Args:
        directory: `DATA`; it must be there to set one.
        keys: gives the keyring, and is asked only once one is needed. It is told how
            many secrets are there.
        now: wall time.
    """

    def __init__(
        self,
        directory: Path,
        keys: Callable[[int], Keyring],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = directory / FILE
        self._keys = keys
        self._now = now

    def stored(self) -> dict[str, StoredSecret]:
        """What is stored, by name.

        Raises:
            StoreUnusable: the file cannot be read.
        """
        try:
            content = self._path.read_bytes()
            return msgspec.json.decode(content, type=dict[str, StoredSecret])
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise StoreUnusable(
                f"{self._path}: cannot be read: {exc.strerror}"
            ) from exc
        except msgspec.DecodeError:  # whose text might show what it found
            raise StoreUnusable(f"{self._path}: holds no stored secrets") from None

    def reveal(self, name: str) -> Secret:
        """The secret of that name.

        Raises:
            ConfigError: there is none.
            SealError: the master key does not open it.
            StoreUnusable: the file cannot be read.
        """
        there = self.stored()
        if name not in there:
            raise ConfigError(
                f"there is none of that name; run: ordo secret set {name}"
            )
        keys = self._keys(len(there))
        return Secret(_opened(keys, name, there[name]).decode())

    def put(self, name: str, secret: Secret) -> None:
        """Store a secret, in place of an older one of that name.

        Raises:
            ConfigError: it is no name, or the secret is empty.
            SealError: the secrets that are there are of another key.
            StoreError, OSError: the file cannot be read, or written; or it cannot be
                told whether a session is sealed with a key that is missing.
        """
        if not SECRET_NAME.fullmatch(name):
            raise ConfigError(
                "wanted a name of at most 64 letters, digits, _ - or ., found another"
            )
        if not secret.reveal():
            raise ConfigError(f"wanted a value for {name}, found nothing")
        with locked(self._path):
            there = self.stored()
            keys = self._keys(len(there))
            for other, kept in there.items():  # two keys in one file would lose one
                _opened(keys, other, kept)
            sealed = keys.seal(KIND, name, secret.reveal().encode())
            self._write(there | {name: StoredSecret(sealed=sealed, set_at=self._now())})

    def delete(self, name: str) -> bool:
        """Forget a secret; False where there is none of that name.

        Raises:
            StoreUnusable, OSError: the file cannot be read, or written.
        """
        with locked(self._path):
            there = self.stored()
            if there.pop(name, None) is None:
                return False
            self._write(there)
        return True

    def reseal(self, keys: Keyring) -> int:
        """Seal everything with the first of *keys*; gives how many were not yet.

        Raises:
            SealError: one of them does not open.
            StoreUnusable, OSError: the file cannot be read, or written.
        """
        with locked(self._path):
            there, changed = self.stored(), 0
            for name, kept in there.items():
                if keys.is_current(kept.sealed):
                    continue
                plain = _opened(keys, name, kept)
                there[name] = msgspec.structs.replace(
                    kept, sealed=keys.seal(KIND, name, plain)
                )
                changed += 1
            if changed:
                self._write(there)
        return changed

    def _write(self, there: dict[str, StoredSecret]) -> None:
        content = msgspec.json.format(msgspec.json.encode(there), indent=1)
        replace(self._path, content + b"\n", mode=0o600)


def secret_book(data: Data) -> SecretBook:
    """The stored secrets of a data directory, under its master key."""

    def keys(count: int) -> Keyring:
        if not count and not is_there(data):  # one is made, unless sessions need it
            count = _sessions(data)
        return keyring(data, sealed=count)

    return SecretBook(data.path, keys)


def _sessions(data: Data) -> int:
    """How many are stored; SQLite is loaded for this alone, not for every command."""
    from adapters.stores.opening import FILE
    from adapters.stores.stored_sessions import count_sessions

    return count_sessions(data.path / FILE)


def _opened(keys: Keyring, name: str, kept: StoredSecret) -> bytes:
    try:
        return keys.open(KIND, name, kept.sealed)
    except SealError as exc:
        raise type(exc)(
            f"{exc}, or run: ordo secret delete {name}, and set it again"
        ) from None


def look_up(book: SecretBook, name: str, path: str) -> str:
    """What `stored:NAME` of the setting *path* means.

    Raises:
        ConfigError: nothing, and why.
    """
    if not SECRET_NAME.fullmatch(name):  # or the secret itself, put there by mistake
        raise ConfigError(f"{path}: wanted stored:NAME with the name of a secret")
    try:
        return book.reveal(name).reveal()
    except (ConfigError, SealError, StoreUnusable) as exc:
        raise ConfigError(f"{path}: wanted the stored secret {name}: {exc}") from None
