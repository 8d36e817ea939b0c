"""Orders leave from the registered address or not at all; in virtual time."""

from ipaddress import ip_address

import pytest
import trio

from actors.messages import (
    Admission,
    CancelOrder,
    Denial,
    EgressReport,
    Fetch,
    Fetched,
    ReadBroker,
)
from adapters import NotSent, OrderStatus, SentUnknown
from adapters.brokers.paper import Fault
from tests.support.gateway import (
    a_batch,
    an_order,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.memory_store import MemoryStore
from tests.support.stage import resting

OURS, OTHER = "203.0.113.7", "198.51.100.4"
MISMATCH = Denial(
    code="egress_mismatch",
    message=f"orders to one must leave from {OURS} (expect_ip), they would leave from"
    f" {OTHER}; mend brokers.one.egress or the network",
)


class World:
    """What the echo says, at which times it was asked, and how long it takes."""

    def __init__(self, says=OURS):
        self.says = says
        self.takes = 0.0
        self.asked = []

    async def look(self):
        self.asked.append(trio.current_time())
        await trio.sleep(self.takes)
        if isinstance(self.says, Exception):
            raise self.says
        return ip_address(self.says)


def gateway(world, paper=None, store=None):
    looks = {} if world is None else {"one": world.look}
    ports = {"one": paper or make_paper()}
    return make_system(ports, store, looks=looks, expect_ip=OURS)


async def order(system, key="key-1", **changes):
    return await place(system, a_batch("one", key=key, **changes))


def denial(answer):
    return answer.legs[0].answer


async def report(system):
    return (await system.brokers["one"].ask(ReadBroker())).egress


async def fetch(system):
    return await system.brokers["one"].ask(Fetch(kind="funds"))


async def cancel(system, order_id):
    message = CancelOrder(order_id=order_id, by="token:test")
    return await system.brokers["one"].ask(message, urgent=True)


async def test_from_the_registered_address_orders_go(autojump_clock):
    world = World()
    async with running(gateway(world)) as system:
        await trio.sleep(2)
        done = await order(system)
        told = await report(system)
    assert done.orders[0].status == "acked"
    assert told == EgressReport(
        state="ok",
        wanted=OURS,
        found=OURS,
        checked_at="2026-11-23T03:45:00Z",
        error=None,
    )


async def test_before_it_is_known_no_order_goes(autojump_clock):
    world = World()
    world.takes = 4
    async with running(gateway(world)) as system:
        await trio.sleep(3)
        early = denial(await order(system))
        told = await report(system)
        await trio.sleep(2)
        late = await order(system)
    assert early == Denial(
        code="egress_mismatch",
        message=f"orders to one must leave from {OURS} (expect_ip), and from where is"
        " not known yet: it is being asked",
        retry_after=1.0,
    )
    assert (told.state, told.found, told.checked_at) == ("unchecked", None, None)
    assert late.orders[0].status == "acked"


async def test_from_another_address_orders_are_denied_and_reads_and_cancels_go_on(
    autojump_clock,
):
    world, paper = World(), make_paper(fill="manual")
    async with running(gateway(world, paper)) as system:
        await trio.sleep(2)
        open_ = (await order(system, orders=(resting(),))).orders[0]
        world.says = OTHER
        await trio.sleep(600)
        assert denial(await order(system, key="key-2")) == MISMATCH
        told = await report(system)
        read = await fetch(system)
        cancelled = await cancel(system, open_.order_id)
    assert isinstance(read, Fetched)
    assert cancelled.record.status is OrderStatus.CANCELLED
    assert (told.state, told.found, told.wanted) == ("mismatch", OTHER, OURS)


async def test_it_is_looked_at_every_ten_minutes_and_sooner_while_it_is_wrong(
    autojump_clock,
):
    world = World()
    async with running(gateway(world)) as system:
        await trio.sleep(601)
        world.says = OTHER
        await trio.sleep(600)
        assert world.asked == [0, 600, 1200]
        world.says = OURS
        await trio.sleep(5)
        assert (await report(system)).state == "ok"
        await trio.sleep(1000)
    assert world.asked == [0, 600, 1200, 1205, 1805]


async def test_the_wait_while_it_is_wrong_doubles_up_to_a_minute(autojump_clock):
    world = World(OTHER)
    async with running(gateway(world)):
        await trio.sleep(200)
    assert world.asked == [0, 5, 15, 35, 75, 135, 195]


async def test_and_begins_anew_once_all_was_well(autojump_clock):
    world = World(OTHER)
    async with running(gateway(world)):
        await trio.sleep(100)
        world.says = OURS
        await trio.sleep(100)
        world.says = OTHER
        await trio.sleep(545)
    assert world.asked == [0, 5, 15, 35, 75, 135, 735, 740]


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (NotSent("connection refused"), "connection refused"),
        (SentUnknown("the echo answered HTTP 503"), "the echo answered HTTP 503"),
    ],
)
async def test_an_echo_that_says_nothing_at_the_start_keeps_orders_back(
    autojump_clock, says, why
):
    world = World(says)
    async with running(gateway(world)) as system:
        await trio.sleep(2)
        told = denial(await order(system))
        world.says = OURS
        await trio.sleep(5)
        done = await order(system)
    assert told.message.endswith(f"is not known yet: {why}")
    assert done.orders[0].status == "acked"


