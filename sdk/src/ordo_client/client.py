"""The client for programs that wait for each answer."""

from __future__ import annotations

import random
import time
from types import TracebackType
from typing import TypeVar

import httpx

from ordo_client import calls
from ordo_client.call import Call, Reply
from ordo_client.connecting import CA, address_of, reply_of, request_of, unreachable
from ordo_client.errors import Unreachable
from ordo_client.events import Events
from ordo_client.following import Following
from ordo_client.methods import method
from ordo_client.order import names
from ordo_client.tries import Tries, Wait

R = TypeVar("R")


class Ordo:
    """A running Ordo. May be used by several threads; closed by `with` or `close()`.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        address = address_of(url, token, ca, timeout)
        self.url = address.url
        self._retry_for = retry_for
        self._rng = random.Random()  # noqa: S311 -- jitter, no secret
        self._http = httpx.Client(**address.options, transport=transport)

    place = method(calls.place)
    orders = method(calls.orders)
    order = method(calls.order)
    batch = method(calls.batch)
    modify = method(calls.modify)
    cancel = method(calls.cancel)
    cancel_all = method(calls.cancel_all)
    close_positions = method(calls.close_positions)
    simulate_fill = method(calls.simulate_fill)
    reconcile = method(calls.reconcile)
    reconcile_report = method(calls.reconcile_report)

    portfolio = method(calls.portfolio)
    positions = method(calls.positions)
    holdings = method(calls.holdings)
    funds = method(calls.funds)
    trades = method(calls.trades)
    orderbook = method(calls.orderbook)
    quotes = method(calls.quotes)
    depth = method(calls.depth)
    margin = method(calls.margin)

    instruments = method(calls.instruments)
    instrument = method(calls.instrument)
    masters = method(calls.masters)
    sync_instruments = method(calls.sync_instruments)

    sessions = method(calls.sessions)
    login = method(calls.login)
    verify = method(calls.verify)
    logout = method(calls.logout)

    kill_switch = method(calls.kill_switch)
    kill = method(calls.kill)
    release = method(calls.release)
    set_breaker = method(calls.set_breaker)
    status = method(calls.status)
    audit = method(calls.audit)
    health = method(calls.health)
    openapi = method(calls.openapi)

    def events(
        self,
        *,
        brokers: str | list[str] | None = None,
        after: int | None = None,
        give_up_after: float | None = None,
    ) -> Events:
        """What happens, as it happens, over as many connections as it takes.

        Args:
            brokers: leave out other brokers' events; those of no broker always come.
            after: the id of the last event seen, to miss none since; None for what
                comes next.
            give_up_after: seconds without a connection, after which its error is
                raised; None for never.
        """
        following = Following(
            brokers=None if brokers is None else names(brokers),
            after=after,
            give_up_after=give_up_after,
            clock=time.monotonic,
            rng=self._rng,
        )
        return Events(self._http, self.url, following)

    def run(self, call: Call[R]) -> R:
        """Make a call: once, or again for as long as that is safe and of use.

        Raises:
            OrdoError: it came to nothing, or nobody knows what it came to.
        """
        tries = Tries(
            call, retry_for=self._retry_for, clock=time.monotonic, rng=self._rng
        )
        while True:
            outcome = tries.judge(self._ask(call))
            if not isinstance(outcome, Wait):
                return outcome
            time.sleep(outcome.seconds)

    def _ask(self, call: Call[R]) -> Reply | Unreachable:
        try:
            return reply_of(self._http.send(request_of(self._http, call)))
        except httpx.HTTPError as exc:
            return unreachable(self.url, exc)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Ordo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"
