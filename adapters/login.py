"""How one gets into a broker: what the user is asked, and what comes of it.

A log-in is a short talk: `begin`, then `answer` for as long as the broker asks for
more, and at its end a `Grant`, which the adapter is then told to `use`. Nothing here
is retried: brokers lock accounts after a few wrong answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from adapters.secret import Secret


class ChallengeKind(StrEnum):
    """OTP: values are typed in. REDIRECT: a page is opened and comes back by itself."""

    OTP = "otp"
    REDIRECT = "redirect"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One value that the user is asked for; a `secret` one is not echoed."""

    name: str
    label: str
    secret: bool = True


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker wants next.

    Args:
        kind: how it is answered.
        prompt: for people; the broker's own words where it has some.
        fields: what to type in, at least one of an `OTP` challenge.
        login_url: of a `REDIRECT`: the page to open.
        good_until: aware UTC; later answers are refused without asking the broker.
        memo: what the adapter needs to go on; kept in memory, shown to nobody.
    """

    kind: ChallengeKind
    prompt: str
    good_until: datetime
    fields: tuple[Field, ...] = ()
    login_url: str | None = None
    memo: Mapping[str, Secret] = {}


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What lets calls in until it expires. Times are aware UTC.

    Args:
        access_token: what the broker's calls bear.
        issued_at, expires_at: `expires_at` is the earlier of what the token says and
            of the end of the trading day by the broker's rule.
        refresh_token: where the broker can renew a session of the same day.
        feed_token: where its streams want another token.
    """

    access_token: Secret
    issued_at: datetime
    expires_at: datetime
    refresh_token: Secret | None = None
    feed_token: Secret | None = None


REDIRECT_URL = "redirect_url"
"""The name under which `answer` is given the whole address a redirect came back to."""


class LoginPort(Protocol):
    """The log-in of one account.

    Calls may raise `LoginRefused`, `NotSent`, `SentUnknown` and `RateLimited`. They
    have no time-out of their own beyond connecting.
    """

    @property
    def unattended(self) -> bool:
        """Whether `begin` needs nobody: all that it asks for is stored."""

    async def begin(self, state: str) -> Challenge | Grant:
        """Start; a `Grant` at once where everything needed is stored.

        Args:
            state: single-use text that a redirect must bring back, where the broker
                passes one on.

        Raises:
            ConfigError: a setting that a log-in needs is missing; the text names it.
        """

    async def answer(
        self, challenge: Challenge, answers: Mapping[str, Secret]
    ) -> Challenge | Grant:
        """Go on with what the user gave, by the names of the challenge's fields.

        Raises:
            LoginRefused: the broker said no; `again` tells whether the same challenge
                can be answered once more.
        """

    async def refresh(self, grant: Grant) -> Grant:
        """Renew a session without the user.

        Raises:
            Unsupported: this broker cannot, or not with this grant.
        """

    async def logout(self) -> None:
        """End the session at the broker, where it has a call for that."""

    def adopt(self, access_token: Secret, now: datetime) -> Grant:
        """A grant out of a token got elsewhere; it expires by the broker's rule."""
