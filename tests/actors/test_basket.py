"""The funds of one request: each leg fits alone, but do they fit together?"""

from contextlib import asynccontextmanager

import msgspec
import pytest
import trio

from actors.fanout import FanOut
from actors.messages import CheckSkipped, Denial
from actors.pretrade import PreTrade
from adapters import Side
from tests.actors.test_checks import position
from tests.support.desk import Teller, a_margin, some_funds
from tests.support.gateway import (
    a_batch,
    an_order,
    make_clockwork,
    make_paper,
    make_system,
    place,
    running,
)
from tests.support.market import Able, D, an_index, an_instrument, an_option, the_table

OPTION = "NFO:NIFTY28NOV2625000CE"
BUY = an_order()
"""8130 rupees: ten at 813."""
INFY = an_order(symbol="NSE:INFY", price=1000)
"""10000 rupees."""
FUTURE = an_order(symbol=OPTION, quantity=65, price=100, product="MARGIN")
HEDGE = msgspec.structs.replace(FUTURE, side=Side.SELL)
GAP = "the broker does not answer"


class Paying:
    """The checks of one broker's legs, as a request meets them."""

    def __init__(self, mode=True, **desk):
        self.teller = Teller()
        index = an_index(an_instrument(), an_instrument("NSE:INFY"), an_option())
        self.desk = self.teller.desk(index, **desk)
        self.fanout = FanOut(
            {}, make_clockwork(), PreTrade({"one": self.desk}, the_table(), mode)
        )

    async def of(self, *orders, cut=False, within=10.0, **changes):
        """The verdicts."""
        batch = a_batch("one", orders=orders, **changes)
        legs = tuple(msgspec.structs.replace(leg, cut=cut) for leg in batch.legs)
        batch = msgspec.structs.replace(batch, legs=legs)
        glances = self.fanout.glance(batch)
        deadline, began = trio.current_time() + within, trio.current_time()
        verdicts = await self.fanout._settle(glances.legs, deadline)
        await self.fanout._check_funds(glances.message, verdicts, deadline, began)
        return verdicts

    async def codes(self, *orders, **changes):
        return [code_of(verdict) for verdict in await self.of(*orders, **changes)]

    def margins(self, *required, together, there=1000):
        """What orders block: each alone by its quantity, several *together*."""
        alone = dict(required)

        def say(fetch):
            if len(fetch.orders) > 1:
                return (a_margin(together, there),)
            return (a_margin(alone[fetch.orders[0].quantity], there),)

        self.teller.says["margin"] = say


def code_of(verdict):
    return None if verdict.denial is None else verdict.denial.code


@asynccontextmanager
async def paying(**desk):
    checks = Paying(**desk)
    async with checks.teller.answering():
        yield checks


def margin_order(quantity, **changes):
    return msgspec.structs.replace(FUTURE, quantity=D(quantity), **changes)


ONE, TWO, THREE = (margin_order(quantity) for quantity in (65, 130, 195))


# Cash


async def test_two_buys_that_fit_alone_and_not_together_deny_the_later(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(15_000),)
        first, second = await checks.of(BUY, INFY)
    assert first.denial is None
    assert second.denial == Denial(
        code="insufficient_funds",
        message="it needs 10000.00 INR, there is 15000.00, of which the orders before"
        " it take 8130.00",
    )


async def test_what_a_denied_leg_would_have_taken_is_there_for_the_next(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(17_000),)
        dear = an_order(quantity=20)  # 16260
        codes = await checks.codes(INFY, dear, an_order(quantity=8))  # 6504
    assert codes == [None, "insufficient_funds", None]


async def test_the_account_is_asked_once_for_all(autojump_clock):
    async with paying() as checks:
        assert await checks.codes(BUY, INFY, BUY) == [None, None, None]
        assert checks.teller.kinds == ["funds"]
        checks.teller.says["funds"] = (some_funds(0),)
        assert await checks.codes(BUY, INFY) == [None, None]  # a yes of a moment ago
        assert checks.teller.kinds == ["funds"]


async def test_a_no_is_said_on_fresh_figures_only(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(9000),)
        await checks.of(BUY)
        await trio.sleep(2)
        checks.teller.says["funds"] = (some_funds(20_000),)  # money came in
        assert await checks.codes(BUY, INFY) == [None, None]
    assert checks.teller.kinds == ["funds", "funds"]


async def test_sales_of_holdings_take_nothing(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(9000),)
        sale = an_order(side="SELL", symbol="NSE:INFY", quantity=1000, price=1000)
        assert await checks.codes(sale, BUY) == [None, None]


async def test_a_leg_that_is_denied_otherwise_takes_nothing(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(9000),)
        off_tick = an_order(price="813.01")
        codes = await checks.codes(off_tick, BUY)
    assert codes == ["invalid_price", None]


