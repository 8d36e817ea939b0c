"""The data directory, opened: its lock, its store, its keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from actors.clockwork import utc_now
from adapters import ConfigError, Store
from adapters.sealing import Keyring
from adapters.stores.audit_key import load_or_make_key
from adapters.stores.lock import DataLock
from adapters.stores.opening import FILE as DATABASE
from adapters.stores.sqlite import SqliteStore
from ordo.config import Settings
from ordo.master_key import keyring
from ordo.secret_book import secret_book


@contextmanager
def opened(settings: Settings) -> Iterator[SqliteStore]:
    """The data directory, locked, and the store in it."""
    data = settings.data.path
    if settings.data.store != "sqlite":
        raise ConfigError("data.store: wanted sqlite, the only store in this version")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"data.dir: wanted a directory to write to at {data}, "
            f"found: {error.strerror}"
        ) from None
    with DataLock(data):
        store = SqliteStore.open(
            data / DATABASE,
            wall=utc_now,
            boot=secrets.token_hex(8),
            audit_key=load_or_make_key(data / "audit.key"),
            audit_dir=data / "audit",
            audit_max_bytes=settings.audit.max_bytes,
        )
        try:
            yield store
        finally:
            store.close()


def keyring_of(settings: Settings, store: Store) -> Keyring:
    """The master key of an open data directory; the first start makes it.

    Raises:
        ConfigError: it is missing while something is sealed, or is no key.
        StoreUnusable, StoreFailed: what is sealed cannot be read.
    """
    stored = secret_book(settings.data).stored()
    return keyring(settings.data, sealed=len(stored) + len(store.sessions()))
