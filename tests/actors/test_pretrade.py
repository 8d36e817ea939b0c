"""Pre-trade checks of one leg: what is asked, for how long, and what comes of it."""

import time

import pytest
import trio

from actors.case import Case, Verdict
from actors.messages import CheckSkipped, Denial
from actors.pretrade import PreTrade
from adapters import OrderType, SentAs
from adapters.instruments import NO_INSTRUMENTS
from tests.actors.test_checks import position
from tests.support.desk import Teller, a_margin, a_quote, some_funds
from tests.support.gateway import an_order
from tests.support.market import D, an_index, an_instrument, the_table

MARKET = an_order(type="MARKET", price=None)
STOP = an_order(type="SL-M", price=None, trigger_price=820, product="INTRADAY")
PROTECTED = SentAs(type=OrderType.LIMIT, price=D("817.1"), trigger_price=None)
"""813, the ask, and half a percent, on the tick."""
NO_CALL = CheckSkipped(
    check="funds", reason="one has no call that tells the margin of INTRADAY orders"
)


class Checked:
    """One broker's checks. `asked` tells what they asked of it."""

    def __init__(self, mode=True, index=None, **desk):
        self.teller = Teller()
        self.desk = self.teller.desk(index, **desk)
        self.checks = PreTrade({"one": self.desk}, the_table(), mode)

    async def verdict(self, order, within=10.0):
        """As the router does: a glance, and if need be the rest."""
        async with self.teller.answering():
            return await self.of(order, within)

    async def of(self, order, within=10.0):
        found = self.checks.glance("one", order)
        if isinstance(found, Case):
            found = await self.checks.settle(found, trio.current_time() + within)
        return found


# Market protection


async def test_a_market_order_goes_out_as_a_limit_by_the_brokers_own_quote(
    autojump_clock,
):
    checked = Checked()
    assert await checked.verdict(MARKET) == Verdict(sent_as=PROTECTED)
    assert sorted(checked.teller.kinds) == ["funds", "quotes"]


async def test_a_quote_serves_for_two_seconds_and_not_longer(autojump_clock):
    checked = Checked(mode=False)
    async with checked.teller.answering() as teller:
        await checked.of(MARKET)
        await trio.sleep(2.0)
        assert checked.checks.glance("one", MARKET).sent_as == PROTECTED
        await trio.sleep(0.01)
        teller.says["quotes"] = (a_quote(last=900),)
        assert (await checked.of(MARKET)).sent_as.price == D("905.55")
    assert teller.kinds == ["quotes", "quotes"]


async def test_a_stop_market_order_needs_no_quote(autojump_clock):
    checked = Checked()
    sent_as = SentAs(type=OrderType.SL, price=D("824.1"), trigger_price=D(820))
    assert checked.checks.glance("one", STOP) == Verdict(
        sent_as=sent_as, skipped=(NO_CALL,)
    )


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (Denial(code="rejected", message="no such symbol"), "no such symbol"),
        ((), "it has no quote"),
        ((a_quote(last=0, bid=None, ask=None),), "its quote holds none"),
    ],
)
async def test_without_a_price_a_market_order_is_denied(autojump_clock, says, why):
    checked = Checked(mode=False)
    checked.teller.says["quotes"] = says
    verdict = await checked.verdict(MARKET)
    assert verdict.denial == Denial(
        code="price_unavailable",
        message=f"no price to protect a market order in NSE:SBIN with ({why});"
        " send a LIMIT",
    )
    assert verdict.unanswered is True


async def test_where_nothing_has_traded_yet_the_band_lies_around_the_best_price(
    autojump_clock,
):
    checked = Checked(mode=False)
    option = "NFO:NIFTY28NOV2625000CE"
    row = a_quote(option, last=0, bid=None, ask=D(100))
    checked.teller.says["quotes"] = (row,)
    order = an_order(symbol=option, quantity=65, type="MARKET", price=None)
    assert (await checked.verdict(order)).sent_as.price == D(103)


async def test_a_broker_that_protects_gets_the_order_as_it_is(autojump_clock):
    checked = Checked(mode=False, protects_market=True)
    assert checked.checks.glance("one", MARKET) == Verdict()
    checked = Checked(mode=False, policy="native")
    assert checked.checks.glance("one", MARKET) == Verdict()


