"""How the audit files follow the store: what is committed, they get, if late."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from datetime import datetime

from adapters.errors import StoreError, StoreFailed, StoreUnusable
from adapters.model import AuditEntry
from adapters.store_port import OldFile
from adapters.stores.audit_chain import Line
from adapters.stores.audit_files import AuditFiles

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class AuditTrail:
    """Copies audit lines to the files, and knows whether that works.

    A commit cannot be undone because a file could not be written after it, and saying
    that it failed would be a lie: so `follow` never fails. It leaves `behind` set, and
    the next commit asks `catch_up` before it takes new orders.
    """

    def __init__(self, files: AuditFiles | None) -> None:
        self._files = files
        self.behind: str | None = None

    def start(self) -> tuple[AuditEntry, ...]:
        """Bring the files up to date; returns what was found torn or damaged.

        On a full disk they stay behind: Ordo must be able to start there, to cancel.

        Raises:
            StoreUnusable: they cannot be written, or know more than the store.
        """
        try:
            return self._catch_up()
        except StoreFailed as failure:
            if getattr(failure.__cause__, "errno", None) not in NO_ROOM:
                raise StoreUnusable(str(failure)) from failure
            return ()

    def follow(self, lines: Sequence[Line]) -> None:
        """Copy what was just committed; where that fails, `behind` says why."""
        if self._files is None or not lines or self.behind is not None:
            return
        try:
            self._files.append(lines)
        except StoreError as failure:
            self.behind = str(failure)

    def catch_up(self) -> tuple[AuditEntry, ...]:
        """Copy what is missing, if anything is.

        Raises:
            StoreFailed: it still cannot be written.
        """
        if self.behind is None:
            return ()
        try:
            return self._catch_up()
        except StoreUnusable as failure:
            raise StoreFailed(str(failure)) from failure

    def due(self, now: datetime, keep_days: int, most: int) -> tuple[OldFile, ...]:
        """At most *most* files old and good enough to be deleted; in any thread."""
        return () if self._files is None else self._files.due(now, keep_days, most)

    def delete(self, files: Sequence[OldFile]) -> None:
        """Delete what was `due`."""
        if self._files is not None:
            self._files.delete(files)

    def close(self) -> None:
        """Make the files durable; what is missing, the next start copies."""
        if self._files is not None:
            self._files.close()

    def _catch_up(self) -> tuple[AuditEntry, ...]:
        if self._files is None:
            return ()
        try:
            notes = self._files.catch_up()
        except StoreError as failure:
            self.behind = str(failure)
            raise
        self.behind = None
        return notes
