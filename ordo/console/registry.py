"""Which messages may be sent by hand, to whom, and which may not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import msgspec

from actors import messages as m
from ordo.console import confirming, making
from ordo.console.confirming import Words
from ordo.console.forms import (
    FetchAllForm,
    FetchForm,
    ModifyForm,
    SimulateForm,
    SyncForm,
    own_fields,
)
from ordo.console.making import Maker, as_it_is
from ordo.http.bodies import CancelBody, CloseBody, PlaceBody

BROKER, ROUTER, SWITCH, MASTERS = "broker", "router", "kill-switch", "masters"
READ_SECONDS, SWITCH_SECONDS, CANCEL_SECONDS = 10.0, 10.0, 15.0
RECONCILE_SECONDS, LOGIN_SECONDS, SYNC_SECONDS = 20.0, 45.0, 300.0
"""How long an ask waits. Source: as HTTP does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message that may be sent by hand.

    Attributes:
        message: its type.
        taker: who receives it: `broker` stands for each of them.
        form: what a person fills in.
        make: makes the message of that.
        seconds: how long an ask waits; None: by the form's `deadline_ms`.
        reads: it changes nothing, and is asked even where that cannot be recorded.
        lessens: a halt or a cancel: it waits for nothing, its record included.
        urgent: it goes before others in the mailbox.
        told: it may also be told: it does not need somebody who waits.
        words: what it would do, where it wants a second look.
    """

    message: type[msgspec.Struct]
    taker: str
    form: type[msgspec.Struct]
    make: Maker
    _: KW_ONLY
    seconds: float | None = READ_SECONDS
    reads: bool = False
    lessens: bool = False
    urgent: bool = False
    told: bool = False
    words: Words = confirming.nothing

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.message.__name__


def _plain(message: type[msgspec.Struct], taker: str, **more: Any) -> Entry:
    return Entry(message, taker, own_fields(message), as_it_is(message), **more)


def _made(message: type[msgspec.Struct], taker: str, make: Maker, **more: Any) -> Entry:
    return Entry(message, taker, own_fields(message), make, **more)


ENTRIES: tuple[Entry, ...] = (
    # The router
    Entry(
        m.PlaceBatch,
        ROUTER,
        PlaceBody,
        making.place,
        seconds=None,
        words=confirming.place,
    ),
    Entry(
        m.ClosePositions,
        ROUTER,
        CloseBody,
        making.close,
        seconds=None,
        words=confirming.close,
    ),
    Entry(
        m.ModifyOrder,
        ROUTER,
        ModifyForm,
        making.modify,
        seconds=None,
        words=confirming.modify,
    ),
    _made(
        m.CancelOrder,
        ROUTER,
        making.cancel,
        seconds=CANCEL_SECONDS,
        lessens=True,
        urgent=True,
        told=True,
    ),
    Entry(
        m.CancelOpen,
        ROUTER,
        CancelBody,
        making.cancel_open,
        seconds=CANCEL_SECONDS,
        lessens=True,
        urgent=True,
        told=True,
        words=confirming.cancel_open,
    ),
    Entry(m.FetchAll, ROUTER, FetchAllForm, making.fetch_all, reads=True),
    # A broker
    Entry(m.Fetch, BROKER, FetchForm, making.fetch, reads=True),
    _plain(m.ReadBroker, BROKER, reads=True, urgent=True),
    _plain(m.ReadSession, BROKER, reads=True, urgent=True),
    _plain(m.LookAtBook, BROKER, seconds=RECONCILE_SECONDS, told=True),
    _plain(m.Reconcile, BROKER, seconds=RECONCILE_SECONDS, told=True),
    _plain(
        m.SetBreaker,
        BROKER,
        seconds=SWITCH_SECONDS,
        urgent=True,
        told=True,
        words=confirming.set_breaker,
    ),
    Entry(
        m.SimulateFill, BROKER, SimulateForm, making.simulate, seconds=CANCEL_SECONDS
    ),
    _made(m.BeginLogin, BROKER, making.begin_login, seconds=LOGIN_SECONDS, urgent=True),
    Entry(
        m.VerifyLogin,
        BROKER,
        own_fields(m.VerifyLogin, without=frozenset({"state"})),  # a redirect's only
        making.verify_login,
        seconds=LOGIN_SECONDS,
        urgent=True,
    ),
    _plain(m.Logout, BROKER, seconds=LOGIN_SECONDS, urgent=True, told=True),
    # The kill-switch
    _made(
        m.EngageSwitch,
        SWITCH,
        making.engage,
        seconds=SWITCH_SECONDS,
        lessens=True,
        urgent=True,
        told=True,
        words=confirming.engage,
    ),
    _made(
        m.ReleaseSwitch,
        SWITCH,
        making.release,
        seconds=SWITCH_SECONDS,
        urgent=True,
        words=confirming.release,
    ),
    _plain(m.ReadSwitch, SWITCH, reads=True, urgent=True),
    # The masters
    Entry(
        m.SyncInstruments,
        MASTERS,
        SyncForm,
        making.sync,
        seconds=SYNC_SECONDS,
        told=True,
    ),
    _plain(m.ReadMasters, MASTERS, reads=True),
)

INTERNAL: Mapping[type[msgspec.Struct], str] = {
    m.Commit: "it writes to the store: whoever changes a record by hand breaks the "
    "promise that it tells what happened",
    m.PruneKeys: "a key that is forgotten early lets an order be sent twice",
    m.DropAudit: "it deletes audit files",
    m.Admit: "it takes a rate slot for an order that would never come",
    m.ReturnSlot: "a slot given back twice lets more leave than the broker allows",
    m.SendOrder: "it sends without an accept: nothing would know of the order, and a "
    "second one could follow it; place by PlaceBatch",
    m.ChangeOrder: "it goes past the checks before a change; ask the router for "
    "ModifyOrder",
    m.DownloadMaster: "it writes into a directory that it names; ask the masters for "
    "SyncInstruments",
    m.CancelProgress: "brokers tell the kill-switch how far they are",
    m.CloseProgress: "the closer tells the kill-switch how far it is",
}
"""Messages that only actors send each other, and what one by hand would break."""

SHORT: Mapping[str, str] = {
    "GetQuotes": "quotes",
    "GetDepth": "depth",
    "GetFunds": "funds",
    "GetPositions": "positions",
    "GetHoldings": "holdings",
    "GetTrades": "trades",
    "GetOrderbook": "orderbook",
    "GetMargin": "margin",
}
"""Names for `Fetch` and `FetchAll` with their `kind`."""


def taken_by(taker: str) -> Iterable[Entry]:
    """What may be sent to such an actor."""
    return (entry for entry in ENTRIES if entry.taker == taker)


def names_for(taker: str) -> list[str]:
    """The names of these, short ones too."""
    entries = list(taken_by(taker))
    short = [name for name in SHORT if find(taker, name) is not None]
    return [entry.name for entry in entries] + short


def find(taker: str, name: str) -> tuple[Entry, dict[str, Any]] | None:
    """The entry of that name for such an actor, and the fields that the name sets."""
    kind = SHORT.get(name)
    if kind is not None and not (taker == ROUTER and kind == "margin"):
        wanted: type[msgspec.Struct] = m.Fetch if taker == BROKER else m.FetchAll
        for entry in taken_by(taker):
            if entry.message is wanted:
                return entry, {"kind": kind}
    for entry in taken_by(taker):
        if entry.name == name:
            return entry, {}
    return None