async def test_market_buys_are_summed_at_their_protected_prices(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(16_341),)
        market = an_order(type="MARKET", price=None)  # 8171
        codes = await checks.codes(market, market)
    assert codes == [None, "insufficient_funds"]


async def test_buys_that_wait_for_sells_are_not_summed(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(0),)
        sale = an_order(side="SELL", symbol="NSE:INFY", price=1000)
        assert await checks.codes(sale, BUY, BUY, sequential=True) == [None, None, None]
    assert checks.teller.kinds == []


async def test_what_only_closes_positions_is_not_summed(autojump_clock):
    async with paying() as checks:
        checks.teller.says["funds"] = (some_funds(0),)
        assert await checks.codes(BUY, BUY, exits=True) == [None, None]


async def test_without_funds_checks_none_are_made(autojump_clock):
    async with paying(mode=False) as checks:
        checks.teller.says["funds"] = (some_funds(0),)
        assert await checks.codes(BUY, BUY) == [None, None]
    assert checks.teller.kinds == []


# Margin


async def test_what_fits_together_takes_one_call(autojump_clock):
    async with paying(margin=True) as checks:
        assert await checks.codes(FUTURE, HEDGE, FUTURE) == [None, None, None]
    assert checks.teller.asked == [("margin", (FUTURE, HEDGE, FUTURE))]


async def test_a_hedge_that_makes_it_fit_is_counted(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 900), (130, 900), together=950)
        assert await checks.codes(ONE, TWO) == [None, None]


async def test_two_that_fit_alone_and_not_together_deny_the_later(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 600), (130, 500), (195, 400), together=1500)
        first, second, third = await checks.of(ONE, TWO, THREE)
    assert (first.denial, third.denial) == (None, None)
    assert second.denial.message == (
        "it needs 500.00 INR, there is 1000.00, of which the orders before it take"
        " 600.00"
    )


async def test_two_of_a_kind_count_twice(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 600), together=1200)
        assert await checks.codes(ONE, ONE) == [None, "insufficient_funds"]


async def test_alone_means_alone_also_where_some_of_them_would_fit(autojump_clock):
    async with paying(margin=True) as checks:

        def say(fetch):
            return (a_margin(400 * len(fetch.orders), 1000),)

        checks.teller.says["margin"] = say
        codes = await checks.codes(ONE, TWO, ONE)
    assert codes == [None, None, "insufficient_funds"]


async def test_a_broker_that_reckons_one_order_at_a_time_is_summed_here(autojump_clock):
    several = Denial(code="unsupported", message="margin: wanted at most 1 orders")
    async with paying(margin=True) as checks:

        def say(fetch):
            return several if len(fetch.orders) > 1 else (a_margin(600, 1000),)

        checks.teller.says["margin"] = say
        assert await checks.codes(ONE, TWO) == [None, "insufficient_funds"]


@pytest.mark.parametrize(
    ("there", "codes"), [(1000, None), (999, "insufficient_funds")]
)
async def test_what_the_margin_does_not_tell_the_funds_do(autojump_clock, there, codes):
    async with paying(margin=True) as checks:
        checks.margins((65, 500), (130, 500), together=1000, there=None)
        checks.teller.says["funds"] = (some_funds(there),)
        assert await checks.codes(ONE, TWO) == [None, codes]


async def test_exits_are_never_refused_and_take_nothing(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 600), (130, 600), together=1800)
        checks.teller.says["positions"] = (
            position(130, symbol=OPTION, product="MARGIN"),
        )
        exit_ = msgspec.structs.replace(TWO, side=Side.SELL)
        assert await checks.codes(exit_, ONE) == [None, None]


async def test_exits_together_are_none_beyond_what_is_held(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 600), together=1800)
        checks.teller.says["positions"] = (
            position(130, symbol=OPTION, product="MARGIN"),
        )
        exits = [msgspec.structs.replace(ONE, side=Side.SELL)] * 4
        codes = await checks.codes(*exits)
    assert codes == [None, None, None, "insufficient_funds"]


async def test_where_positions_cannot_be_read_nobody_says_it_is_no_exit(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 600), (130, 600), together=1200)
        down = Denial(code="broker_unavailable", message=GAP)
        checks.teller.says["positions"] = down
        verdicts = await checks.of(ONE, TWO)
    gap = CheckSkipped(check="funds", reason=GAP)
    assert [(each.denial, each.skipped) for each in verdicts] == [(None, (gap,))] * 2


async def test_a_no_on_margins_of_some_seconds_ago_is_asked_for_again(autojump_clock):
    async with paying(margin=True) as checks:
        checks.margins((65, 600), (130, 500), together=1500)
        assert await checks.codes(ONE, TWO) == [None, "insufficient_funds"]
        await trio.sleep(2)
        checks.margins((65, 600), (130, 500), together=900)
        assert await checks.codes(ONE, TWO) == [None, None]


