"""How idempotency keys age: live, then a tombstone that still refuses, then gone."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from adapters.model import UNSETTLED_STATUSES
from adapters.store_port import Pruned
from adapters.stores.times import stamp, time_of

KEY_LIFE = timedelta(days=7)
"""From when the last leg was settled and saved; so never under 24 h from the accept."""
TOMBSTONE_LIFE = timedelta(days=90)
LOOK_AGAIN = timedelta(days=1)
"""When to look again at a key whose orders are still not settled after its life."""
AT_ONCE = 5_000
"""Keys in one pruning where nobody waits for commits: about 0.1 s."""

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


def prune(cursor: sqlite3.Cursor, now: datetime, most: int) -> Pruned:
    """Age *most* keys, inside a transaction; *now* was never set back."""
    forgotten = cursor.execute(_FORGET, (stamp(now), most)).rowcount
    due = cursor.execute(_DUE, (stamp(now), most)).fetchall()
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
        more=most in (len(due), forgotten),
    )
