"""Following the event stream: what was seen, when to connect again. No I/O."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import msgspec

from ordo_client.call import Call, Reply, path, query, retry_after_of
from ordo_client.errors import (
    OrdoError,
    ServerError,
    StorageUnavailable,
    Unreachable,
)
from ordo_client.gateway import Event
from ordo_client.reading import document, refusal
from ordo_client.sse import Message, Parser
from ordo_client.tries import Backoff, is_passing

SILENCE = 45.0
"""Seconds without a byte after which the stream is dead. Source: Ordo shows every 15
that it lives."""
FIRST, MOST = 1.0, 30.0
"""Seconds before a new connection: where Ordo did not say how many, and at most."""
GROWTH = (2.0, 64.0)
"""By how much those grow, while connecting fails; with jitter."""
KIND = "text/event-stream"
DECODER = msgspec.json.Decoder(Event, float_hook=Decimal)


class Following:
    """A reader's place in the stream, over all its connections.

    Args:
        brokers: leave out other brokers' events; those of no broker always come.
        after: the id of the last event seen; None for what comes next.
        give_up_after: seconds without a connection; None for never.
        clock: the time in seconds.
        rng: for the jitter.
    """

    def __init__(
        self,
        *,
        brokers: list[str] | None,
        after: int | None,
        give_up_after: float | None,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._parser = Parser("" if after is None else str(after))
        self._call: Call[object] = Call(
            "GET",
            path("events"),
            document,
            query=query(brokers=brokers),
            seconds=SILENCE,
        )
        self._give_up_after = give_up_after
        self._clock = clock
        self._backoff = Backoff(rng, *GROWTH)
        self._retry = FIRST
        self._down_since: float | None = None
        self._seen = after

    def connect(self) -> Call[object]:
        """What to ask for now."""
        self._parser = Parser(self._parser.last_id)
        headers = {"Accept": KIND, "Cache-Control": "no-store"}
        if self._parser.last_id:
            headers["Last-Event-ID"] = self._parser.last_id
        return replace(self._call, more_headers=headers)

    def check(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        """Whether this is the stream; *content* is read only where it is not.

        Raises:
            OrdoError: it is something else.
        """
        if status != 200:
            raise refusal(Reply(status, content, retry_after_of(headers)))
        kind = headers.get("Content-Type", "")
        if kind.partition(";")[0].strip().lower() != KIND:
            raise ServerError(f"wanted {KIND}, found {kind!r}", http_status=status)

    def received(self, chunk: bytes) -> Iterator[Event]:
        """The events that are whole now, each once.

        Raises:
            Unreachable: the chunk is empty: the stream has ended.
            ServerError: one cannot be read; the next connection goes on after it.
        """
        if not chunk:
            raise Unreachable("the stream ended")
        self._down_since = None
        self._backoff.reset()
        for message in self._parser.feed(chunk):
            if (event := self._event(message)) is not None:
                yield event
        self._retry = self._parser.retry or self._retry

    def lost(self, error: OrdoError) -> float:
        """How many seconds to wait before connecting again.

        Raises:
            OrdoError: it is of no use, or has taken too long already.
        """
        if not (is_passing(error) or isinstance(error, StorageUnavailable)):
            raise error
        now = self._clock()
        if self._down_since is None:
            self._down_since = now
        delay = min(MOST, self._retry * self._backoff.next())
        delay += error.retry_after or 0.0
        patience = self._give_up_after
        if patience is not None and now + delay > self._down_since + patience:
            raise error
        return delay

    def _event(self, message: Message) -> Event | None:
        """None for what tells of the stream itself, and for what was seen already."""
        if message.type.startswith("stream."):
            return None
        try:
            event = DECODER.decode(message.data)
        except (msgspec.DecodeError, ValueError) as exc:
            words = f"wanted an event, found {message.data[:80]!r}"
            raise ServerError(words) from exc
        seen, self._seen = self._seen, event.id
        return None if event.id == seen else event