async def test_a_replay_asks_no_broker_what_there_is(autojump_clock):
    paper = make_paper(prices={"NSE:SBIN": 812, "NSE:INFY": 1000})
    index = an_index(an_instrument(), an_instrument("NSE:INFY"))
    ports = {"one": Able(paper, simulated=False)}
    message = a_batch("one", orders=(BUY, INFY))
    async with running(make_system(ports, index=index)) as system:
        await trio.sleep(2)
        first = await place(system, message)
        assert paper.script.calls["funds"] == 1
        await trio.sleep(10)
        again = await place(system, message)
        assert paper.script.calls["funds"] == 1
    assert (first.replayed, again.replayed) == (False, True)


# Parts of one order


async def test_the_parts_of_an_order_are_paid_for_as_one(autojump_clock):
    many = margin_order(3900)  # 1755, 1755, 390
    async with paying(margin=True) as checks:
        checks.margins((1755, 400), (390, 300), (65, 900), together=2000)
        codes = await checks.codes(many, ONE, cut=True)
    assert codes == ["insufficient_funds"] * 3 + [None]


# What cannot be known


@pytest.mark.parametrize("kind", ["funds", "margin"])
async def test_what_cannot_be_asked_is_told_for_each_leg(autojump_clock, kind):
    async with paying(margin=kind == "margin") as checks:
        checks.teller.says[kind] = Denial(code="session_expired", message=GAP)
        verdicts = await checks.of(BUY, INFY)
    gap = CheckSkipped(check="funds", reason=GAP)
    assert [(each.denial, each.skipped) for each in verdicts] == [(None, (gap,))] * 2


SILENT = Denial(code="session_expired", message=GAP)
ONE_AT_A_TIME = Denial(code="unsupported", message="one order at a time")


def alone(answer):
    """A broker that reckons one order at a time, and says *answer* of each."""

    def say(fetch):
        return ONE_AT_A_TIME if len(fetch.orders) > 1 else answer

    return say


@pytest.mark.parametrize(
    "says",
    [
        {"margin": (a_margin(1000),), "funds": SILENT},
        {"margin": alone((a_margin(1000),)), "funds": SILENT},
        {"margin": alone(SILENT)},
    ],
    ids=["funds of all", "funds of each", "margin of each"],
)
async def test_a_part_that_cannot_be_asked_leaves_all_unchecked(autojump_clock, says):
    async with paying(margin=True) as checks:
        checks.teller.says |= says
        verdicts = await checks.of(FUTURE, FUTURE)
    gap = CheckSkipped(check="funds", reason=GAP)
    assert [(each.denial, each.skipped) for each in verdicts] == [(None, (gap,))] * 2


async def test_deliveries_need_no_look_at_positions(autojump_clock):
    async with paying(margin=True) as checks:
        checks.teller.says["margin"] = alone((a_margin(600, 1000),))
        codes = await checks.codes(BUY, INFY)
        kinds = checks.teller.kinds
    assert codes == [None, "insufficient_funds"]
    assert "positions" not in kinds


async def test_where_all_checks_must_be_made_they_are_denied(autojump_clock):
    async with paying(mode="strict") as checks:
        checks.teller.says["funds"] = Denial(code="session_expired", message=GAP)
        verdicts = await checks.of(BUY, INFY)
    assert [code_of(each) for each in verdicts] == ["session_expired"] * 2
    assert all(each.unanswered for each in verdicts)


async def test_one_margin_that_cannot_be_told_leaves_the_others_to_be_summed(
    autojump_clock,
):
    async with paying(margin=True) as checks:

        def say(fetch):
            if len(fetch.orders) > 1:
                return (a_margin(2000, 1000),)
            if fetch.orders == (TWO,):
                return Denial(code="broker_unavailable", message=GAP)
            return (a_margin(600, 1000),)

        checks.teller.says["margin"] = say
        first, second, third = await checks.of(ONE, TWO, THREE)
    assert (code_of(first), code_of(third)) == (None, "insufficient_funds")
    assert (second.denial, second.skipped[0].reason) == (None, GAP)


async def test_a_native_market_buy_has_no_price_and_is_not_summed(autojump_clock):
    async with paying(policy="native") as checks:
        checks.teller.says["funds"] = (some_funds(9000),)
        market = an_order(type="MARKET", price=None)
        first, second = await checks.of(market, BUY)
    assert (first.denial, second.denial) == (None, None)
    assert [each.check for each in first.skipped] == ["funds"]


async def test_quotes_and_funds_together_take_no_longer_than_one_check(autojump_clock):
    async with paying() as checks:
        checks.teller.takes = 1.0
        market = an_order(type="MARKET", price=None)
        verdicts = await checks.of(market, market)
        assert trio.current_time() == 1.5
    gap = CheckSkipped(check="funds", reason="no answer in 1.5 s")
    assert [each.skipped for each in verdicts] == [(gap,)] * 2
