"""What is asked of a broker before an order: once, together, and kept a while."""

import pytest
import trio

from actors.lookups import MOST_KEPT, Answer, Question
from actors.messages import Denial
from tests.support.desk import Teller, a_margin, a_quote, some_funds
from tests.support.gateway import an_order

SBIN, INFY = Question("quotes", "NSE:SBIN"), Question("quotes", "NSE:INFY")
FUNDS = Question("funds")
ONE = Question("margin", an_order())
TWO = Question("margin", an_order(quantity=20))


async def ask_all(teller, *questions):
    """Ask side by side, in one turn of the loop."""
    answers = {}

    async def ask(question):
        answers[question] = await teller.lookups.ask(question)

    async with trio.open_nursery() as asks:
        for question in questions:
            asks.start_soon(ask, question)
    return [answers[question] for question in questions]


async def test_an_answer_is_known_for_as_long_as_one_wants_it(autojump_clock):
    async with Teller().answering() as teller:
        teller.takes = 0.5
        answer = await teller.lookups.ask(FUNDS)
    assert answer == Answer(0.0, some_funds(100_000))
    assert teller.lookups.known(FUNDS, since=0.0) == answer
    assert teller.lookups.known(FUNDS, since=0.1) is None  # older than that: as asked
    assert teller.lookups.known(SBIN, since=0.0) is None


async def test_questions_of_one_turn_are_one_call(autojump_clock):
    async with Teller().answering() as teller:
        answers = await ask_all(teller, SBIN, INFY, SBIN)
    (asked,) = teller.asked
    assert (asked[0], sorted(asked[1])) == ("quotes", ["NSE:INFY", "NSE:SBIN"])
    assert [answer.row for answer in answers] == [
        a_quote("NSE:SBIN"),
        a_quote("NSE:INFY"),
        a_quote("NSE:SBIN"),
    ]


async def test_what_is_being_asked_is_not_asked_again(autojump_clock):
    async with Teller().answering() as teller:
        teller.takes = 1
        async with trio.open_nursery() as asks:
            asks.start_soon(teller.lookups.ask, SBIN)
            await trio.sleep(0.5)
            asks.start_soon(teller.lookups.ask, SBIN)
            asks.start_soon(teller.lookups.ask, INFY)
    assert trio.current_time() == 1.5
    assert [about for _, about in teller.asked] == [("NSE:SBIN",), ("NSE:INFY",)]


async def test_who_asks_for_others_and_gives_up_leaves_them_to_ask(autojump_clock):
    ends = []

    async def patient(teller):
        ends.append((await teller.lookups.ask(SBIN)).row)

    async with Teller().answering() as teller:
        teller.takes = 1
        async with trio.open_nursery() as asks:
            with trio.move_on_after(0.5):
                asks.start_soon(patient, teller)
                await teller.lookups.ask(SBIN)
    assert ends == [a_quote()]
    assert trio.current_time() == 1.5


async def test_who_gives_up_in_the_very_first_turn_blocks_nobody(autojump_clock):
    async with Teller().answering() as teller:
        with trio.CancelScope() as scope:
            scope.cancel()
            await teller.lookups.ask(SBIN)
        assert (await teller.lookups.ask(SBIN)).row == a_quote()


async def test_a_failure_is_an_answer_and_is_not_remembered(autojump_clock):
    down = Denial(code="session_expired", message="the broker wants a new login")
    async with Teller().answering() as teller:
        teller.says["funds"] = down
        assert await teller.lookups.ask(FUNDS) == Answer(0.0, failure=down)
        assert teller.lookups.known(FUNDS, since=0.0) is None
        teller.says["funds"] = (some_funds(5),)
        assert (await teller.lookups.ask(FUNDS)).row == some_funds(5)


async def test_a_symbol_without_a_quote_fails_alone(autojump_clock):
    async with Teller().answering() as teller:
        teller.says["quotes"] = (a_quote("NSE:INFY"),)
        sbin, infy = await ask_all(teller, SBIN, INFY)
    none = Denial(code="price_unavailable", message="it has no quote")
    assert sbin == Answer(0.0, failure=none)
    assert infy.row == a_quote("NSE:INFY")


async def test_a_broker_actor_that_is_gone_is_a_failure(autojump_clock):
    teller = Teller()
    teller.mailbox.close()
    answer = await teller.lookups.ask(FUNDS)
    assert answer.failure == Denial(
        code="broker_unavailable",
        message="one cannot be asked just now: broker:one is closed",
    )


async def test_positions_are_all_rows(autojump_clock):
    async with Teller().answering() as teller:
        assert (await teller.lookups.ask(Question("positions"))).row == ()


async def test_orders_that_can_be_paid_together_take_one_call(autojump_clock):
    async with Teller().answering() as teller:
        teller.says["margin"] = (a_margin(3000, 3000),)
        answers = await ask_all(teller, ONE, TWO)
    (asked,) = teller.asked
    assert (asked[0], set(asked[1])) == ("margin", {ONE.about, TWO.about})
    assert [answer.row for answer in answers] == [a_margin(3000, 3000)] * 2


@pytest.mark.parametrize("available", [2500, None])
async def test_else_each_is_asked_for_by_itself(autojump_clock, available):
    async with Teller().answering() as teller:
        teller.says["margin"] = lambda fetch: (
            a_margin(1000 * len(fetch.orders) ** 2, available),
        )
        answers = await ask_all(teller, ONE, TWO)
    assert teller.kinds == ["margin"] * 3
    assert [answer.row.required for answer in answers] == [1000, 1000]


async def test_a_margin_that_fails_fails_for_all_and_is_not_asked_again(autojump_clock):
    no = Denial(code="rejected", message="no such call")
    async with Teller().answering() as teller:
        teller.says["margin"] = no
        answers = await ask_all(teller, ONE, TWO)
    assert [answer.failure for answer in answers] == [no, no]
    assert teller.kinds == ["margin"]


async def test_what_is_kept_is_bounded(autojump_clock):
    async with Teller().answering() as teller:
        for number in range(MOST_KEPT + 2):
            question = Question("quotes", f"NSE:N{number}")
            teller.lookups._kept[question] = Answer(0.0)
        await teller.lookups.ask(FUNDS)
    assert list(teller.lookups._kept) == [FUNDS]
