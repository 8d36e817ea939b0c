"""The client for asyncio and Trio."""

from __future__ import annotations

import random
from types import TracebackType
from typing import TypeVar

import anyio
import httpx

from ordo_client import calls
from ordo_client.async_events import AsyncEvents
from ordo_client.call import Call, Reply
from ordo_client.connecting import CA, address_of, reply_of, request_of, unreachable
from ordo_client.errors import Unreachable
from ordo_client.following import Following
from ordo_client.methods import async_method
from ordo_client.order import names
from ordo_client.tries import Tries, Wait

R = TypeVar("R")


class AsyncOrdo:
    """A running Ordo, to be awaited, on asyncio or Trio; closed by `async with`.

    Its methods are those of `Ordo`. A call that is cancelled may have arrived.

    Args:
        url: such as https://127.0.0.1:8443; default `ORDO_URL`.
        token: default `ORDO_API_TOKEN`.
        ca: the file of the CA to trust, or an `ssl.SSLContext`, such as one with a
            certificate of yours; default `ORDO_CA`, else what the system trusts.
        timeout: seconds for connecting, and for an answer; a call that may take longer
            at Ordo is given longer.
        retry_for: seconds after a first failure in which a call that is safe to repeat
            is tried again; 0 for never.
        transport: of httpx, for tests.

    Raises:
        ValueError: something is missing, or not usable.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        ca: CA | None = None,
        *,
        timeout: float = 10.0,
        retry_for: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        address = address_of(url, token, ca, timeout)
        self.url = address.url
        self._retry_for = retry_for
        self._rng = random.Random()  # noqa: S311 -- jitter, no secret
        self._http = httpx.AsyncClient(**address.options, transport=transport)

    place = async_method(calls.place)
    orders = async_method(calls.orders)
    order = async_method(calls.order)
    batch = async_method(calls.batch)
    modify = async_method(calls.modify)
    cancel = async_method(calls.cancel)
    cancel_all = async_method(calls.cancel_all)
    close_positions = async_method(calls.close_positions)
    simulate_fill = async_method(calls.simulate_fill)
    reconcile = async_method(calls.reconcile)
    reconcile_report = async_method(calls.reconcile_report)

    portfolio = async_method(calls.portfolio)
    positions = async_method(calls.positions)
    holdings = async_method(calls.holdings)
    funds = async_method(calls.funds)
    trades = async_method(calls.trades)
    orderbook = async_method(calls.orderbook)
    quotes = async_method(calls.quotes)
    depth = async_method(calls.depth)
    margin = async_method(calls.margin)

    instruments = async_method(calls.instruments)
    instrument = async_method(calls.instrument)
    masters = async_method(calls.masters)
    sync_instruments = async_method(calls.sync_instruments)

    sessions = async_method(calls.sessions)
    login = async_method(calls.login)
    verify = async_method(calls.verify)
    logout = async_method(calls.logout)

    kill_switch = async_method(calls.kill_switch)
    kill = async_method(calls.kill)
    release = async_method(calls.release)
    set_breaker = async_method(calls.set_breaker)
    status = async_method(calls.status)
    audit = async_method(calls.audit)
    health = async_method(calls.health)
    openapi = async_method(calls.openapi)

    def events(
        self,
        *,
        brokers: str | list[str] | None = None,
        after: int | None = None,
        give_up_after: float | None = None,
    ) -> AsyncEvents:
        """What happens, as it happens, over as many connections as it takes.

        As `Ordo.events`; `async with` closes it.
        """
        following = Following(
            brokers=None if brokers is None else names(brokers),
            after=after,
            give_up_after=give_up_after,
            clock=anyio.current_time,
            rng=self._rng,
        )
        return AsyncEvents(self._http, self.url, following)

    async def run(self, call: Call[R]) -> R:
        """Make a call: once, or again for as long as that is safe and of use.

        Raises:
            OrdoError: it came to nothing, or nobody knows what it came to.
        """
        tries = Tries(
            call, retry_for=self._retry_for, clock=anyio.current_time, rng=self._rng
        )
        while True:
            outcome = tries.judge(await self._ask(call))
            if not isinstance(outcome, Wait):
                return outcome
            await anyio.sleep(outcome.seconds)

    async def _ask(self, call: Call[R]) -> Reply | Unreachable:
        try:
            return reply_of(await self._http.send(request_of(self._http, call)))
        except httpx.HTTPError as exc:
            return unreachable(self.url, exc)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncOrdo:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"
