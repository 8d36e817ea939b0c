"""The log-in of a simulated broker, and the sessions it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import trio

from adapters import (
    Challenge,
    ChallengeKind,
    Field,
    Grant,
    RateLimited,
    SentUnknown,
    Unsupported,
)
from adapters.secret import Secret
from tests.sim.faults import Fault
from tests.sim.venue import LONG_LIFE, Venue

SECRET = "PLANTED"
"""Begins every token: no commit may show it (I10)."""


def token(venue: Venue) -> str:
    """What the venue takes just now."""
    return f"{SECRET}-{venue.name}-{venue.sessions}"


def granted(access_token: str, now: datetime, life: timedelta = LONG_LIFE) -> Grant:
    """A grant, as it is had from a log-in or restored after a restart."""
    return Grant(
        access_token=Secret(access_token), issued_at=now, expires_at=now + life
    )


class Door:
    """The log-in of a venue.

    Args:
        connected: connects, for one call.
        venue: whose it is.
        wall: for stamps.
    """

    def __init__(
        self,
        connected: Callable[[str], Awaitable[Fault]],
        venue: Venue,
        wall: Callable[[], datetime],
    ) -> None:
        self.unattended = venue.login == "unattended"
        self._connected = connected
        self._venue = venue
        self._wall = wall

    async def begin(self, state: str) -> Challenge | Grant:
        await self._step()
        if self.unattended:
            return self._let_in()
        return Challenge(
            kind=ChallengeKind.OTP,
            prompt="Enter the OTP",
            good_until=self._wall() + timedelta(minutes=5),
            fields=(Field(name="otp", label="OTP"),),
        )

    async def answer(
        self, challenge: Challenge, answers: Mapping[str, Secret]
    ) -> Challenge | Grant:
        await self._step()
        return self._let_in()

    async def refresh(self, grant: Grant) -> Grant:
        raise Unsupported("it renews no sessions")

    async def logout(self) -> None:
        await self._step()
        self._venue.end_session()

    def adopt(self, access_token: Secret, now: datetime) -> Grant:
        return granted(access_token.reveal(), now)

    async def _step(self) -> None:
        fault = await self._connected("login")
        if fault.ends == "silent":
            await trio.sleep_forever()
        await trio.sleep(fault.transit + fault.answer)
        if fault.ends == "lost":
            raise SentUnknown(fault.name)
        if fault.ends == "limited":
            raise RateLimited("slow down", fault.retry_after, 429)

    def _let_in(self) -> Grant:
        """A session; the one before it is over."""
        self._venue.end_session()
        return granted(token(self._venue), self._wall(), self._venue.life)