async def test_a_silent_echo_is_given_up_after_ten_seconds(autojump_clock):
    world = World()
    world.takes = 100
    async with running(gateway(world)) as system:
        await trio.sleep(11)
        told = await report(system)
    assert (told.state, told.error) == ("unchecked", "the echo gave no answer in 10 s")


async def test_an_echo_that_fails_later_does_not_stop_trading_and_is_shown(
    autojump_clock,
):
    world = World()
    async with running(gateway(world)) as system:
        await trio.sleep(2)
        world.says = NotSent("connection refused")
        await trio.sleep(600)
        done = await order(system)
        told = await report(system)
        world.says = OURS
        await trio.sleep(5)
        after = await report(system)
    assert done.orders[0].status == "acked"
    assert (told.state, told.error) == ("ok", "connection refused")
    assert (after.state, after.error) == ("ok", None)
    assert world.asked == [0, 600, 605]


async def test_and_one_that_fails_while_it_is_wrong_does_not_start_it(autojump_clock):
    world = World(OTHER)
    async with running(gateway(world)) as system:
        await trio.sleep(2)
        world.says = NotSent("connection refused")
        await trio.sleep(60)
        assert denial(await order(system)) == MISMATCH


async def test_with_nobody_to_ask_no_order_goes(autojump_clock):
    async with running(gateway(None)) as system:
        await trio.sleep(2)
        told = denial(await order(system))
    assert told.message.endswith("is not known yet: no echo to ask (address_echo)")


async def test_where_no_address_is_expected_any_will_do(autojump_clock):
    async with running(make_system({"one": make_paper()})) as system:
        await trio.sleep(2)
        done = await order(system)
        told = await report(system)
    assert (done.orders[0].status, told) == ("acked", None)


async def test_an_order_that_was_let_in_does_not_leave_once_the_address_is_wrong(
    autojump_clock,
):
    world, paper = World(), make_paper()
    paper.script.on("place", Fault.slow_connect(3))
    async with running(gateway(world, paper)) as system:
        await trio.sleep(598)
        world.says = OTHER
        done = await order(system)
    assert (done.orders[0].status, done.orders[0].error_code) == (
        "denied",
        "egress_mismatch",
    )
    assert paper._account.book.entries == {}


async def test_changes_are_audited_once_each(autojump_clock):
    world, store = World(), MemoryStore()
    async with running(gateway(world, store=store)):
        await trio.sleep(1300)
        world.says = OTHER
        await trio.sleep(1000)
        world.says = OURS
        await trio.sleep(100)
    told = [r.entry for r in store._audit if r.entry.action.startswith("egress.")]
    assert [entry.action for entry in told] == [
        "egress.ok",
        "egress.mismatch",
        "egress.ok",
    ]
    assert told[1].detail == {"wanted": OURS, "found": OTHER}
    assert told[1].broker == "one"


async def test_what_was_seen_outlives_a_crash_of_the_actor(autojump_clock):
    world = World()
    async with running(gateway(world)) as system:
        await trio.sleep(2)
        world.takes = 9
        system.brokers["one"].tell("no message at all")
        await trio.sleep(2)
        done = await order(system)
        restarts = system.restarts("one")
    assert (done.orders[0].status, restarts) == ("acked", 1)


async def test_a_dry_run_says_it_too(autojump_clock):
    world = World(OTHER)
    async with running(gateway(world)) as system:
        await trio.sleep(2)
        assert denial(await order(system, dry_run=True)) == MISMATCH
        world.says = OURS
        await trio.sleep(10)
        answer = await order(system, dry_run=True)
    assert isinstance(denial(answer), Admission)


async def test_a_market_order_from_the_wrong_address_is_told_the_address(
    autojump_clock,
):
    paper = make_paper()
    paper.script.on("quotes", Fault.refuse("E", "none"))
    async with running(gateway(World(OTHER), paper)) as system:
        await trio.sleep(2)
        market = an_order(type="MARKET", price=None)
        assert denial(await order(system, orders=(market,))) == MISMATCH