@pytest.mark.parametrize("order", [MARKET, STOP])
async def test_where_market_orders_are_off_they_are_denied_and_nobody_is_asked(
    autojump_clock, order
):
    verdict = Checked(policy="reject").checks.glance("one", order)
    assert verdict.denial == Denial(
        code="unsupported",
        message=f'{order.type} orders are off for one (market_policy = "reject");'
        " give a price",
    )


async def test_only_the_type_that_goes_out_has_to_be_supported(autojump_clock):
    checked = Checked(mode=False, order_types=frozenset({"LIMIT", "SL"}))
    assert isinstance(checked.checks.glance("one", MARKET), Case)
    assert checked.checks.glance("one", STOP).denial is None
    checked = Checked(policy="native", order_types=frozenset({"LIMIT", "SL"}))
    assert checked.checks.glance("one", MARKET).denial.code == "unsupported"


async def test_the_band_of_an_old_master_does_not_hold_a_protected_price(
    autojump_clock,
):
    index = an_index(an_instrument(upper_band=814))
    fresh = Checked(mode=False, index=index)
    stale = Checked(mode=False, index=index, fresh=False)
    assert (await fresh.verdict(MARKET)).sent_as.price == D(814)
    assert (await stale.verdict(MARKET)).sent_as == PROTECTED


# What needs nobody


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (an_order(symbol="NSE_INDEX:NIFTY"), "instrument_not_tradable"),
        (an_order(symbol="NOWHERE:X"), "unsupported"),
        (an_order(symbol="NSE:GONE"), "instrument_unknown"),
        (an_order(symbol="NFO:NIFTY28NOV2625000CE", quantity=1), "invalid_quantity"),
        (an_order(price="813.01"), "invalid_price"),
        (an_order(price=901), "invalid_price"),
        (an_order(type="SL-M", price=None, trigger_price=901), "invalid_price"),
        (an_order(symbol="MCX:X", validity="IOC"), "unsupported"),
    ],
)
async def test_a_bad_order_is_denied_at_a_glance(autojump_clock, order, code):
    rows = (an_instrument(upper_band=900), *an_index()._by_symbol.values())
    checked = Checked(index=an_index(*rows[:1], rows[2]))
    verdict = checked.checks.glance("one", order)
    assert (verdict.denial.code, verdict.unanswered) == (code, False)


async def test_switched_off_neither_band_nor_funds_are_looked_at_but_all_else_is(
    autojump_clock,
):
    checked = Checked(mode=False, index=an_index(an_instrument(upper_band=800)))
    assert checked.checks.glance("one", an_order()) == Verdict()
    unknown = checked.checks.glance("one", an_order(symbol="NSE:GONE"))
    assert unknown.denial.code == "instrument_unknown"
    off_tick = checked.checks.glance("one", an_order(price="813.01"))
    assert off_tick.denial.code == "invalid_price"


async def test_without_a_master_the_rest_is_checked_and_the_gap_is_told(autojump_clock):
    checked = Checked(index=NO_INSTRUMENTS)
    verdict = await checked.verdict(an_order())
    gap = CheckSkipped(check="instrument", reason="one has no instrument master yet")
    assert verdict == Verdict(skipped=(gap,))


async def test_a_band_of_yesterday_is_told_as_not_checked(autojump_clock):
    index = an_index(an_instrument(upper_band=800))
    checked = Checked(index=index, fresh=False)
    gap = CheckSkipped(check="band", reason="its master is not of today")
    assert await checked.verdict(an_order()) == Verdict(skipped=(gap,))


async def test_a_simulated_broker_is_asked_for_no_funds_even_if_strict(autojump_clock):
    checked = Checked(mode="strict", index=NO_INSTRUMENTS, simulated=True)
    verdict = checked.checks.glance("one", an_order())
    assert verdict.denial is None
    assert [skip.check for skip in verdict.skipped] == ["instrument", "funds"]


# Funds


async def test_a_delivery_buy_without_the_cash_is_denied(autojump_clock):
    checked = Checked()
    checked.teller.says["funds"] = (some_funds(8129),)
    assert await checked.verdict(an_order()) == Verdict(
        Denial(
            code="insufficient_funds", message="it needs 8130.00 INR, there is 8129.00"
        )
    )


async def test_a_market_buy_is_reckoned_at_its_protected_price(autojump_clock):
    checked = Checked()
    checked.teller.says["funds"] = (some_funds(8170),)
    verdict = await checked.verdict(MARKET)
    assert verdict.denial.message == "it needs 8171.00 INR, there is 8170.00"


