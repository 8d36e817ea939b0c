"""The kill-switch and the breakers, by HTTP."""

from __future__ import annotations

import msgspec
import trio

from actors.mailbox import MailboxError
from actors.messages import (
    EngageSwitch,
    ReadSwitch,
    ReleaseSwitch,
    SetBreaker,
    StoreDown,
    SwitchReport,
)
from ordo.http.bodies import BreakerBody, SwitchBody
from ordo.http.call import Call
from ordo.http.decoding import check_text, decode
from ordo.http.envelope import Reply
from ordo.http.errors import ApiError, invalid
from ordo.http.views import stamp

SWITCH_SECONDS = 10.0


class Cancels(msgspec.Struct, kw_only=True):
    """Counts of the orders that a halt wanted cancelled."""

    wanted: int
    done: int
    failed: int


class BrokerCancels(Cancels, kw_only=True):
    """One broker's part of them."""

    broker: str


class Progress(msgspec.Struct, kw_only=True):
    """How far the cancels of a halt are."""

    cancels: Cancels
    brokers: list[BrokerCancels]


class SwitchView(msgspec.Struct, kw_only=True):
    """The kill-switch; `on_the_wire` holds ids of orders that left before it turned."""

    engaged: bool
    reason: str | None
    since: str | None
    by: str | None
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
    if body.close_positions:
        raise invalid(
            "$.close_positions", "squaring off by the switch is not in this version"
        )
    message = EngageSwitch(
        by=call.principal.id,
        reason=body.reason or "no reason given",
        cancel_open=body.cancel_open,
        request_id=call.request_id,
    )
    return Reply(data=_view(await _ask(call, message)))


async def _release(call: Call, body: SwitchBody) -> Reply:
    if call.principal.scope != "admin":
        raise ApiError("forbidden", "to release the kill-switch takes scope admin")
    for name in ("cancel_open", "close_positions"):
        if getattr(body, name):
            raise invalid(f"$.{name}", "goes with engaged: true only")
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
    switch, parts = report.switch, report.progress
    return SwitchView(
        engaged=switch.engaged,
        reason=switch.reason,
        since=None if switch.since is None else stamp(switch.since),
        by=switch.by,
        on_the_wire=list(report.on_the_wire),
        progress=Progress(
            cancels=Cancels(
                wanted=sum(part.wanted for part in parts),
                done=sum(part.done for part in parts),
                failed=sum(part.failed for part in parts),
            ),
            brokers=[
                BrokerCancels(
                    broker=part.broker,
                    wanted=part.wanted,
                    done=part.done,
                    failed=part.failed,
                )
                for part in parts
            ],
        ),
    )
