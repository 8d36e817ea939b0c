"""Puts a broker's session in force, keeps it over restarts, and takes it away."""

import logging
from collections.abc import Callable

import trio

from actors.line import Line
from actors.mailbox import Mailbox
from actors.windows import Kind
from actors.writer import tell
from adapters import AuditEntry, BrokerError, Grant, SaveSession, SessionExpired

log = logging.getLogger("ordo.session")

CHECK_TIMEOUT = 20.0
"""Seconds to find out whether a session is good, retries included."""

Seal = Callable[[Grant], str]
"""Makes of a grant what may be stored."""


class SessionKeeper:
    """Changes the session of one broker: at its adapter, on its line, in the store.

    Args:
        line: to the broker.
        writer: stores the grants.
        seal: encrypts a grant; None stores none.
        begun: called once a session is in force: what waited for it can go on.
    """

    def __init__(
        self,
        line: Line,
        writer: Mailbox,
        seal: Seal | None,
        begun: Callable[[], None],
    ) -> None:
        self._line = line
        self._writer = writer
        self._seal = seal
        self._begun = begun

    async def begin(self, grant: Grant, by: str, request_id: str | None = None) -> None:
        """Use *grant* from now on; a cheap call then shows whether it is good."""
        line, until = self._line, grant.expires_at.isoformat(timespec="seconds")
        line.port.use(grant)
        line.session.granted(grant)
        entry = line.entry("session.active", {"expires_at": until}, by, request_id)
        self._save(None if self._seal is None else self._seal(grant), entry)
        log.info(
            "%s is logged in until %s",
            line.name,
            until,
            extra={"broker": line.name, "event": "session.active"},
        )
        line.session_news.set()
        await self.check()
        self._begun()

    async def check(self) -> None:
        """Ask the broker; a refusal shows in the session, silence says nothing."""
        line = self._line
        if line.session.grant is None:
            return
        try:
            with trio.fail_after(CHECK_TIMEOUT):
                await line.read(Kind.READ, line.port.check)
        except SessionExpired:
            pass  # the line has told everybody
        except (BrokerError, trio.TooSlowError) as error:
            log.warning(
                "%s: its session could not be checked: %s",
                line.name,
                error,
                extra={"event": "session.not_checked"},
            )

    def end(self, reason: str) -> None:
        """The grant has run out."""
        line = self._line
        line.port.use(None)
        line.session.ended(reason)
        self._save(None, line.entry("session.expired", {"reason": reason}, None))
        log.warning(
            "%s wants a new login: %s",
            line.name,
            reason,
            extra={"broker": line.name, "event": "session.expired"},
        )

    def log_out(self, by: str, request_id: str | None) -> None:
        """The user has ended it."""
        line = self._line
        line.port.use(None)
        line.session.logged_out("logged out by the user")
        self._save(None, line.entry("session.logged_out", {}, by, request_id))
        log.info(
            "%s is logged out",
            line.name,
            extra={"broker": line.name, "event": "session.logged_out"},
        )

    def _save(self, sealed: str | None, entry: AuditEntry) -> None:
        name = self._line.name
        tell(self._writer, SaveSession(broker=name, sealed=sealed, audit=(entry,)))
