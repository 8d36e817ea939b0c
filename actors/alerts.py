"""Alerts: what calls for a person is told once, and told when it is over.

Some of it is news (a breaker opened, the kill-switch turned), some a state that lasts
(the store fails, an order stays unknown). An alert that cannot be delivered is tried a
few times and then left to the log: it must never hold up the next one.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import trio

from actors.clockwork import Wall
from actors.feed import Feed, Follower
from adapters import Event, PublishFailed, StoreFailed
from adapters.alerting import Alert, AlertPort, Severity

log = logging.getLogger("ordo.alerts")

QUIET = 900.0
"""Seconds for which the same news is not told again."""
LOOK_EVERY = 10.0
"""Seconds between looks at states that last."""
TRIES, FIRST_RETRY = 4, 2.0
ROOM = 100
"""Alerts that wait to be delivered; more are left to the log."""
PATIENCE = 30.0


class State(NamedTuple):
    """Something that lasts, and should not."""

    key: str
    title: str
    text: str
    severity: Severity = "critical"
    broker: str | None = None
    order_id: str | None = None


Look = Callable[[], Awaitable[Iterable[State]]]
"""Gives what is wrong right now."""


class Alerts:
    """Tells people.

    Args:
        feed: the news.
        looks: what lasts, asked again and again.
        channels: how people are reached.
        wall: for stamps.
        rng: for jitter.
    """

    def __init__(
        self,
        feed: Feed,
        looks: Sequence[Look],
        channels: Sequence[AlertPort],
        wall: Wall,
        rng: random.Random,
    ) -> None:
        self._feed = feed
        self._looks = looks
        self._channels = channels
        self._wall = wall
        self._rng = rng
        self._told: dict[str, float] = {}
        self._lasting: dict[str, State] = {}
        self._send, self._receive = trio.open_memory_channel[Alert](ROOM)
        self.undelivered = 0

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Watch and tell, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._deliver)
            nursery.start_soon(self._follow)
            nursery.start_soon(self._watch)
            task_status.started()

    async def _follow(self) -> None:
        follower: Follower | None = None
        while True:
            try:
                follower = follower or Follower(self._feed, await self._feed.last())
                for event in await follower.next():
                    if (state := state_of(event)) is not None:
                        self._news(state)
            except trio.EndOfChannel:
                return
            except StoreFailed:
                await trio.sleep(LOOK_EVERY)  # which the looks tell of

    def _news(self, state: State) -> None:
        """Tell it, unless the same was told lately; what is over ends that quiet."""
        now = trio.current_time()
        if state.severity == "resolved":
            if self._told.pop(state.key, None) is not None:
                self._tell(state)
            return
        if now - self._told.get(state.key, -QUIET) >= QUIET:
            self._told[state.key] = now
            self._tell(state)

    async def _watch(self) -> None:
        while True:
            found = {state.key: state for look in self._looks for state in await look()}
            for key, state in found.items():
                if key not in self._lasting:
                    self._tell(state)
            for key, state in self._lasting.items():
                if key not in found:
                    self._tell(state._replace(severity="resolved", text="it is over"))
            self._lasting = found
            await trio.sleep(LOOK_EVERY)

    def _tell(self, state: State) -> None:
        alert = Alert(
            key=state.key,
            severity=state.severity,
            at=self._wall(),
            title=state.title,
            text=state.text,
            broker=state.broker,
            order_id=state.order_id,
        )
        try:
            self._send.send_nowait(alert)
        except trio.WouldBlock:
            self.undelivered += 1
            words = f"{alert.title}: {alert.text}"
            log.error(  # noqa: TRY400 - no bug
                "an alert has no room: %s", words, extra={"event": "alert.no_room"}
            )

    async def _deliver(self) -> None:
        async for alert in self._receive:
            async with trio.open_nursery() as channels:
                for channel in self._channels:
                    channels.start_soon(self._through, channel, alert)

    async def _through(self, channel: AlertPort, alert: Alert) -> None:
        why = ""
        for number in range(TRIES):
            try:
                with trio.fail_after(PATIENCE):
                    await channel.send(alert)
            except (PublishFailed, trio.TooSlowError) as failure:
                why = str(failure) or f"no answer in {PATIENCE:g} s"
                wait = FIRST_RETRY * 2.0**number
                await trio.sleep(wait * self._rng.uniform(0.8, 1.2))
            else:
                return
        self.undelivered += 1
        log.error(
            "an alert was not delivered by %s: %s",
            channel.name,
            why,
            extra={"event": "alert.not_delivered"},
        )


def state_of(event: Event) -> State | None:
    """What an event means to a person; None for most."""
    detail: Mapping[str, object] = event.data
    name = event.broker or ""
    match event.type:
        case "breaker.changed" if detail.get("to") == "OPEN":
            words = f"{name} failed too often and is left alone: {detail.get('reason')}"
            return State(
                f"breaker:{name}", f"{name} is down", words, "critical", broker=name
            )
        case "breaker.changed" if detail.get("to") == "CLOSED":
            words = f"{name} answers again"
            return State(
                f"breaker:{name}", f"{name} is back", words, "resolved", broker=name
            )
        case "kill_switch.engaged":
            words = f"by {event.by}: {detail.get('reason')}"
            return State("kill-switch", "trading is halted", words)
        case "kill_switch.released":
            words = f"by {event.by}"
            return State("kill-switch", "trading is resumed", words, "resolved")
        case "session.expired":
            words = f"{detail.get('reason')}; run: ordo login {name}"
            key = f"session:{name}"
            return State(key, f"{name} wants a login", words, "warning", broker=name)
        case "order.resting":
            words = f"{event.order_id} ({detail.get('symbol')}): {detail.get('cause')}"
            return State(
                f"resting:{event.order_id}",
                f"a market order rests at {name}",
                f"{words}; change it to another price, or cancel it",
                "warning",
                broker=name,
                order_id=event.order_id,
            )
        case "order.filled" | "order.cancelled" | "order.rejected":
            return State(
                f"resting:{event.order_id}",
                f"a market order rests no more at {name}",
                f"it is {event.type.removeprefix('order.')}",
                "resolved",
                broker=name,
                order_id=event.order_id,
            )
        case "session.active":
            key = f"session:{name}"
            return State(key, f"{name} is logged in", "", "resolved", broker=name)
    return None
