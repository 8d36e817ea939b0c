"""How idempotency keys age: live, then a tombstone that still refuses, then gone."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

import msgspec

from adapters.model import UNSETTLED_STATUSES
from adapters.stores.times import stamp, time_of

KEY_LIFE = timedelta(days=7)
"""From when the last leg was settled and saved; so never under 24 h from the accept."""
TOMBSTONE_LIFE = timedelta(days=90)
LOOK_AGAIN = timedelta(days=1)
"""When to look again at a key whose orders are still not settled after its life."""
AT_ONCE = 5_000
"""Keys in one pruning: about 0.1 s in which no order can be accepted."""

_UNSETTLED = ", ".join(f"'{status}'" for status in sorted(UNSETTLED_STATUSES))
_DUE = (
    "SELECT k.principal, k.route, k.key, k.created_at, max(o.saved_at),"  # noqa: S608
    f" total(o.status IN ({_UNSETTLED})) FROM ("
    " SELECT * FROM idempotency WHERE expires_at <= ? AND expired = 0"
    " ORDER BY expires_at LIMIT ?) AS k"
    " LEFT JOIN orders AS o ON o.batch_id = k.batch_id"
    " GROUP BY k.principal, k.route, k.key"
)
_AGE = (
    "UPDATE idempotency SET expired = ?, expires_at = ?"
    " WHERE principal = ? AND route = ? AND key = ?"
)
_FORGET = (
    "DELETE FROM idempotency WHERE (principal, route, key) IN ("
    " SELECT principal, route, key FROM idempotency"
    " WHERE expires_at <= ? AND expired = 1 LIMIT ?)"
)


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What a pruning did. `more`: it stopped early and should be called again."""

    expired: int
    forgotten: int
    more: bool


def prune(cursor: sqlite3.Cursor, now: datetime) -> Pruned:
    """Age the keys, inside a transaction; *now* was never set back."""
    forgotten = cursor.execute(_FORGET, (stamp(now), AT_ONCE)).rowcount
    due = cursor.execute(_DUE, (stamp(now), AT_ONCE)).fetchall()
    changes = []
    for *key, created, saved, unsettled in due:
        settled_for = now - time_of(saved or created)
        if unsettled:
            state = (0, stamp(now + LOOK_AGAIN))
        elif settled_for < KEY_LIFE:
            state = (0, stamp(now - settled_for + KEY_LIFE))
        else:
            state = (1, stamp(now + TOMBSTONE_LIFE))
        changes.append((*state, *key))
    cursor.executemany(_AGE, changes)
    return Pruned(
        expired=sum(change[0] for change in changes),
        forgotten=forgotten,
        more=AT_ONCE in (len(due), forgotten),
    )
