"""The kill-switch and the breakers, by HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import trio

from actors.mailbox import MailboxError
from actors.messages import (
    CancelProgress,
    CloseProgress,
    EngageSwitch,
    ReadSwitch,
    ReleaseSwitch,
    SetBreaker,
    StoreDown,
    SwitchReport,
)
from ordo.doors import HALT
from ordo.http.bodies import BreakerBody, SwitchBody
from ordo.http.call import Call
from ordo.http.decoding import check_text, decode
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError, invalid
from ordo.http.views import stamp

SWITCH_SECONDS = 10.0


class Counts(msgspec.Struct, kw_only=True):
    """What a halt wanted done; what is neither done nor failed is under way."""

    wanted: int = 0
    done: int = 0
    failed: int = 0


class BrokerProgress(Counts, kw_only=True):
    """One broker's part: its cancels, and beside them its `closes` of positions.

    `failures` says which failed, or what is being tried again, and why.
    """

    broker: str
    closes: Counts
    failures: list[str]


class Progress(msgspec.Struct, kw_only=True):
    """How far what a halt wants done is; `brokers` are those that were told of it."""

    cancels: Counts
    closes: Counts
    brokers: list[BrokerProgress]


class SwitchView(msgspec.Struct, kw_only=True):
    """The kill-switch; `on_the_wire` holds ids of orders that left before it turned."""

    engaged: bool
    reason: str | None
    since: str | None
    by: str | None
    cancel_open: bool
    close_positions: bool
    on_the_wire: list[str]
    progress: Progress


class BreakerView(msgspec.Struct, kw_only=True):
    """A breaker: CLOSED, OPEN or HALF-OPEN, and whether somebody forced it."""

    broker: str
    state: str
    forced: bool


async def read_switch(call: Call) -> Reply:
    """How the kill-switch stands."""
    return Reply(data=_view(await _ask(call, ReadSwitch())))


async def turn_switch(call: Call) -> Reply:
    """Engage or release; a 200 to an engage is a promise that nothing new leaves."""
    body = decode(call.body, SwitchBody)
    if body.reason is not None:
        check_text(body.reason, "$.reason")
    if not body.engaged:
        return await _release(call, body)
    message = EngageSwitch(
        by=call.principal.id,
        reason=body.reason or "no reason given",
        cancel_open=body.cancel_open,
        close_positions=body.close_positions,
        request_id=call.request_id,
    )
    return Reply(data=_view(await _ask(call, message)))


async def _release(call: Call, body: SwitchBody) -> Reply:
    if call.principal.scope != "admin":
        raise ApiError("forbidden", "to release the kill-switch takes scope admin")
    for name in ("cancel_open", "close_positions"):
        if getattr(body, name):
            raise invalid(f"$.{name}", "goes with engaged: true only")
    if call.system.door.is_shut:
        raise ApiError(
            "conflict",
            f"the file {HALT} stands in the data directory: remove it first",
        )
    message = ReleaseSwitch(
        by=call.principal.id, reason=body.reason, request_id=call.request_id
    )
    return Reply(data=_view(await _ask(call, message)))


async def set_breaker(call: Call) -> Reply:
    """Force a broker's breaker, or let it decide."""
    body = decode(call.body, BreakerBody)
    name = call.path["broker"]
    mailbox = call.system.brokers.get(name)
    if mailbox is None:
        raise ApiError("not_found", f"no broker {name[:64]!r}")
    message = SetBreaker(
        state=body.state, by=call.principal.id, request_id=call.request_id
    )
    try:
        with trio.fail_after(SWITCH_SECONDS):
            report = await mailbox.ask(message, urgent=True)
    except (MailboxError, trio.TooSlowError):
        words = f"{name} does not answer; ask again"
        raise ApiError("overloaded", words) from None
    return Reply(
        data=BreakerView(
            broker=report.broker, state=report.breaker, forced=report.breaker_forced
        )
    )


async def _ask(
    call: Call, message: EngageSwitch | ReleaseSwitch | ReadSwitch
) -> SwitchReport:
    try:
        with trio.fail_after(SWITCH_SECONDS):
            answer = await call.system.killswitch.ask(message, urgent=True)
    except (MailboxError, trio.TooSlowError):
        engaged = call.system.trading.engaged
        now = "is engaged" if engaged else "is not engaged"
        words = f"the kill-switch does not answer; it {now}"
        raise ApiError("overloaded", words, data={"engaged": engaged}) from None
    if isinstance(answer, StoreDown):
        engaged = call.system.trading.engaged
        words = "it is engaged, until a restart" if engaged else "it was not turned"
        raise ApiError(
            "storage_unavailable",
            f"{words}, and could not be recorded: {answer.message}",
            data={"engaged": engaged},
        )
    return answer


def _view(report: SwitchReport) -> SwitchView:
    switch = report.switch
    return SwitchView(
        engaged=switch.engaged,
        reason=switch.reason,
        since=None if switch.since is None else stamp(switch.since),
        by=switch.by,
        cancel_open=switch.cancel_open,
        close_positions=switch.close_positions,
        on_the_wire=list(report.on_the_wire),
        progress=_progress(report),
    )


def _progress(report: SwitchReport) -> Progress:
    cancels, closes = report.progress, report.closes
    named = dict.fromkeys([part.broker for part in cancels])
    named |= dict.fromkeys([part.broker for part in closes])
    return Progress(
        cancels=_counts(cancels),
        closes=_counts(closes),
        brokers=[
            _of_broker(
                broker,
                [part for part in cancels if part.broker == broker],
                [part for part in closes if part.broker == broker],
            )
            for broker in named
        ],
    )


def _of_broker(
    broker: str, cancels: Sequence[CancelProgress], closes: Sequence[CloseProgress]
) -> BrokerProgress:
    counts = _counts(cancels)
    return BrokerProgress(
        broker=broker,
        wanted=counts.wanted,
        done=counts.done,
        failed=counts.failed,
        closes=_counts(closes),
        failures=[words for part in cancels for words in part.failures]
        + [words for part in closes for words in part.failures],
    )


def _counts(parts: Iterable[CancelProgress | CloseProgress]) -> Counts:
    counts = Counts()
    for part in parts:
        counts.wanted += part.wanted
        counts.done += part.done
        counts.failed += part.failed
    return counts
