"""What events are told to: a message bus, a web hook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from adapters.errors import OrdoError
from adapters.events import Event

ENCODER = msgspec.json.Encoder(decimal_format="string")


class PublishFailed(OrdoError):
    """Not all of it arrived, or nobody knows; it is told again."""


class PublisherPort(Protocol):
    """Where events go. No tasks, no retries, no policy."""

    @property
    def name(self) -> str:
        """What its place among the events is stored under."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Have all *events* taken, those of one order in their order.

        Raises:
            PublishFailed: not all of them were; the same ones will be given again.
        """

    async def aclose(self) -> None: ...


def encoded(event: Event) -> bytes:
    """An event as the JSON that every publisher sends."""
    return ENCODER.encode(event)
