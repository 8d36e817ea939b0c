"""Completion: what may come next on a line, asked of Ordo itself, which knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from adapters import Store, StoreFailed
from adapters.instruments import Query
from ordo.console.delivery import Actor, actors_of
from ordo.console.helping import overview
from ordo.console.registry import ENTRIES, SHORT, find, names_for
from ordo.console.shapes import Place, item_of, places_of, shape_of, values_of

if TYPE_CHECKING:
    from ordo.system import System

COMMANDS = ("ask", "exit", "help", "ls", "tell", "watch")
MOST = 40
"""Words given at once; nobody reads more."""


async def complete(system: System, line: str) -> list[str]:
    """Words that the last one of *line* may become; those that end it bear a space."""
    words = line.split(" ")
    before, last = [word for word in words[:-1] if word], words[-1]
    found = await _candidates(system, before, last)
    return sorted({word for word in found if word.startswith(last)})[:MOST]


async def _candidates(system: System, before: list[str], last: str) -> Iterable[str]:
    match before:
        case []:
            return [f"{name} " for name in COMMANDS]
        case ["help"]:
            names = [entry.name for entry in ENTRIES]
            return [f"{name} " for name in [*names, *SHORT, *overview(system).internal]]
        case ["watch"]:
            return ["events "]
        case ["watch", "events", *_]:
            return _with_names("brokers=", last, system.broker_names)
        case ["ask" | "tell"]:
            return [f"{address} " for address in actors_of(system)]
        case ["ask" | "tell", address] if address in actors_of(system):
            return _messages(actors_of(system)[address], tells=before[0] == "tell")
        case ["ask" | "tell", address, message, *given] if address in actors_of(system):
            return await _fields(
                system, actors_of(system)[address], message, given, last
            )
    return []


def _messages(actor: Actor, *, tells: bool) -> list[str]:
    names = names_for(actor.taker)
    if tells:
        told = {entry.name for entry in ENTRIES if entry.told}
        names = [name for name in names if name in told]
    return [f"{name} " for name in names]


async def _fields(
    system: System, actor: Actor, message: str, given: list[str], last: str
) -> Iterable[str]:
    """The fields that are left, or the values of the one that is being typed."""
    found = find(actor.taker, message)
    if found is None:
        return []
    entry, preset = found
    places = {place.path: place for place in places_of(shape_of(entry.form))}
    path, equals, _ = last.partition("=")
    if equals:
        return await _values(system, places[path], last) if path in places else []
    done = {word.partition("=")[0] for word in given} | set(preset)
    return [f"{path}=" for path in places if path not in done]


async def _values(system: System, place: Place, last: str) -> Iterable[str]:
    name = place.path.rpartition(".")[2]
    start = f"{place.path}="
    if name in ("symbol", "symbols"):
        text = last.rpartition(",")[2].removeprefix(start)
        return _with_names(start, last, await _symbols(system, text))
    if name == "brokers":
        return _with_names(start, last, system.broker_names)
    if name == "order_id":
        return [f"{start}{order_id} " for order_id in await _open_orders(system)]
    few = list(values_of(place.type))
    if item_of(place.type) is not None:
        return _with_names(start, last, few)
    return [f"{start}{value} " for value in few]


def _with_names(start: str, last: str, names: Iterable[str]) -> list[str]:
    """A list's next item: what stands before the last comma stays."""
    if not last.startswith(start):
        return [start]
    before = last[: last.rindex(",") + 1] if "," in last else start
    taken = set(before.removeprefix(start).split(","))
    return [f"{before}{name}" for name in names if name not in taken]


async def _symbols(system: System, text: str) -> list[str]:
    """Symbols that begin so: of the masters, and of the open orders where none has."""
    exchange, colon, name = text.partition(":")
    query = Query(text=name if colon else exchange, limit=MOST)
    if colon:
        query = Query(text=name, exchange=exchange, limit=MOST)
    found: list[str] = []
    if query.text and system.with_masters():
        try:
            page = await system.instruments.search(query, system.with_masters())
        except ValueError:  # no word that can be looked for yet
            return []
        found = [each.instrument.symbol for each in page.found]
    return found + await _ordered(system)


async def _ordered(system: System) -> list[str]:
    """The symbols of the orders that are open."""
    return list(dict.fromkeys(symbol for _, symbol in await _unsettled(system)))


async def _open_orders(system: System) -> list[str]:
    return [order_id for order_id, _ in await _unsettled(system)]


async def _unsettled(system: System) -> list[tuple[str, str]]:
    """Id and symbol of every order that is open; none where they cannot be read."""
    brokers = list(system.broker_names)

    def read(store: Store) -> list[tuple[str, str]]:
        return [
            (row.order_id, row.order.symbol)
            for name in brokers
            for row in store.unsettled(name)
            if not row.is_settled
        ]

    try:
        return await system.records.read(read)
    except StoreFailed:
        return []
