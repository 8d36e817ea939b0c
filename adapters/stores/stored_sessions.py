"""How many sessions a database keeps, also beside a running Ordo."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from adapters.stores.opening import open_reader
from adapters.stores.reading import read_errors


def count_sessions(path: Path) -> int:
    """The number of stored sessions; 0 where there is no database yet.

    Raises:
        StoreUnusable: it is not Ordo's database, or cannot be opened.
        StoreFailed: it cannot be read.
    """
    if not path.exists():
        return 0
    with closing(open_reader(path)) as connection, read_errors():
        table = "SELECT count(*) FROM sqlite_master WHERE name = 'sessions'"
        (is_there,) = connection.execute(table).fetchone()
        if not is_there:  # of a version that kept none
            return 0
        (count,) = connection.execute("SELECT count(*) FROM sessions").fetchone()
    return int(count)
