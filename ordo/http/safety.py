"""The kill-switch and the breakers, by HTTP."""

from __future__ import annotations

from typing import Any

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
from ordo.http.bodies import BreakerBody, SwitchBody, check_text, decode, invalid
from ordo.http.call import Call
from ordo.http.envelope import ApiError, Reply
from ordo.http.views import stamp

SWITCH_SECONDS = 10.0


async def read_switch(call: Call) -> Reply:
    """How the kill-switch stands."""
    call.only()
    return Reply(data=_view(await _ask(call, ReadSwitch())))


async def turn_switch(call: Call) -> Reply:
    """Engage or release; a 200 to an engage is a promise that nothing new leaves."""
    call.only()
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
    call.only()
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
    except (MailboxError, trio.TooSlowError) as error:
        raise ApiError("overloaded", f"{name} does not answer: {error}") from None
    return Reply(
        data={
            "broker": report.broker,
            "state": report.breaker,
            "forced": report.breaker_forced,
        }
    )


async def _ask(
    call: Call, message: EngageSwitch | ReleaseSwitch | ReadSwitch
) -> SwitchReport:
    try:
        with trio.fail_after(SWITCH_SECONDS):
            answer = await call.system.killswitch.ask(message, urgent=True)
    except (MailboxError, trio.TooSlowError) as error:
        words = f"the kill-switch does not answer: {error}"
        raise ApiError("overloaded", words) from None
    if isinstance(answer, StoreDown):
        engaged = call.system.trading.engaged
        words = "it is engaged, until a restart" if engaged else "it was not turned"
        raise ApiError(
            "storage_unavailable",
            f"{words}, and could not be recorded: {answer.message}",
            data={"engaged": engaged},
        )
    return answer


def _view(report: SwitchReport) -> dict[str, Any]:
    switch = report.switch
    parts = report.progress
    return {
        "engaged": switch.engaged,
        "reason": switch.reason,
        "since": None if switch.since is None else stamp(switch.since),
        "by": switch.by,
        "on_the_wire": list(report.on_the_wire),
        "progress": {
            "cancels": {
                "wanted": sum(part.wanted for part in parts),
                "done": sum(part.done for part in parts),
                "failed": sum(part.failed for part in parts),
            },
            "brokers": [
                {
                    "broker": part.broker,
                    "wanted": part.wanted,
                    "done": part.done,
                    "failed": part.failed,
                }
                for part in parts
            ],
        },
    }
