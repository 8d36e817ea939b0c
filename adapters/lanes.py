"""The connections of one broker account: the last used goes first."""

from __future__ import annotations

import ssl
from collections import deque
from typing import NamedTuple

import trio

from adapters.errors import NotSent
from adapters.http1 import Http1
from adapters.streams import Way, open_stream

KEEPALIVE = 15.0
"""Seconds a connection may idle: fewer than brokers allow, so that an order never meets
a connection that its other end has just closed. Source: reliability.md, section 2."""


class Origin(NamedTuple):
    """Whom a connection leads to."""

    host: str
    port: int
    secure: bool


class Lane:
    """A connection in use, or idle since *since*."""

    __slots__ = ("http", "origin", "since")

    def __init__(self, origin: Origin, http: Http1) -> None:
        self.origin = origin
        self.http = http
        self.since = trio.current_time()


class Lanes:
    """Connections that leave by one egress.

    Args:
        egress: as `BrokerHttp`'s, checked.
        tls: what to trust.
        most: connections at one time.
        connect_timeout: seconds to connect, TLS included.
        pool_timeout: seconds to wait for one of `most`.
    """

    def __init__(
        self,
        egress: str,
        tls: ssl.SSLContext,
        *,
        most: int,
        connect_timeout: float,
        pool_timeout: float,
    ) -> None:
        self._egress = egress
        self._tls = tls
        self._most = most
        self._connect_timeout = connect_timeout
        self._pool_timeout = pool_timeout
        self._places = trio.Semaphore(most)
        self._busy: set[Lane] = set()
        self._idle: deque[Lane] = deque()  # the last used at the right

    async def take(self, origin: Origin) -> Lane:
        """A connection to *origin* that is the caller's until it gives it back.

        Raises:
            NotSent: there was none in time.
        """
        await self._place()
        try:
            lane = self._idle_one(origin) or await self._another(origin)
        except BaseException:
            self._places.release()
            raise
        self._busy.add(lane)
        return lane

    def give_back(self, lane: Lane) -> None:
        """Keep it for the next, or close it if its call has not come to its end."""
        self._busy.discard(lane)
        self._places.release()
        if lane.http.kept:
            lane.since = trio.current_time()
            self._idle.append(lane)
        else:
            lane.http.drop()

    async def aclose(self) -> None:
        """Close all of them."""
        for lane in (*self._idle, *self._busy):
            lane.http.drop()
        self._idle.clear()
        await trio.lowlevel.checkpoint()

    async def _place(self) -> None:
        try:
            self._places.acquire_nowait()
        except trio.WouldBlock:
            with trio.move_on_after(self._pool_timeout):
                await self._places.acquire()
                return
            raise NotSent(
                f"none of {self._most} connections was free in {self._pool_timeout:g} s"
            ) from None

    def _idle_one(self, origin: Origin) -> Lane | None:
        oldest = trio.current_time() - KEEPALIVE
        while self._idle and self._idle[0].since < oldest:
            self._idle.popleft().http.drop()
        for lane in reversed(self._idle):
            if lane.origin == origin:
                self._idle.remove(lane)
                if lane.http.is_quiet():
                    return lane
                lane.http.drop()
                return self._idle_one(origin)
        return None

    async def _another(self, origin: Origin) -> Lane:
        if len(self._busy) + len(self._idle) >= self._most:
            self._idle.popleft().http.drop()  # it leads elsewhere
        way = Way(self._egress, self._tls if origin.secure else None)
        with trio.move_on_after(self._connect_timeout):
            return Lane(origin, Http1(await open_stream(origin.host, origin.port, way)))
        raise NotSent(
            f"{origin.host}:{origin.port} took no connection"
            f" in {self._connect_timeout:g} s"
        )
