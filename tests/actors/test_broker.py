"""The broker actor's messages: admission, reads, status, the breaker by hand."""

from decimal import Decimal

import msgspec
import pytest
import trio

from actors.breaker import BreakerSettings
from actors.messages import (
    Admission,
    Admit,
    Denial,
    Fetch,
    Fetched,
    FetchFailed,
    ReturnSlot,
    SetBreaker,
)
from actors.session import Session
from actors.windows import regulatory
from adapters import RateLimited, SessionExpired
from adapters.brokers.paper import Fault
from tests.support.gateway import an_order, make_paper, wall
from tests.support.stage import Stage, resting


class Limited:
    """A port with capabilities of its own."""

    def __init__(self, inside, **can):
        self._inside = inside
        self.capabilities = msgspec.structs.replace(inside.capabilities, **can)

    def __getattr__(self, name):
        return getattr(self._inside, name)


async def fetch(stage, kind, within=5.0, **fields):
    with trio.fail_after(within):
        return await stage.mailbox.ask(Fetch(kind=kind, **fields))


# Admission


async def test_an_order_gets_a_slot_at_once_and_its_tag(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        message = Admit(order_id="ORDER1", order=an_order())
        assert await stage.mailbox.ask(message) == Admission(
            client_tag="ORDER1", slot=2.0
        )


async def test_where_no_slot_is_free_it_is_let_in_to_queue(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        slots = [(await stage.admit()).slot for _ in range(8)]
        assert slots == [2.0] * 7 + [None]


async def test_a_dry_run_takes_no_slot(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        message = Admit(order_id="ORDER1", order=an_order(), reserve=False)
        assert (await stage.mailbox.ask(message)).slot is None
        assert stage.limiter.headroom(2.0, 0).windows[0].used == 0


async def test_while_the_store_is_down_no_slot_is_taken(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        stage.health.failure = "disk full"
        assert (await stage.admit()).slot is None


async def test_a_slot_that_is_returned_is_free_again(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        slots = [(await stage.admit()).slot for _ in range(7)]
        stage.mailbox.tell(ReturnSlot(slot=slots[0]))
        assert (await stage.admit()).slot == 2.0
        assert (await stage.admit()).slot is None


@pytest.mark.parametrize(
    ("order", "code", "message"),
    [
        (
            an_order(symbol="NOWHERE:X"),
            "unsupported",
            "one has no exchange NOWHERE; it has NSE",
        ),
        (
            an_order(type="SL", trigger_price=812),
            "unsupported",
            "one has no type SL; it has LIMIT, MARKET",
        ),
        (
            an_order(product="MARGIN"),
            "unsupported",
            "one has no product MARGIN; it has CNC",
        ),
        (
            an_order(validity="IOC"),
            "unsupported",
            "one has no validity IOC; it has DAY",
        ),
        (
            an_order(quantity="1.5"),
            "invalid_quantity",
            "one trades whole units, was 1.5",
        ),
    ],
)
async def test_what_the_broker_cannot_do_is_said_before_anything_is_stored(
    autojump_clock, order, code, message
):
    port = Limited(
        make_paper(),
        exchanges=frozenset({"NSE"}),
        order_types=frozenset({"LIMIT", "MARKET"}),
        products=frozenset({"CNC"}),
        validities=frozenset({"DAY"}),
        fractional=False,
    )
    async with Stage(port).running() as stage:
        assert await stage.admit(order) == Denial(code=code, message=message)
        assert isinstance(await stage.admit(), Admission)


async def test_fractions_are_let_in_where_the_broker_trades_them(autojump_clock):
    async with Stage(Limited(make_paper(), fractional=True)).running() as stage:
        assert isinstance(await stage.admit(an_order(quantity="1.5")), Admission)


async def test_an_expired_session_closes_the_gate(autojump_clock):
    async with Stage().running() as stage:
        stage.session.expired("token is old")
        assert await stage.admit() == Denial(
            code="login_required",
            message="one wants a login (token is old); run: ordo login one",
        )


async def test_a_broker_never_logged_in_to_wants_a_login(autojump_clock):
    async with Stage(session=Session(required=True)).running() as stage:
        denial = await stage.admit()
        assert denial.code == "login_required"


async def test_an_open_breaker_closes_the_gate(autojump_clock):
    async with Stage().running() as stage:
        stage.breaker.force_open(2)
        assert await stage.admit() == Denial(
            code="broker_unavailable",
            message="one failed too often and is left alone; try in 30 s",
        )


# Reads


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("orderbook", 1),
        ("trades", 0),
        ("positions", 0),
        ("holdings", 0),
        ("funds", 1),
        ("quotes", 1),
    ],
)
async def test_each_kind_of_read_gives_its_rows(autojump_clock, kind, count):
    async with Stage().running() as stage:
        await stage.place(resting())
        answer = await fetch(stage, kind, symbols=("NSE:SBIN",))
        assert isinstance(answer, Fetched)
        assert len(answer.rows) == count
        assert (answer.broker, answer.attempts) == ("one", 1)


async def test_what_the_broker_cannot_tell_is_unsupported_and_costs_nothing(
    autojump_clock,
):
    async with Stage().running() as stage:
        answer = await fetch(stage, "depth", symbols=("NSE:SBIN",))
        words = "a paper broker has prices, and no depth behind them"
        assert answer.denial == Denial(code="unsupported", message=words)
        assert (await stage.report()).breaker == "CLOSED"


async def test_the_depth_of_no_symbol_is_no_reason_to_crash(autojump_clock):
    async with Stage().running() as stage:
        answer = await fetch(stage, "depth")
        assert answer.denial.code == "unsupported"
    assert stage.crashes == []


async def test_a_read_tells_its_tries_and_the_time_of_the_last(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("funds", Fault.connect_failure())
        stage.paper.script.on("funds", Fault.delay(0.25))
        answer = await fetch(stage, "funds")
        assert (answer.attempts, answer.latency_ms) == (2, 250.0)


async def test_a_refused_read_is_told_in_the_brokers_words(autojump_clock):
    async with Stage().running() as stage:
        refusal = Fault.refuse("E1", "no such account", http_status=400)
        stage.paper.script.on("funds", refusal)
        assert await fetch(stage, "funds") == FetchFailed(
            broker="one",
            denial=Denial(code="rejected", message="no such account"),
            broker_code="E1",
            broker_message="no such account",
            http_status=400,
            attempts=1,
        )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            SessionExpired("old", "S1", 401),
            ("session_expired", "S1", "old", 401, 1),
        ),
        (
            RateLimited("slow", 99, 429),
            ("deadline_exceeded", None, None, None, 1),
        ),
    ],
)
async def test_a_read_that_fails_tells_what_the_broker_said(
    autojump_clock, error, expected
):
    async with Stage(windows=[regulatory()]).running() as stage:
        fault = Fault(carried_out=False, error=lambda: error)
        stage.paper.script.on("funds", fault)
        answer = await fetch(stage, "funds")
        assert (
            answer.denial.code,
            answer.broker_code,
            answer.broker_message,
            answer.http_status,
            answer.attempts,
        ) == expected


async def test_a_read_ends_with_its_deadline_and_says_nothing_of_the_broker(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.paper.script.on("funds", Fault.never())
        with pytest.raises(trio.TooSlowError):
            await fetch(stage, "funds", within=5)
        assert trio.current_time() == 7
        await trio.sleep(0.1)
        assert stage.mailbox.in_hand == 0
        assert (await stage.report()).connection == "connected"


async def test_an_open_breaker_is_not_told_as_the_brokers_own_code(autojump_clock):
    async with Stage().running() as stage:
        stage.breaker.force_open(2)
        answer = await fetch(stage, "funds")
        assert answer.denial.code == "broker_unavailable"
        assert (answer.broker_code, answer.broker_message) == (None, None)
        assert answer.attempts == 0


# Status


async def test_the_report_of_a_broker_that_does_well(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        await stage.place(resting())
        report = await stage.report()
    assert report.broker == "one"
    assert report.adapter == "paper"
    assert report.connection == "connected"
    assert (report.breaker, report.breaker_forced) == ("CLOSED", False)
    assert (report.queue_depth, report.on_the_wire) == (0, 0)
    assert (report.open_orders, report.unknown_orders) == (1, 0)
    assert not report.recovering
    assert report.last_login_at == "2026-11-23T03:45:01.050000Z"
    assert report.last_call_at == "2026-11-23T03:45:02Z"
    assert report.rate_limit["windows"][0]["used"] == 1


async def test_a_broker_never_called_has_no_times(autojump_clock):
    async with Stage().running(up=0) as stage:
        report = await stage.report()
        assert (report.last_login_at, report.last_call_at) == (None, None)


async def test_the_report_counts_what_flies_and_what_waits(autojump_clock):
    async with Stage(windows=[regulatory()]).running() as stage:
        stage.paper.script.on("place", Fault.delay(2), times=None)
        async with trio.open_nursery() as orders:
            for _ in range(9):
                orders.start_soon(stage.place, resting())
            await trio.sleep(0.5)
            report = await stage.report()
        assert (report.on_the_wire, report.queue_depth) == (7, 2)
        assert report.open_orders == 9


async def test_the_connection_in_one_word(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=3, jitter=0))
    async with stage.running():
        assert (await stage.report()).connection == "connected"
        stage.paper.script.on("funds", Fault.refuse("E1", "no"))
        await fetch(stage, "funds")
        assert (await stage.report()).connection == "connected"
        stage.paper.script.on("funds", Fault.lose_request(), times=2)
        stage.paper.script.on("funds", Fault.session_expired())
        await fetch(stage, "funds")
        assert (await stage.report()).connection == "login_required"
        stage.session.answered(wall())
        assert (await stage.report()).connection == "degraded"
        stage.paper.script.on("funds", Fault.lose_request(), times=3)
        await fetch(stage, "funds")
        assert (await stage.report()).connection == "down"


async def test_a_book_that_cannot_be_read_degrades_the_connection(autojump_clock):
    async with Stage().running() as stage:
        stage.paper.script.on("order_book", Fault.refuse("E1", "no"), times=99)
        await stage.place(resting())
        await trio.sleep(2)
        assert (await stage.report()).connection == "degraded"


# The breaker by hand


def moves(stage):
    """The breaker's moves as audited: by whom, from, to, why."""
    return [
        (
            row.entry.actor,
            row.entry.detail["from"],
            row.entry.detail["to"],
            row.entry.detail["reason"],
        )
        for row in stage.store._audit
        if row.entry.action == "breaker.changed"
    ]


async def test_forced_open_it_lets_no_order_pass_until_it_is_released(autojump_clock):
    async with Stage().running() as stage:
        message = SetBreaker(state="OPEN", by="token:test")
        report = await stage.mailbox.ask(message)
        assert (report.breaker, report.breaker_forced) == ("OPEN", True)
        order = await stage.place()
        assert order.error_code == "broker_unavailable"
        await trio.sleep(400)
        assert (await stage.report()).breaker == "OPEN"
        await stage.mailbox.ask(SetBreaker(state="AUTO", by="token:test"))
        assert (await stage.place(resting())).status == "acked"
        assert moves(stage) == [
            ("token:test", "CLOSED", "OPEN", "forced_open"),
            ("token:test", "OPEN", "CLOSED", "automatic"),
        ]


async def test_released_where_it_had_tripped_it_is_proved_well_at_once(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=1, jitter=0))
    async with stage.running():
        stage.paper.script.on("funds", Fault.lose_request())
        await fetch(stage, "funds")
        await stage.mailbox.ask(SetBreaker(state="OPEN", by="token:test"))
        await stage.mailbox.ask(SetBreaker(state="AUTO", by="token:test"))
        await trio.sleep(2)
        assert (await stage.report()).breaker == "CLOSED"


async def test_one_that_reads_have_tripped_is_probed_when_its_cooldown_is_over(
    autojump_clock,
):
    """Not first with the next round, which is due after a minute."""
    stage = Stage(breaker=BreakerSettings(failures=3, cooldown=10, jitter=0))
    async with stage.running():
        stage.paper.script.on("funds", Fault.lose_request(), times=3)
        await fetch(stage, "funds")
        assert (await stage.report()).breaker == "OPEN"
        await trio.sleep(12)
        assert (await stage.report()).breaker == "CLOSED"


async def test_forced_closed_it_stays_closed_whatever_happens(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=1))
    async with stage.running():
        report = await stage.mailbox.ask(SetBreaker(state="CLOSED", by="token:test"))
        assert (report.breaker, report.breaker_forced) == ("CLOSED", True)
        stage.paper.script.on("place", Fault.lose_request())
        await stage.place(resting())
        assert (await stage.place(resting())).status == "acked"


async def test_it_opens_by_itself_and_says_so_in_the_audit(autojump_clock):
    stage = Stage(breaker=BreakerSettings(failures=1, jitter=0))
    async with stage.running():
        stage.paper.script.on("place", Fault.lose_request())
        await stage.place(resting())
        await trio.sleep(40)
        assert moves(stage) == [
            ("broker:one", "CLOSED", "OPEN", "failures"),
            ("broker:one", "OPEN", "HALF-OPEN", "cooldown_over"),
            ("broker:one", "HALF-OPEN", "CLOSED", "probes_succeeded"),
        ]


# What it does not know


async def test_a_message_of_no_kind_it_knows_crashes_it_and_the_next_one_serves(
    autojump_clock,
):
    async with Stage().running() as stage:
        stage.mailbox.tell("what?")
        await trio.sleep(2)
        assert len(stage.crashes) == 1
        assert (await stage.report()).broker == "one"


async def test_the_money_of_an_order_is_exact(autojump_clock):
    async with Stage().running() as stage:
        order = await stage.place(an_order(price="700.05", quantity="3"))
        assert order.order.price == Decimal("700.05")
