"""Market orders that went out protected, and rest: told once, and only those."""

from datetime import timedelta

import pytest
import trio

from actors.messages import CancelOrder
from actors.resting import LOOK_EVERY, waits_since
from adapters import (
    AuditQuery,
    OrderStatus,
    OrderType,
    SentAs,
    StoreFailed,
)
from tests.actors.test_alerts import Pager
from tests.contracts.writes import START as AT
from tests.contracts.writes import record
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.market import D
from tests.support.memory_store import MemoryStore

MARKET = an_order(type="MARKET", price=None)
STOP = an_order(type="SL-M", price=None, trigger_price=820)
LIMIT = an_order()
AFTER = 30
S = OrderStatus


async def placed(system, order=MARKET):
    done = await place(system, a_batch("one", orders=(order,)))
    return done.orders[0]


def resting(store):
    """The records that tell of orders that rest."""
    rows = store.audit(AuditQuery(limit=1000))
    return [row.entry for row in rows if row.entry.action == "order.resting"]


async def test_a_protected_order_that_is_not_filled_is_told_after_half_a_minute(
    autojump_clock,
):
    store = MemoryStore()
    ports = {"one": make_paper(fill="manual")}
    async with running(make_system(ports, store)) as system:
        order = await placed(system)
        await trio.sleep(AFTER - 0.5)
        assert resting(store) == []
        await trio.sleep(1)
        (entry,) = resting(store)
    assert (entry.order_id, entry.batch_id) == (order.order_id, order.batch_id)
    assert (entry.actor, entry.broker) == ("broker:one", "one")
    assert entry.detail == {
        "symbol": "NSE:SBIN",
        "side": "BUY",
        "quantity": "10",
        "filled_quantity": "0",
        "price": "816.15",
        "cause": "MARKET went out as a limit at 816.15, and is not filled after 30 s",
    }
    assert store.order(order.order_id).status is S.ACKED


async def test_it_is_told_once_also_over_restarts(autojump_clock):
    store, paper = MemoryStore(), make_paper(fill="manual")
    for _ in range(3):
        async with running(make_system({"one": paper}, store)) as system:
            if not resting(store):
                await placed(system)
            await trio.sleep(600)
    assert len(resting(store)) == 1


async def test_what_rests_since_before_a_restart_is_told_after_it(autojump_clock):
    store, paper = MemoryStore(), make_paper(fill="manual")
    async with running(make_system({"one": paper}, store)) as system:
        await placed(system)
        await trio.sleep(AFTER - 10)
    await trio.sleep(60)
    assert resting(store) == []
    async with running(make_system({"one": paper}, store)):
        await trio.sleep(LOOK_EVERY + 1)
    assert len(resting(store)) == 1


@pytest.mark.parametrize("order", [LIMIT, STOP], ids=["a limit", "a waiting stop"])
async def test_what_was_meant_to_wait_is_not_told(autojump_clock, order):
    store = MemoryStore()
    ports = {"one": make_paper(fill="manual")}
    async with running(make_system(ports, store)) as system:
        await placed(system, order)
        await trio.sleep(600)
    assert resting(store) == []


async def test_a_filled_and_a_cancelled_order_do_not_rest(autojump_clock):
    store = MemoryStore()
    ports = {"one": make_paper(fill="manual"), "two": make_paper()}
    async with running(make_system(ports, store)) as system:
        done = await place(system, a_batch("one", "two", orders=(MARKET,)))
        with trio.fail_after(20):
            cancel = CancelOrder(order_id=done.orders[0].order_id, by="token:1")
            await system.router.ask(cancel)
        await trio.sleep(600)
        stands = [store.order(each.order_id).status for each in done.orders]
    assert stands == [S.CANCELLED, S.FILLED]
    assert resting(store) == []


async def test_the_time_is_a_setting(autojump_clock):
    store = MemoryStore()
    system = make_system({"one": make_paper(fill="manual")}, store, rest_after=7)
    async with running(system):
        await placed(system)
        await trio.sleep(12)
    assert resting(store)[0].detail["cause"].endswith("not filled after 7 s")


async def test_a_store_that_cannot_be_read_puts_it_off(autojump_clock):
    store = MemoryStore()
    audit = store.audit

    def fails(query):
        raise StoreFailed("gone")

    ports = {"one": make_paper(fill="manual")}
    async with running(make_system(ports, store)) as system:
        await placed(system)
        store.audit = fails
        await trio.sleep(60)
        store.audit = audit
        assert resting(store) == []
        await trio.sleep(LOOK_EVERY + 1)
    assert len(resting(store)) == 1


async def test_it_is_an_alert_and_its_end_is_told(autojump_clock):
    store, pager = MemoryStore(), Pager()
    ports = {"one": make_paper(fill="manual")}
    system = make_system(ports, store, channels=(pager,))
    async with running(system):
        order = await placed(system)
        await trio.sleep(AFTER + 10)
        cancel = CancelOrder(order_id=order.order_id, by="token:1")
        with trio.fail_after(20):
            await system.router.ask(cancel)
        await trio.sleep(10)
    assert pager.told == [
        ("warning", "a market order rests at one"),
        ("resolved", "a market order rests no more at one"),
    ]
    assert pager.got[0].text == (
        f"{order.order_id} (NSE:SBIN): MARKET went out as a limit at 816.15, and is not"
        " filled after 30 s; change it to another price, or cancel it"
    )


async def test_the_end_of_an_order_that_never_rested_is_no_alert(autojump_clock):
    pager = Pager()
    system = make_system({"one": make_paper()}, channels=(pager,))
    async with running(system):
        await placed(system)
        await trio.sleep(120)
    assert pager.told == []


# Since when ---------------------------------------------------------------------------

AS_LIMIT = SentAs(type=OrderType.LIMIT, price=D(816), trigger_price=None)
AS_STOP = SentAs(type=OrderType.SL, price=D(824), trigger_price=D(820))
LATER = AT + timedelta(seconds=9)


@pytest.mark.parametrize(
    ("sent_as", "status", "since"),
    [
        (None, S.ACKED, None),
        (AS_LIMIT, S.PLACED, None),
        (AS_LIMIT, S.UNKNOWN, None),
        (AS_LIMIT, S.ACKED, AT),
        (AS_LIMIT, S.PARTIALLY_FILLED, AT),
        (AS_LIMIT, S.FILLED, None),
        (AS_LIMIT, S.CANCELLED, None),
        (AS_STOP, S.ACKED, None),
        (AS_STOP, S.PARTIALLY_FILLED, LATER),
    ],
)
def test_a_limit_counts_from_its_sending_and_a_stop_from_its_last_fill(
    sent_as, status, since
):
    one = record(
        1, status=status, sent_as=sent_as, sending_at=AT, updated_at=LATER, at=AT
    )
    assert waits_since(one) == since
