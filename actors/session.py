"""Whether a broker lets us in, as far as its last answers tell."""

from datetime import datetime
from enum import StrEnum


class SessionState(StrEnum):
    """What clients see of a session."""

    LOGGED_OUT = "logged_out"
    ACTIVE = "active"
    EXPIRED = "expired"


class Session:
    """Good until the broker says otherwise, good again once it answers."""

    def __init__(self) -> None:
        self.state = SessionState.ACTIVE
        self.since: datetime | None = None
        self.reason: str | None = None

    @property
    def active(self) -> bool:
        """Whether orders may be tried."""
        return self.state is SessionState.ACTIVE

    def expired(self, reason: str) -> None:
        """The broker refused us: a new login is needed."""
        self.state, self.reason = SessionState.EXPIRED, reason

    def answered(self, at: datetime) -> None:
        """The broker answered a call that needs a session."""
        if self.since is None or not self.active:
            self.since = at
        self.state, self.reason = SessionState.ACTIVE, None
