"""A broker that has to be logged in to, in virtual time: a paper account, a door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import trio

from adapters import (
    Challenge,
    ChallengeKind,
    Depth,
    Field,
    Grant,
    Level,
    LoginRefused,
    Margin,
    Order,
    OrdoError,
    SessionExpired,
    Unsupported,
)
from adapters.brokers.paper import PaperBroker
from adapters.login import REDIRECT_URL
from adapters.secret import Secret
from tests.support.gateway import make_paper, wall

OTP, TOKEN = "482913", "TOKEN-1"
LIFE = timedelta(hours=8)


class Door:
    """A log-in by OTP, or by redirect; `said` holds what it was asked, in order."""

    def __init__(self, port: Guarded, *, kind: ChallengeKind) -> None:
        self.said: list[str] = []
        self.unattended = False
        self.fails_with: OrdoError | None = None
        self.takes = 0.0
        self._kind = kind
        self._port = port

    async def begin(self, state: str) -> Challenge | Grant:
        await self._step("begin")
        if self.unattended:
            return self.adopt(Secret(TOKEN), wall())
        redirect = self._kind is ChallengeKind.REDIRECT
        return Challenge(
            kind=self._kind,
            prompt="Enter the OTP",
            good_until=wall() + timedelta(minutes=5),
            fields=() if redirect else (Field(name="otp", label="OTP"),),
            login_url=f"https://broker.test/login?state={state}" if redirect else None,
            memo={"state": Secret(state)},
        )

    async def answer(
        self, challenge: Challenge, answers: Mapping[str, Secret]
    ) -> Challenge | Grant:
        await self._step("answer")
        if REDIRECT_URL in answers:
            return self.adopt(Secret(TOKEN), wall())
        if answers["otp"] != Secret(OTP):
            raise LoginRefused("MA500", "wrong OTP, 2 attempts remaining", again=True)
        return self.adopt(Secret(TOKEN), wall())

    async def refresh(self, grant: Grant) -> Grant:
        raise Unsupported("it renews no sessions")

    async def logout(self) -> None:
        await self._step("logout")

    def adopt(self, access_token: Secret, now: datetime) -> Grant:
        return Grant(access_token=access_token, issued_at=now, expires_at=now + LIFE)

    async def _step(self, name: str) -> None:
        self.said.append(name)
        await trio.sleep(self.takes)
        if self.fails_with is not None:
            raise self.fails_with


class Guarded:
    """A paper broker whose every call wants the grant in force.

    Attributes:
        good: the tokens that it takes.
        used: the grants that it was told to use, in order.
        calls: the names of the calls made, in order.
    """

    def __init__(self, kind: ChallengeKind = ChallengeKind.OTP) -> None:
        self.paper: PaperBroker = make_paper()
        self.door = Door(self, kind=kind)
        self.good = {TOKEN}
        self.used: list[Grant | None] = []
        self.calls: list[str] = []
        self._after = 0.0

    @property
    def login(self) -> Door:
        return self.door

    def answers_after(self, seconds: float) -> None:
        """How long calls take from now on."""
        self._after = seconds

    def use(self, grant: Grant | None) -> None:
        self.used.append(grant)

    async def depth(self, symbol: str) -> Depth:
        best = Level(price=Decimal("811.9"), quantity=Decimal(100), orders=3)
        return Depth(symbol=symbol, bids=(best,), asks=(), last_price=Decimal(812))

    async def margin(self, orders: Sequence[Order]) -> Margin:
        amounts = (order.quantity * (order.price or 0) for order in orders)
        return Margin(required=sum(amounts, Decimal(0)))

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.paper, name)
        if name not in CALLS:
            return inner

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            grant = self.used[-1] if self.used else None
            await trio.sleep(self._after)
            if grant is None or grant.access_token.reveal() not in self.good:
                raise SessionExpired("the token is dead", "401", 401)
            return await inner(*args, **kwargs)

        return call


CALLS = frozenset(
    {
        *("place", "modify", "cancel", "order_book", "order_by_tag", "check"),
        *("trades", "positions", "holdings", "funds", "quotes"),
    }
)
