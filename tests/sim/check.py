"""The invariants of design.md, held against the brokers' own books."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from adapters import ZERO, BookStatus, OrderRecord, OrderStatus
from tests.sim.book import Entry
from tests.sim.clients import Told
from tests.sim.faults import COUNTED
from tests.sim.port import PER_MINUTE, PER_SECOND
from tests.sim.venue import Venue
from tests.sim.world import NEVER_THERE, World

S = OrderStatus
PAISA = Decimal("0.01")
AGREES = {
    BookStatus.OPEN: {S.ACKED, S.PARTIALLY_FILLED},
    BookStatus.FILLED: {S.FILLED, S.SETTLED},
    BookStatus.CANCELLED: {S.CANCELLED},
}


def check_safety(world: World, told: Told) -> None:
    """What holds at every moment, whatever goes wrong."""
    for venue in world.venues.values():
        venue.look()
        _once(world, venue)
        _known(world, venue)
        _windows(world, venue)
        _never_denied(world, venue, told)
        _breaker(world, venue)
    _halts(world, told)
    _batches(world, told)


def check_liveness(world: World) -> None:
    """What holds once faults have stopped for long enough."""
    tags = {
        (venue.name, entry.tag): entry
        for venue in world.venues.values()
        for entry in venue.entries.values()
    }
    for record in world.store._orders.values():
        entry = tags.get((record.broker, record.client_tag))
        _agrees(world, record, entry)
    _queues(world)


def _once(world: World, venue: Venue) -> None:
    """I1."""
    for tag, count in Counter(e.tag for e in venue.entries.values()).items():
        if count > 1:
            world.broken(f"I1 {venue.name}: {tag} is there {count} times")


def _known(world: World, venue: Venue) -> None:
    """I2."""
    tags = {r.client_tag for r in world.store._orders.values()}
    for entry in venue.entries.values():
        if entry.tag not in tags:
            world.broken(f"I2 {venue.name}: {entry.tag} has no row")


def _windows(world: World, venue: Venue) -> None:
    """I6, over restarts too."""
    times = [each.at for each in venue.departures]
    for width, most in ((1.0, PER_SECOND), (60.0, PER_MINUTE)):
        for index, start in enumerate(times):
            inside = 0
            for at in times[index:]:
                if at >= start + width:
                    break
                inside += 1
            if inside > most:
                world.broken(f"I6 {venue.name}: {inside} calls in {width:g} s")
                return


def _never_denied(world: World, venue: Venue, told: Told) -> None:
    """I4: none is refused by us, or by the broker, while the broker has it.

    Nor was a client ever told so: it would order again.
    """
    rows = {r.client_tag: r for r in world.store._orders.values()}
    for entry in venue.entries.values():
        row = rows.get(entry.tag)
        if row is not None and row.status in NEVER_THERE:
            world.broken(f"I4 {row.order_id} is {row.status}, and in {venue.name}")
        if row is not None and row.order_id in told.refused:
            world.broken(f"I4 {row.order_id} was told refused, and is in {venue.name}")


def _breaker(world: World, venue: Venue) -> None:
    """I12: rejects and pace alone never open it."""
    if sum(venue.faults.met[name] for name in COUNTED):
        return
    for record in world.store._audit:
        entry = record.entry
        if entry.action == "breaker.changed" and entry.broker == venue.name:
            world.broken(f"I12 {venue.name}: {entry.detail} without a failure")


def _halts(world: World, told: Told) -> None:
    """I7: what left between the answer and the release was on the wire before."""
    by_tag = {r.client_tag: r.order_id for r in world.store._orders.values()}
    for venue in world.venues.values():
        for each in venue.departures:
            if each.operation == "cancel":
                continue
            order_id = by_tag.get(each.tag, each.tag)
            for halt in told.halts:
                if halt.engaged < each.seq < halt.released:
                    world.broken(f"I7 {order_id} left while halted")


def _batches(world: World, told: Told) -> None:
    """I3, I5: what was acknowledged is stored, once."""
    batches: dict[str, list[str]] = defaultdict(list)
    for batch in world.store._batches.values():
        batches[batch.idempotency_key].append(batch.batch_id)
    for key, ids in batches.items():
        if len(ids) > 1:
            world.broken(f"I5 {key} made {len(ids)} batches")
    for key, heard in told.batches.items():
        if heard.batch_id not in world.store._batches:
            world.broken(f"I3 {key} was acknowledged and is lost")
        for order_id in heard.order_ids:
            if order_id not in world.store._orders:
                world.broken(f"I3 {order_id} was acknowledged and is lost")


def _agrees(world: World, record: OrderRecord, entry: Entry | None) -> None:
    """I3, I8: the row says what the broker says, to the paisa."""
    what = f"{record.order_id} at {record.broker}"
    if record.status is S.UNKNOWN and not world.venues[record.broker].tagged:
        world.undecided += 1  # two may be it: a person has to look
        return
    if entry is None:
        gone = {*NEVER_THERE, S.CANCELLED}
        if record.status not in gone:
            world.broken(f"I3 {what} is {record.status}, and the broker has none")
        return
    if record.status not in AGREES[entry.status]:
        world.broken(f"I3 {what} is {record.status}, there {entry.status}")
    if record.broker_order_id != entry.id:
        world.broken(f"I3 {what} is taken for {record.broker_order_id}, is {entry.id}")
    if record.filled_quantity != entry.filled:
        found = f"{record.filled_quantity} filled, there {entry.filled}"
        world.broken(f"I8 {what} has {found}")
    elif entry.fills and record.average_price != entry.average:
        world.broken(f"I8 {what} at {record.average_price}, there {entry.average}")
    _events_add_up(world, record)
    price = None if record.sent_as is None else record.sent_as.price
    if (price or record.order.price) != entry.order.price and (
        entry.status is BookStatus.OPEN
    ):
        world.broken(f"I3 {what} at {record.order.price}, there {entry.order.price}")


def _events_add_up(world: World, record: OrderRecord) -> None:
    """I8: the fills that were told, one by one, are the fills that there were."""
    fills = [
        (event.fill_quantity, event.fill_price)
        for event in world.store.events(record.order_id)
        if event.fill_quantity is not None and event.fill_price is not None
    ]
    units = sum((quantity for quantity, _ in fills), ZERO)
    value = sum((quantity * price for quantity, price in fills), ZERO)
    worth = record.filled_quantity * (record.average_price or ZERO)
    if units != record.filled_quantity or abs(value - worth) >= PAISA:
        found = f"{units} for {value}, not {record.filled_quantity} for {worth}"
        world.broken(f"I8 {record.order_id}: the fills told make {found}")


def _queues(world: World) -> None:
    """I11."""
    system = world.system
    if system is None:
        world.broken("I11 the gateway is down")
        return
    boxes = [system.writer, system.router, system.killswitch, *system.brokers.values()]
    for box in boxes:
        if box.depth or box.urgent_depth:
            world.broken(f"I11 {box.name} holds {box.depth + box.urgent_depth}")
    if system.trading.on_the_wire:
        world.broken(f"I11 on the wire: {system.trading.on_the_wire}")
