"""The way to the paper broker and back: how long it takes, and what gets lost."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import trio

from adapters.brokers.paper.faults import NO_FAULT, Fault
from adapters.brokers.paper.settings import PaperSettings
from adapters.model import Rejected
from adapters.ports import LastLook

T = TypeVar("T")

BAD_LUCK = Fault.refuse("RMS_REJECTED", "RMS: rejected by chance", in_book=True)
LOST = Fault.lose_answer()


class Wire:
    """Carries calls, as slow and as unreliable as the settings and each fault say.

    Args:
        rng: For jitter, `refuse_rate` and `fail_rate`.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        settings: PaperSettings,
        rng: random.Random,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._sleep = sleep

    async def call(
        self, fault: Fault, act: Callable[[], T], last_look: LastLook = lambda: None
    ) -> T | Rejected:
        """Take one call there and its answer back; *act* is what the broker does.

        Raises:
            Stopped: *last_look* said no.
            BrokerError: The fault's own.
        """
        pause = fault.after + self._settings.delay
        if self._settings.jitter:
            pause += self._settings.jitter * self._rng.random()
        await self._sleep(fault.connecting)
        if not fault.connects and fault.error is not None:
            raise fault.error()
        last_look()  # and no await from here to the book
        answer = act() if fault.carried_out else fault.refusal
        if pause:
            await self._sleep(pause)
        if not fault.answers:
            await trio.sleep_forever()
        if fault.error is not None:
            raise fault.error()
        return cast("T | Rejected", answer)

    def chance(self) -> Fault:
        """What bad luck the settings bring to a new order."""
        for rate, fault in (
            (self._settings.refuse_rate, BAD_LUCK),
            (self._settings.fail_rate, LOST),
        ):
            if rate and self._rng.random() < rate:
                return fault
        return NO_FAULT
