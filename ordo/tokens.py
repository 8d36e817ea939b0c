"""Bearer tokens: who may call, and how much they may do.

Stored tokens stand in `DATA/tokens.json` (0600) as SHA-256: 256 random bits need no
slow hash. The file is replaced whole under a lock and read again when it changed, so
that a token made or revoked by a command holds at once in a server that runs.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from adapters.errors import StoreUnusable
from adapters.secret import Secret
from ordo.files import replace
from ordo.locked import locked

PREFIX = "ordo"
ID_BYTES, SECRET_BYTES = 5, 32
"""Source: reliability.md section 7, 256 random bits; the id only has to be unique."""

log = logging.getLogger(__name__)


class Scope(StrEnum):
    """What a token may do; each holds the ones before it."""

    READ = "read"
    TRADE = "trade"
    ADMIN = "admin"

    def allows(self, wanted: Scope) -> bool:
        """Whether whoever has this scope may do what needs *wanted*."""
        order = list(Scope)
        return order.index(self) >= order.index(wanted)


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: `token:ID`, or `token:config` for the configured token."""

    id: str
    scope: Scope


class StoredToken(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A token as it is kept; `sha256` is of the whole token, in hex."""

    id: str
    scope: Scope
    sha256: str
    created: datetime
    name: str | None = None
    expires: datetime | None = None


class TokenBook:
    """The stored tokens of one data directory, and the configured one.

    Args:
        path: `DATA/tokens.json`; its directory must be there to make a token.
        configured: The admin token of the settings.
        now: Wall time.
    """

    def __init__(
        self,
        path: Path,
        configured: Secret | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = path
        self._now = now
        self._configured = _digest(configured.reveal()) if configured else None
        self._stamp: tuple[int, int, int] | None = None
        self._tokens: dict[str, StoredToken] = {}

    def principal(self, token: str) -> Principal | None:
        """Whose token this is; None for one that is wrong, revoked or expired.

        Where the stored tokens cannot be read, none of them is good.
        """
        digest = _digest(token)
        if self._configured and hmac.compare_digest(digest, self._configured):
            return Principal(id="token:config", scope=Scope.ADMIN)
        self._refresh()
        found = self._tokens.get(_id_in(token))
        if found is None or not hmac.compare_digest(digest, found.sha256):
            return None
        if found.expires is not None and found.expires <= self._now():
            return None
        return Principal(id=f"token:{found.id}", scope=found.scope)

    def new(
        self,
        scope: Scope,
        *,
        name: str | None = None,
        expires: datetime | None = None,
    ) -> str:
        """Make and store a token; this is the only time it can be seen.

        Raises:
            StoreUnusable: The stored tokens cannot be read.
            OSError: They cannot be written.
        """
        with locked(self._path):
            tokens = _read(self._path)
            taken = {token.id for token in tokens}
            token_id = _fresh_id(taken)
            token = f"{PREFIX}_{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
            made = StoredToken(
                id=token_id,
                scope=scope,
                sha256=_digest(token),
                created=self._now(),
                name=name,
                expires=expires,
            )
            _write(self._path, [*tokens, made])
        return token

    def stored(self) -> list[StoredToken]:
        """Every stored token, oldest first, expired ones too.

        Raises:
            StoreUnusable: The stored tokens cannot be read.
        """
        return _read(self._path)

    def revoke(self, token_id: str) -> bool:
        """Forget a token; False where there is none of that id.

        Raises:
            StoreUnusable: The stored tokens cannot be read.
            OSError: They cannot be written.
        """
        with locked(self._path):
            tokens = _read(self._path)
            left = [token for token in tokens if token.id != token_id]
            if len(left) == len(tokens):
                return False
            _write(self._path, left)
        return True

    def _refresh(self) -> None:
        """Read the file again if it is another one, or changed."""
        try:
            status = os.stat(self._path)
            # A new file may get the number of one that was just removed.
            stamp = (status.st_ctime_ns, status.st_size, status.st_ino)
        except OSError:
            stamp = None  # not there, or not ours to see: reading it tells which
        if stamp == self._stamp:
            return
        try:
            self._tokens = {token.id: token for token in _read(self._path)}
        except StoreUnusable as exc:
            self._tokens = {}
            log.error(  # noqa: TRY400
                "no stored token is good: %s", exc, extra={"event": "tokens.unreadable"}
            )
        self._stamp = stamp


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _id_in(token: str) -> str:
    prefix, _, rest = token.partition("_")
    return rest.partition("_")[0] if prefix == PREFIX else ""


def _fresh_id(taken: set[str]) -> str:
    while (token_id := secrets.token_hex(ID_BYTES)) in taken:
        pass
    return token_id


def _read(path: Path) -> list[StoredToken]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[StoredToken])
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise StoreUnusable(f"{path}: cannot be read: {exc.strerror}") from exc
    except msgspec.DecodeError as exc:
        raise StoreUnusable(f"{path}: wanted stored tokens, found: {exc}") from exc


def _write(path: Path, tokens: Sequence[StoredToken]) -> None:
    content = msgspec.json.format(msgspec.json.encode(tokens), indent=1)
    replace(path, content + b"\n", mode=0o600)
