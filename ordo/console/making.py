"""From a form to a message, checked as HTTP checks it.

An actor trusts what it is sent: a name that it does not know would crash it. So nothing
goes to one by hand that could not have come from the API.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from actors.messages import (
    BeginLogin,
    CancelOpen,
    CancelOrder,
    ClosePositions,
    EngageSwitch,
    Fetch,
    FetchAll,
    ModifyOrder,
    PlaceBatch,
    ReadKind,
    ReleaseSwitch,
    SimulateFill,
    SyncInstruments,
    VerifyLogin,
)
from ordo.console.forms import (
    FetchAllForm,
    FetchForm,
    ModifyForm,
    SimulateForm,
    SyncForm,
)
from ordo.doors import HALT
from ordo.http import placing, sessions, squareoff
from ordo.http.accounts import MOST_SYMBOLS
from ordo.http.bodies import CancelBody, CloseBody, PlaceBody
from ordo.http.call import Call
from ordo.http.decoding import check_text
from ordo.http.errors import ApiError, invalid
from ordo.http.legs import SYMBOL, check_brokers, check_units, order_of
from ordo.http.modifying import ModifyBody, changes_of
from ordo.http.orders import path_id, stored
from ordo.http.simulate import fills_of

Maker = Callable[[Any, Call], Awaitable[Any]]
"""Makes a message of a form, or raises `ApiError`. The call's path names the `broker`
that it is for, where it is for one."""
MOST_REASON = 256
"""Characters. Source: as HTTP takes them."""


def as_it_is(message: type[msgspec.Struct]) -> Maker:
    """A maker that only adds who asks."""
    names = message.__struct_fields__

    async def make(form: msgspec.Struct, call: Call) -> msgspec.Struct:
        who = {"by": call.principal.id, "request_id": call.request_id}
        given = msgspec.structs.asdict(form)
        return message(**given, **{name: who[name] for name in who if name in names})

    return make


# Orders -------------------------------------------------------------------------------


async def place(form: PlaceBody, call: Call) -> PlaceBatch:
    """With key and fingerprint as of `POST /api/v1/orders`, whose retry it may be."""
    message = placing.message_of(call, form)
    placing.refuse_while_stopping(call)
    return message


async def close(form: CloseBody, call: Call) -> ClosePositions:
    """With key and fingerprint as of `POST /api/v1/positions/close`."""
    message = squareoff.close_message_of(call, form)
    placing.refuse_while_stopping(call)
    return message


async def modify(form: ModifyForm, call: Call) -> ModifyOrder:
    """The fields that were given."""
    order_id = _order_id(form.order_id, call)
    fields = msgspec.structs.asdict(form)
    del fields["order_id"]
    changes = changes_of(ModifyBody(**fields))
    found = await stored(call, order_id)
    if "quantity" in changes:
        check_units(changes["quantity"], found.record.order.symbol, "$.quantity")
    placing.refuse_while_stopping(call)
    return ModifyOrder(
        order_id=order_id,
        changes=changes,
        by=call.principal.id,
        request_id=call.request_id,
    )


async def cancel(form: Any, call: Call) -> CancelOrder:
    """Of one order; the router knows where it is."""
    return CancelOrder(
        order_id=_order_id(form.order_id, call),
        by=call.principal.id,
        request_id=call.request_id,
    )


async def cancel_open(form: CancelBody, call: Call) -> CancelOpen:
    """As `POST /api/v1/orders/cancel`."""
    return squareoff.cancel_message_of(call, form)


async def simulate(form: SimulateForm, call: Call) -> SimulateFill:
    """Fills that its market might have made; the broker says whether it has one."""
    order_id = _order_id(form.order_id, call)
    record = (await stored(call, order_id)).record
    if record.broker != call.path["broker"]:
        words = f"it is at {record.broker}, not at {call.path['broker']}"
        raise ApiError("conflict", f"order {order_id}: {words}")
    return SimulateFill(
        order_id=order_id,
        fills=fills_of(form, record),
        by=call.principal.id,
        request_id=call.request_id,
    )


def _order_id(text: str, call: Call) -> str:
    asked = msgspec.structs.replace(call, path={"order_id": text})
    return path_id(asked, "order_id", "order")


# The switch ---------------------------------------------------------------------------


async def engage(form: Any, call: Call) -> EngageSwitch:
    """Never refused for what is not its own."""
    _check_reason(form.reason)
    return EngageSwitch(
        by=call.principal.id,
        reason=form.reason,
        cancel_open=form.cancel_open,
        close_positions=form.close_positions,
        request_id=call.request_id,
    )


async def release(form: Any, call: Call) -> ReleaseSwitch:
    """Refused, as by HTTP, while the second door holds the switch."""
    _check_reason(form.reason)
    if call.system.door.is_shut:
        words = f"the file {HALT} stands in the data directory: remove it first"
        raise ApiError("conflict", words)
    return ReleaseSwitch(
        by=call.principal.id, reason=form.reason, request_id=call.request_id
    )


def _check_reason(reason: str | None) -> None:
    if reason is None:
        return
    check_text(reason, "$.reason")
    if not 1 <= len(reason) <= MOST_REASON:
        wanted = f"wanted 1 to {MOST_REASON} characters, found {len(reason)}"
        raise invalid("$.reason", wanted)


# Reads --------------------------------------------------------------------------------


async def fetch(form: FetchForm, call: Call) -> Fetch:
    """Of one broker."""
    symbols = _symbols(form.kind, form.symbols)
    if (form.kind == "margin") is not bool(form.orders):
        raise invalid("$.orders", "wanted for margin, and for nothing else")
    orders = []
    for index, order in enumerate(form.orders):
        if order.brokers is not None:
            words = f"the message goes to {call.path['broker']} already"
            raise invalid(f"$.orders[{index}].brokers", words)
        orders.append(order_of(order, f"$.orders[{index}]"))
    return Fetch(kind=form.kind, symbols=symbols, orders=tuple(orders))


async def fetch_all(form: FetchAllForm, call: Call) -> FetchAll:
    """Of several, side by side."""
    if form.kind == "margin":
        raise invalid("$.kind", "margin is asked of one broker: ask broker:NAME Fetch")
    known = call.system.broker_names
    check_brokers(form.brokers, known, "$.brokers")
    return FetchAll(
        kind=form.kind,
        brokers=tuple(form.brokers) or tuple(known),
        symbols=_symbols(form.kind, form.symbols),
    )


def _symbols(kind: ReadKind, symbols: Sequence[str]) -> tuple[str, ...]:
    """Those that a kind wants: some for quotes, one for depth, none for the others."""
    found = tuple(dict.fromkeys(symbols))
    most = {"quotes": MOST_SYMBOLS, "depth": 1}.get(kind, 0)
    if not min(1, most) <= len(found) <= most:
        wanted = f"wanted 1 to {most}" if most else f"{kind} wants none"
        raise invalid("$.symbols", f"{wanted}, found {len(found)}")
    for index, symbol in enumerate(found):
        if not SYMBOL.fullmatch(symbol):
            wanted = f"wanted EXCHANGE:NAME, found {symbol[:64]!r}"
            raise invalid(f"$.symbols[{index}]", wanted)
    return found


# Sessions -----------------------------------------------------------------------------


async def begin_login(form: Any, call: Call) -> BeginLogin:
    """Counted with those that come by HTTP."""
    sessions.count(call.throttles.logins, call.path["broker"], "log-ins begun")
    return BeginLogin(by=call.principal.id, request_id=call.request_id)


async def verify_login(form: Any, call: Call) -> VerifyLogin:
    """Counted with those that come by HTTP."""
    if not form.answers:
        raise invalid("$.answers", "wanted at least one, by the name of its field")
    sessions.count(call.throttles.codes, call.path["broker"], "answers given")
    return VerifyLogin(
        answers=form.answers,
        challenge_id=form.challenge_id,
        by=call.principal.id,
        request_id=call.request_id,
    )


# Masters ------------------------------------------------------------------------------


async def sync(form: SyncForm, call: Call) -> SyncInstruments:
    """Of brokers whose adapters have a master."""
    with_master = {
        name: None
        for brokers in call.system.with_masters().values()
        for name in brokers
    }
    check_brokers(form.brokers, with_master, "$.brokers")
    return SyncInstruments(
        brokers=tuple(form.brokers) or tuple(with_master),
        force=form.force,
        by=call.principal.id,
        request_id=call.request_id,
    )
