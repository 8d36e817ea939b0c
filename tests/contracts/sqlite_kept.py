"""The SQLite store in a directory of its own, for the contract and its own tests."""

from adapters.stores import SqliteStore, StoredAudit, verify
from tests.contracts.writes import Clock

KEY = b"k" * 32


class Kept:
    """A store that can be restarted; *settings* are those of `SqliteStore.open`."""

    boot = "boot-1"

    def __init__(self, directory, **settings):
        self.path = directory / "ordo.db"
        self.files = directory / "audit"
        self.clock = Clock()
        self.settings = {"audit_dir": self.files, "reserve_bytes": 4096} | settings
        self.store = self.open()

    def open(self):
        self.store = SqliteStore.open(
            self.path, wall=self.clock, boot=self.boot, audit_key=KEY, **self.settings
        )
        return self.store

    def restart(self):
        self.store.close()
        return self.open()

    def verify(self):
        """What `verify` finds of the files and the table."""
        with StoredAudit(self.path) as rows:
            return verify(self.files, KEY, rows)

    def sql(self, statement, *values):
        """Meddle with the database, behind the store's back."""
        return self.store._writer.execute(statement, values).fetchall()