async def test_a_native_market_buy_has_no_price_to_reckon_with(autojump_clock):
    checked = Checked(policy="native")
    verdict = await checked.verdict(MARKET)
    assert verdict.denial is None
    assert [skip.check for skip in verdict.skipped] == ["funds"]


async def test_a_yes_serves_for_five_seconds_and_a_no_for_one(autojump_clock):
    checked = Checked()
    async with checked.teller.answering() as teller:
        teller.says["funds"] = (some_funds(9000),)
        await checked.of(an_order())
        await trio.sleep(4.9)
        assert checked.checks.glance("one", an_order()).denial is None
        dear = an_order(quantity=100)
        assert isinstance(checked.checks.glance("one", dear), Case)
        teller.says["funds"] = (some_funds(100_000),)  # money came in
        assert (await checked.of(dear)).denial is None
        assert teller.kinds == ["funds", "funds"]
        await trio.sleep(5.1)
        assert isinstance(checked.checks.glance("one", an_order()), Case)


async def test_a_fresh_no_is_said_at_once(autojump_clock):
    checked = Checked()
    async with checked.teller.answering() as teller:
        teller.says["funds"] = (some_funds(10),)
        await checked.of(an_order())
        await trio.sleep(0.9)
        verdict = checked.checks.glance("one", an_order())
        assert verdict.denial.code == "insufficient_funds"
        assert teller.kinds == ["funds"]


async def test_a_margin_is_asked_for_the_order_as_it_goes_out(autojump_clock):
    checked = Checked(margin=True)
    order = an_order(type="MARKET", price=None, note="mine")
    assert (await checked.verdict(order)).sent_as == PROTECTED
    sent = an_order(price="817.1")
    assert checked.teller.asked == [("quotes", ("NSE:SBIN",)), ("margin", (sent,))]


async def test_a_margin_above_what_is_there_is_denied(autojump_clock):
    checked = Checked(margin=True)
    checked.teller.says["margin"] = (a_margin(1000, 999),)
    verdict = await checked.verdict(an_order())
    assert verdict.denial == Denial(
        code="insufficient_funds", message="it needs 1000.00 INR, there is 999.00"
    )
    assert checked.teller.kinds == ["margin"]


@pytest.mark.parametrize("there", [999, None])
async def test_a_margin_that_was_too_high_is_asked_for_again(autojump_clock, there):
    checked = Checked(margin=True)
    async with checked.teller.answering() as teller:
        teller.says |= {
            "margin": (a_margin(1000, there),),
            "funds": (some_funds(999),),
        }
        assert (await checked.of(an_order())).denial.code == "insufficient_funds"
        await trio.sleep(1.1)
        teller.says |= {"margin": (a_margin(900, there),)}
        assert (await checked.of(an_order())).denial is None


async def test_a_margin_that_does_not_say_what_is_there_takes_the_funds(autojump_clock):
    checked = Checked(margin=True)
    checked.teller.says |= {"margin": (a_margin(1000),), "funds": (some_funds(999),)}
    verdict = await checked.verdict(an_order())
    assert verdict.denial.code == "insufficient_funds"
    assert checked.teller.kinds == ["margin", "funds"]


async def test_an_order_that_closes_a_position_is_never_short_of_money(autojump_clock):
    checked = Checked(margin=True)
    checked.teller.says |= {
        "margin": (a_margin(1000, 0),),
        "positions": (position(10),),
    }
    exit_ = an_order(side="SELL", product="INTRADAY")
    assert await checked.verdict(exit_) == Verdict()
    assert checked.teller.kinds == ["margin", "positions"]


async def test_one_that_opens_a_position_is(autojump_clock):
    checked = Checked(margin=True)
    checked.teller.says |= {
        "margin": (a_margin(1000, 0),),
        "positions": (position(-10),),
    }
    verdict = await checked.verdict(an_order(side="SELL", product="INTRADAY"))
    assert verdict.denial.code == "insufficient_funds"


async def test_where_positions_cannot_be_read_nobody_says_it_is_no_exit(autojump_clock):
    checked = Checked(margin=True)
    down = Denial(code="broker_unavailable", message="no answer to use")
    checked.teller.says |= {"margin": (a_margin(1000, 0),), "positions": down}
    verdict = await checked.verdict(an_order(side="SELL", product="INTRADAY"))
    gap = CheckSkipped(check="funds", reason="no answer to use")
    assert verdict == Verdict(skipped=(gap,))


