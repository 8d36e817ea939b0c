"""One message from the console to its actor: built, confirmed, on record, delivered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import trio
from msgspec.structs import replace

from actors.mailbox import Mailbox, MailboxClosed, MailboxError, MailboxFull
from actors.messages import Commit, Committed, PlaceBatch
from actors.writer import tell
from adapters import AuditEntry, Note
from ordo.console.building import build
from ordo.console.registry import (
    BROKER,
    INTERNAL,
    MASTERS,
    ROUTER,
    SWITCH,
    Entry,
    names_for,
)
from ordo.console.registry import find as find_entry
from ordo.console.replies import Shown, shown, texts
from ordo.http.call import Call
from ordo.http.errors import ApiError
from ordo.http.placing import unanswered

if TYPE_CHECKING:
    from ordo.system import System

log = logging.getLogger("ordo.console")

ASKED = "console.asked"
RECORD_SECONDS = 6.0
"""For the record of a message to be on disk; a commit has five."""
MOST_SECONDS = 600.0
Way = Literal["ask", "tell"]


class Actor(NamedTuple):
    """An actor that takes messages by hand: its address, and what kind it is."""

    address: str
    taker: str
    broker: str | None
    mailbox: Mailbox


class Wanted(NamedTuple):
    """A message as it was asked for."""

    way: Way
    to: str
    message: str
    args: Sequence[str] = ()
    fields: Mapping[str, Any] | None = None
    seconds: float | None = None
    confirmed: bool = False


class Unconfirmed(Exception):
    """It wants a second look; *words* say what it would do. Nothing was delivered."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def actors_of(system: System) -> dict[str, Actor]:
    """The actors that take messages by hand, by their addresses."""
    found = [
        Actor(f"broker:{name}", BROKER, name, mailbox)
        for name, mailbox in system.brokers.items()
    ]
    found.append(Actor("router", ROUTER, None, system.router))
    found.append(Actor("kill-switch", SWITCH, None, system.killswitch))
    found.append(Actor("masters", MASTERS, None, system.masters))
    return {actor.address: actor for actor in found}


def entry_of(actor: Actor, name: str) -> tuple[Entry, dict[str, Any]]:
    """What an actor takes under that name, and the fields that the name sets.

    Raises:
        ApiError: `not_found`, or `forbidden` for what only actors send each other.
    """
    found = find_entry(actor.taker, name)
    if found is not None:
        return found
    for message, reason in INTERNAL.items():
        if message.__name__ == name:
            raise ApiError("forbidden", f"{name} is not sent by hand: {reason}")
    there = ", ".join(names_for(actor.taker))
    words = f"{actor.address} takes no {name[:64]!r}; it takes: {there}"
    raise ApiError("not_found", words)


async def deliver(call: Call, wanted: Wanted) -> Shown:
    """Send one message, and give its reply.

    Raises:
        ApiError: it was not delivered, or has no answer; the words say which.
        Unconfirmed: it was not delivered.
        StoreFailed: what it is about cannot be read.
    """
    actor = _actor(call.system, wanted.to)
    entry, preset = entry_of(actor, wanted.message)
    if wanted.way == "tell" and not entry.told:
        raise ApiError("bad_request", f"{entry.name} is asked, so that its end is seen")
    call = replace(call, path={} if actor.broker is None else {"broker": actor.broker})
    form = build(entry.form, wanted.args, preset | dict(wanted.fields or {}))
    message = await entry.make(form, call)
    words = entry.words(message)
    if words is not None and not wanted.confirmed:
        raise Unconfirmed(words)
    await _record(call, actor, entry, wanted.way, form, message)
    if wanted.way == "tell":
        return _told(actor, entry, message)
    return await _asked(actor, entry, message, _seconds(call, entry, form, wanted))


def _actor(system: System, address: str) -> Actor:
    actors = actors_of(system)
    if address not in actors:
        there = ", ".join(actors)
        raise ApiError("not_found", f"no actor {address[:64]!r}; there are: {there}")
    return actors[address]


def _seconds(call: Call, entry: Entry, form: msgspec.Struct, wanted: Wanted) -> float:
    if entry.seconds is None:
        if wanted.seconds is not None:
            raise ApiError("bad_request", "its time is its deadline_ms")
        given = getattr(form, "deadline_ms", None)
        return float(given or call.system.settings.orders.deadline_ms) / 1000
    if wanted.seconds is None:
        return entry.seconds
    if not 0 < wanted.seconds <= MOST_SECONDS:
        words = f"wanted more than 0 and at most {MOST_SECONDS:g} seconds"
        raise ApiError("bad_request", f"{words}, found {wanted.seconds:g}")
    return wanted.seconds


# On record ----------------------------------------------------------------------------


async def _record(
    call: Call,
    actor: Actor,
    entry: Entry,
    way: Way,
    form: msgspec.Struct,
    message: Any,
) -> None:
    """Say in the audit log what is about to be delivered.

    A halt and a cancel do not wait for it: theirs is queued before them. A read goes on
    where it cannot be stored, for then somebody has to look.

    Raises:
        ApiError: `storage_unavailable`; nothing is delivered.
    """
    audit = AuditEntry(
        actor=call.principal.id,
        action=ASKED,
        request_id=call.request_id,
        order_id=getattr(message, "order_id", None),
        broker=actor.broker,
        detail={
            "to": actor.address,
            "message": entry.name,
            "by": way,
            "fields": texts(form),
        },
    )
    note = Note(audit=(audit,))
    if entry.lessens:
        tell(call.system.writer, note)
        return
    failure = "no answer from the writer"
    try:
        with trio.move_on_after(RECORD_SECONDS):
            answer = await call.system.writer.ask(Commit(writes=(note,)))
            if isinstance(answer, Committed):
                return
            failure = answer.message
    except MailboxError as error:
        failure = str(error)
    if not entry.reads:
        words = f"it cannot be recorded, so it was not delivered: {failure}"
        raise ApiError("storage_unavailable", words)
    log.warning(
        "not recorded: %s asks %s of %s: %s",
        call.principal.id,
        entry.name,
        actor.address,
        failure,
        extra={"event": ASKED, "request_id": call.request_id},
    )


# Delivered ----------------------------------------------------------------------------


def _told(actor: Actor, entry: Entry, message: Any) -> Shown:
    try:
        actor.mailbox.tell(message, urgent=entry.urgent)
    except MailboxError as error:
        raise ApiError("overloaded", f"{error}; nothing was queued") from None
    return Shown(type="Told", reply={"to": actor.address}, status="success")


async def _asked(actor: Actor, entry: Entry, message: Any, seconds: float) -> Shown:
    try:
        with trio.fail_after(seconds):
            return shown(await actor.mailbox.ask(message, urgent=entry.urgent))
    except (MailboxFull, MailboxClosed) as error:
        raise ApiError("overloaded", f"{error}; nothing was queued") from None
    except (MailboxError, trio.TooSlowError):
        if isinstance(message, PlaceBatch):
            raise unanswered(message.key) from None
        end = "nothing changed" if entry.reads else "it may have been done"
        words = f"{actor.address} gave no answer in {seconds:g} s; {end}"
        raise ApiError(
            "overloaded", words, data={"may_be_done": not entry.reads}
        ) from None
