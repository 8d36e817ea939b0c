"""A new master key: everything sealed is sealed anew, and only then the old one goes.

Stopped at any point, it is run again and goes on: until the last row is done, both
keys are kept, and both open.
"""

from __future__ import annotations

from typing import NamedTuple

from adapters import AuditEntry, ConfigError, Note, SaveSession, SealError, Store
from adapters.grants import KIND
from adapters.sealing import Keyring, MasterKey
from ordo import master_key
from ordo.config import Settings
from ordo.data import opened
from ordo.secret_book import secret_book


class Rotated(NamedTuple):
    """How many secrets and sessions were sealed anew, and which had to be left."""

    resealed: int
    left: tuple[str, ...]


def rotate(settings: Settings, new: Keyring | None) -> Rotated:
    """Seal every stored secret and session with a new key.

    A session that neither key opens is lost already, and would be over within the day:
    it stays as it is, for the next log-in to replace, and is named.

    Args:
        settings: whose data directory no Ordo may be using.
        new: the key to go over to, where the settings hold the old one; None makes one
            and keeps it in `DATA/master.key`, or takes the first of several in the
            settings.

    Raises:
        ConfigError: the settings hold one key and no new one is given, or otherwise.
        SealError: neither key opens a stored secret; none of them has changed.
        StoreUnusable: an Ordo is running on the directory, or it cannot be read.
    """
    with opened(settings) as store:
        keys = _keys(settings, store, new)
        done = secret_book(settings.data).reseal(keys)
        sessions = _reseal_sessions(store, keys)
        done += sessions.resealed
        entry = AuditEntry(
            actor="ordo keys rotate",
            action="keys.rotated",
            detail={
                "key": keys.current.id,
                "resealed": done,
                "left": list(sessions.left),
            },
        )
        store.commit([Note(audit=(entry,))])
        if settings.data.master_key is None:
            path = master_key.key_file(settings.data)
            master_key.write(path, Keyring([keys.current]))
    return Rotated(done, sessions.left)


def _keys(settings: Settings, store: Store, new: Keyring | None) -> Keyring:
    """The new key and the old ones; both are on the disk before anything is sealed."""
    stored = secret_book(settings.data).stored()
    sealed = len(stored) + len(store.sessions())
    old = master_key.keyring(settings.data, sealed=sealed)
    if settings.data.master_key is not None:
        if new is not None:
            return Keyring([new.current, *old.keys])
        if len(old.keys) > 1:  # the settings themselves name the one to go over to
            return old
        raise ConfigError(
            "data.master_key: the key is in the settings, so Ordo cannot change it:"
            " make a new one and name it by --new env:NAME or --new file:PATH"
        )
    if new is not None:
        raise ConfigError("--new: the key is in the data directory; leave --new out")
    if len(old.keys) > 1:  # begun before, and stopped
        return old
    keys = Keyring([MasterKey.make(), *old.keys])
    master_key.write(master_key.key_file(settings.data), keys)
    return keys


def _reseal_sessions(store: Store, keys: Keyring) -> Rotated:
    """All in one commit."""
    writes, left = [], []
    for broker, sealed in store.sessions().items():
        if keys.is_current(sealed):
            continue
        try:
            plain = keys.open(KIND, broker, sealed)
        except SealError:
            left.append(broker)
            continue
        again = keys.seal(KIND, broker, plain)
        writes.append(SaveSession(broker=broker, sealed=again, audit=()))
    if writes:
        store.commit(writes)
    return Rotated(len(writes), tuple(left))
