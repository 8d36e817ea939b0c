"""What is told of a master's sync: to the log, and to the audit."""

import logging

from actors.mailbox import Mailbox
from actors.messages import MasterSync
from actors.writer import tell
from adapters import AuditEntry, Note
from adapters.instruments import Built

log = logging.getLogger("ordo.masters")


def tell_end(
    end: MasterSync, writer: Mailbox, *, by: str, request_id: str | None
) -> None:
    """Write how a sync ended."""
    detail = {"adapter": end.adapter, "rows": end.rows, "seconds": end.seconds}
    extra = {"event": "instruments.sync", "adapter": end.adapter}
    if end.failure is None:
        action, words = "instruments.synced", "%s: %d instruments in %.1f s"
        log.info(words, end.adapter, end.rows, end.seconds, extra=extra)
    else:
        action, reason = "instruments.not_synced", end.failure.denial.message
        detail["reason"] = reason
        kept = "those of before stay" if end.rows else "there are none"
        words = "%s: its instruments are not synced, %s: %s"
        log.warning(words, end.adapter, kept, reason, extra=extra)
    entry = AuditEntry(
        actor=by, action=action, request_id=request_id, broker=end.asked, detail=detail
    )
    tell(writer, Note(audit=(entry,)))


def tell_left_out(adapter: str, built: Built) -> None:
    """Warn of rows that the new master has and nobody can use."""
    if built.left_out:
        log.warning(
            "%s: %d rows of its master are of no use, such as %s",
            adapter,
            built.left_out,
            "; ".join(built.remarks),
            extra={"event": "instruments.sync", "adapter": adapter},
        )
