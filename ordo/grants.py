"""The sessions to begin with: those of before the restart, or given in the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from adapters import BrokerPort, Grant, SealError, Store
from adapters.grants import open_grant
from adapters.sealing import Keyring
from ordo.config import Settings

log = logging.getLogger("ordo.session")

Stored = Callable[[str], Grant | None]
"""The grant that is stored for a broker, if there is one to be read."""


class Sessions:
    """The stored sessions. One that does not open counts as none, and stays stored.

    Args:
        store: where they are.
        keys: that should open them.
    """

    def __init__(self, store: Store, keys: Keyring) -> None:
        self._sealed = store.sessions()
        self._keys = keys

    def __call__(self, broker: str) -> Grant | None:
        if broker not in self._sealed:
            return None
        try:
            return open_grant(self._keys, broker, self._sealed[broker])
        except SealError as exc:
            log.warning(
                "%s is not logged in: %s",
                broker,
                exc,
                extra={"broker": broker, "event": "session.unreadable"},
            )
            return None


def grants_at_start(
    settings: Settings, ports: Mapping[str, BrokerPort], stored: Stored, now: datetime
) -> dict[str, Grant]:
    """A grant for each broker that has one which is not over.

    A stored one comes from a log-in and goes before `access_token` of the settings.
    """
    grants = {}
    for name, port in ports.items():
        if (login := port.login) is None:
            continue
        token = settings.brokers[name].access_token
        grant = stored(name)
        if (grant is None or grant.expires_at <= now) and token is not None:
            grant = login.adopt(token, now)
        if grant is not None and grant.expires_at > now:
            grants[name] = grant
    return grants
