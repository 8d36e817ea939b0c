"""Whether a broker lets us in: by the grant we hold, and as its last answers tell."""

from datetime import datetime
from enum import StrEnum

import trio

from adapters import Grant


class SessionState(StrEnum):
    """What clients see of a session."""

    LOGGED_OUT = "logged_out"
    CHALLENGE = "challenge"
    ACTIVE = "active"
    EXPIRED = "expired"


class Session:
    """One broker's session; it outlives each incarnation of the broker's actor.

    Args:
        required: whether there has to be a grant at all; simulated brokers want none.
        grant: restored from before, or given in the settings.

    Attributes:
        news: set once at the next change of whether and how we are let in, and then
            made anew.
        since: when the broker let us in, aware UTC, as far as is known.
        reason: why it is not active.
        challenged: a log-in has begun and waits for the user.
    """

    def __init__(self, *, required: bool = False, grant: Grant | None = None) -> None:
        self.news = trio.Event()
        self.grant = grant
        self.since = None if grant is None else grant.issued_at
        self.reason: str | None = None
        self.challenged = False
        self._refused = False
        self._required = required
        if not self.active:
            self.reason = "nobody has logged in yet"

    @property
    def usable(self) -> bool:
        """Whether calls can be made at all, though the broker may refuse them."""
        return self.grant is not None or not self._required

    @property
    def active(self) -> bool:
        """Whether orders may be tried."""
        return self.usable and not self._refused

    @property
    def state(self) -> SessionState:
        """One word; a log-in that runs beside a good session does not show."""
        if self.active:
            return SessionState.ACTIVE
        if self.challenged:
            return SessionState.CHALLENGE
        return SessionState.EXPIRED if self._refused else SessionState.LOGGED_OUT

    @property
    def expires_at(self) -> datetime | None:
        """When the grant ends; None without one."""
        return None if self.grant is None else self.grant.expires_at

    def granted(self, grant: Grant) -> None:
        """The broker let us in."""
        self.grant, self.since = grant, grant.issued_at
        self._refused, self.challenged, self.reason = False, False, None
        self._tell()

    def expired(self, reason: str) -> None:
        """The broker does not take our token any more: a new log-in is needed."""
        self._refused, self.reason = True, reason
        self._tell()

    def ended(self, reason: str) -> None:
        """The grant has run out."""
        self.grant = None
        self.expired(reason)

    def logged_out(self, reason: str) -> None:
        """The user has ended it."""
        self.grant, self._refused, self.reason = None, False, reason
        self._tell()

    def answered(self, at: datetime) -> None:
        """The broker answered a call that wants a session: a refusal was a mistake."""
        if not self.usable:
            return
        if self.since is None or self._refused:
            self.since = at
        let_in_again = self._refused
        self._refused, self.reason = False, None
        if let_in_again:
            self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = trio.Event()