@pytest.mark.parametrize("kind", ["funds", "margin"])
async def test_figures_that_cannot_be_had_let_the_order_go_and_are_told(
    autojump_clock, kind
):
    checked = Checked(margin=kind == "margin")
    expired = Denial(code="session_expired", message="the broker wants a new login")
    checked.teller.says[kind] = expired
    gap = CheckSkipped(check="funds", reason="the broker wants a new login")
    assert await checked.verdict(an_order()) == Verdict(skipped=(gap,))


async def test_funds_that_cannot_be_had_for_a_margin_are_told_too(autojump_clock):
    checked = Checked(margin=True)
    down = Denial(code="broker_unavailable", message="no answer to use")
    checked.teller.says |= {"margin": (a_margin(1),), "funds": down}
    gap = CheckSkipped(check="funds", reason="no answer to use")
    assert await checked.verdict(an_order()) == Verdict(skipped=(gap,))


# Strict


async def test_strict_denies_what_could_not_be_checked(autojump_clock):
    checked = Checked(mode="strict")
    expired = Denial(code="session_expired", message="the broker wants a new login")
    checked.teller.says["funds"] = expired
    assert await checked.verdict(an_order()) == Verdict(
        Denial(
            code="session_expired",
            message="funds not checked: the broker wants a new login;"
            " pre_trade_checks is strict",
        ),
        skipped=(CheckSkipped(check="funds", reason="the broker wants a new login"),),
        unanswered=True,
    )


async def test_strict_denies_an_instrument_that_cannot_be_looked_up(autojump_clock):
    checked = Checked(mode="strict", index=NO_INSTRUMENTS)
    verdict = await checked.verdict(an_order())
    assert verdict.denial.code == "instrument_unknown"


async def test_strict_lets_through_what_was_checked_whole(autojump_clock):
    assert await Checked(mode="strict").verdict(an_order()) == Verdict()


# Time


async def test_a_slow_broker_holds_an_order_up_for_a_while_at_the_most(autojump_clock):
    checked = Checked()
    checked.teller.takes = 30
    verdict = await checked.verdict(an_order())
    gap = CheckSkipped(check="funds", reason="no answer in 1.5 s")
    assert verdict == Verdict(skipped=(gap,))
    assert trio.current_time() == 1.5


async def test_and_for_half_of_what_a_hurried_order_has_left(autojump_clock):
    checked = Checked(margin=True)
    checked.teller.takes = 30
    verdict = await checked.verdict(MARKET, within=0.4)
    assert verdict.denial.code == "price_unavailable"
    assert "no answer in 0.2 s" in verdict.denial.message
    assert trio.current_time() == 0.2


async def test_a_deadline_that_is_over_leaves_no_time_to_ask(autojump_clock):
    verdict = await Checked().verdict(an_order(), within=-1.0)
    assert [skip.reason for skip in verdict.skipped] == ["no answer in 0 s"]
    assert trio.current_time() == 0.0


async def test_a_quote_that_came_in_time_is_used_though_the_margin_did_not(
    autojump_clock,
):
    checked = Checked(margin=True)

    def quotes(fetch):
        checked.teller.takes = 30
        return (a_quote(),)

    checked.teller.says["quotes"] = quotes
    verdict = await checked.verdict(MARKET)
    gap = CheckSkipped(check="funds", reason="no answer in 1.5 s")
    assert verdict == Verdict(sent_as=PROTECTED, skipped=(gap,))


async def test_quote_and_funds_are_asked_side_by_side(autojump_clock):
    checked = Checked()
    checked.teller.takes = 0.6
    assert (await checked.verdict(MARKET)).sent_as == PROTECTED
    assert trio.current_time() == 0.6


async def test_with_all_at_hand_a_leg_takes_next_to_no_time(autojump_clock):
    """The bar is 0.15 ms a leg; here it is three times that, on any machine."""
    checked = Checked(margin=True)
    rounds = 300
    async with checked.teller.answering() as teller:
        await checked.of(MARKET)
        asked = list(teller.asked)
        began = time.perf_counter()
        verdicts = [checked.checks.glance("one", MARKET) for _ in range(rounds)]
        took = (time.perf_counter() - began) / rounds
    assert verdicts == [Verdict(sent_as=PROTECTED)] * rounds
    assert teller.asked == asked
    assert took < 0.00045
