"""What every broker adapter must do with orders and reads.

A test module for an adapter imports all names of this one and makes the fixture
`subject`, a `Subject`. `login_contract` and `master_contract` go on from here.
"""

from contextlib import suppress
from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters import catalogue
from adapters.errors import (
    NotSent,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    Stopped,
    Unsupported,
)
from adapters.model import (
    Acked,
    BookOrder,
    BookStatus,
    OrderType,
    Product,
    Rejected,
    Side,
)
from tests.contracts.broker_subject import Mishap

READS = (
    "check",
    "funds",
    "holdings",
    "order_book",
    "order_by_tag",
    "positions",
    "quotes",
    "trades",
)


def look():
    """A last look that agrees."""


def tag_of(subject, number=1):
    """A tag by the broker's rule, as long as it may be; "" where it has none."""
    rule = subject.port.capabilities.tag
    if rule is None:
        return ""
    letters = rule.alphabet.replace("0", "")
    shifted = letters[number:] + letters[:number]
    return (shifted * rule.max_length)[: rule.max_length]


def shown_tag(subject, number=1):
    """The same, as the book shows it."""
    return tag_of(subject, number) or None


async def placed(subject, order=None, number=1):
    """Place an order, the subject's own unless another is given; gives its id."""
    wanted = subject.order if order is None else order
    answer = await subject.port.place(wanted, tag_of(subject, number), look)
    assert isinstance(answer, Acked), answer
    return answer.broker_order_id


async def row(subject, broker_order_id):
    """The one row of the book that is this order's."""
    book = await subject.port.order_book()
    (found,) = [one for one in book if one.broker_order_id == broker_order_id]
    return found


async def read(subject, name):
    """Make one of the `READS`."""
    arguments = {"quotes": [[subject.order.symbol]], "order_by_tag": [tag_of(subject)]}
    return await getattr(subject.port, name)(*arguments.get(name, []))


def selling(subject):
    """A sale that rests."""
    price = subject.last + 20 * subject.tick
    return replace(subject.order, side=Side.SELL, price=price)


def of_type(subject, kind):
    """A buy of that type, at rest unless it is a market order."""
    trigger = subject.last + 10 * subject.tick
    prices = {
        OrderType.MARKET: {"price": None},
        OrderType.LIMIT: {},
        OrderType.SL: {"price": trigger + 2 * subject.tick, "trigger_price": trigger},
        OrderType.SL_M: {"price": None, "trigger_price": trigger},
    }
    return replace(subject.order, type=kind, **prices[kind])


# What it can do


async def test_the_catalogue_tells_what_the_port_can_do(subject):
    assert catalogue.capabilities(subject.adapter) == subject.port.capabilities


async def test_a_tag_rule_leaves_room_to_be_unique(subject):
    rule = subject.port.capabilities.tag
    if rule is not None:
        assert len(set(rule.alphabet)) == len(rule.alphabet)
        assert len(rule.alphabet) ** rule.max_length > 10**12


# Orders


async def test_an_order_comes_back_from_the_book_as_it_was_placed(subject):
    order, order_id = subject.order, await placed(subject)
    found = await row(subject, order_id)
    assert replace(found, placed_at=None, message=None) == BookOrder(
        broker_order_id=order_id,
        tag=shown_tag(subject),
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        filled_quantity=Decimal(0),
        status=BookStatus.OPEN,
        type=order.type,
        product=order.product,
        price=order.price,
        validity=order.validity,
    )


@pytest.mark.parametrize("kind", OrderType)
async def test_each_type_of_order_comes_back_or_is_not_sent(subject, kind):
    order = of_type(subject, kind)
    before = subject.heard()
    if kind not in subject.port.capabilities.order_types:
        with pytest.raises(Unsupported):
            await placed(subject, order)
        assert subject.heard() == before
        return
    found = await row(subject, await placed(subject, order))
    assert (found.type, found.trigger_price) == (kind, order.trigger_price)
    if kind is OrderType.MARKET:
        assert (found.status, found.filled_quantity) == (
            BookStatus.FILLED,
            order.quantity,
        )
    else:
        assert (found.status, found.price) == (BookStatus.OPEN, order.price)


async def test_a_sale_comes_back_as_one(subject):
    order = selling(subject)
    found = await row(subject, await placed(subject, order))
    assert (found.side, found.price) == (Side.SELL, order.price)


@pytest.mark.parametrize("product", [Product.CNC, Product.INTRADAY])
async def test_products_are_kept_apart(subject, product):
    order = replace(subject.order, product=product)
    assert (await row(subject, await placed(subject, order))).product == product


async def test_every_order_has_a_row_of_its_own(subject):
    ids = [await placed(subject, number=number) for number in range(1, 5)]
    assert len(set(ids)) == 4
    book = await subject.port.order_book()
    assert sorted(one.broker_order_id for one in book) == sorted(ids)


async def test_an_order_is_found_again_by_its_tag(subject):
    first, second = [await placed(subject, number=number) for number in (1, 2)]
    find = subject.port.order_by_tag
    if subject.port.capabilities.tag is None:
        with pytest.raises(Unsupported):
            await find("anything")
        return
    assert await find(tag_of(subject, 1)) == await row(subject, first)
    assert await find(tag_of(subject, 2)) == await row(subject, second)
    assert await find(tag_of(subject, 3)) is None
    assert await find(tag_of(subject, 1)[:-1]) is None


async def test_a_symbol_that_nobody_knows_goes_nowhere(subject):
    before = subject.heard()
    try:
        answer = await placed_raw(subject, subject.nobody_knows)
    except Unsupported as exc:
        assert subject.nobody_knows in str(exc)  # noqa: PT017 -- either is right
    else:  # a broker in this process may say so itself
        assert isinstance(answer, Rejected)
        assert subject.port.capabilities.simulated
    assert subject.heard() == before
    assert list(subject.taken()) == []


async def placed_raw(subject, symbol):
    order = replace(subject.order, symbol=symbol)
    return await subject.port.place(order, tag_of(subject), look)


async def test_part_of_a_share_goes_nowhere(subject):
    before = subject.heard()
    half = replace(subject.order, quantity=Decimal("0.5"))
    try:
        answer = await subject.port.place(half, tag_of(subject), look)
    except Unsupported:
        assert not subject.port.capabilities.simulated
    else:
        assert isinstance(answer, Rejected)
        assert subject.port.capabilities.simulated
    assert subject.heard() == before


async def test_a_change_of_the_price_stands_in_the_book(subject):
    order_id = await placed(subject)
    lower = replace(subject.order, price=subject.order.price - subject.tick)
    answer = await subject.port.modify(order_id, lower, look)
    assert isinstance(answer, Acked)
    found = await row(subject, order_id)
    assert (found.price, found.quantity) == (lower.price, lower.quantity)


async def test_a_change_of_the_quantity_before_any_fill_is_the_new_total(subject):
    order_id = await placed(subject)
    more = replace(subject.order, quantity=subject.order.quantity * 2)
    assert isinstance(await subject.port.modify(order_id, more, look), Acked)
    assert (await row(subject, order_id)).quantity == more.quantity


async def test_a_change_after_a_part_fill_never_adds_what_was_filled(subject):
    order, order_id = subject.order, await placed(subject)
    subject.fill(order_id, Decimal(4))
    lower = replace(order, price=order.price - subject.tick)
    with suppress(Unsupported):
        await subject.port.modify(order_id, lower, look)
    found = await row(subject, order_id)
    assert (found.quantity, found.filled_quantity) == (order.quantity, 4)


async def test_a_cancel_ends_an_order_and_a_second_one_harms_nothing(subject):
    order_id = await placed(subject)
    assert isinstance(await subject.port.cancel(order_id), Acked)
    assert (await row(subject, order_id)).status is BookStatus.CANCELLED
    again = await subject.port.cancel(order_id)
    assert isinstance(again, Acked | Rejected)
    assert (await row(subject, order_id)).status is BookStatus.CANCELLED


async def test_what_is_filled_cannot_be_cancelled(subject):
    order_id = await placed(subject)
    subject.fill(order_id, subject.order.quantity)
    assert isinstance(await subject.port.cancel(order_id), Rejected)
    assert (await row(subject, order_id)).status is BookStatus.FILLED


# Fills


async def test_a_part_fill_says_how_much_and_leaves_the_order_open(subject):
    order, order_id = subject.order, await placed(subject)
    subject.fill(order_id, Decimal(4))
    found = await row(subject, order_id)
    assert (found.status, found.quantity) == (BookStatus.OPEN, order.quantity)
    assert (found.filled_quantity, found.average_price) == (4, order.price)
    [trade] = await subject.port.trades()
    assert (trade.broker_order_id, trade.symbol) == (order_id, order.symbol)
    assert (trade.side, trade.quantity, trade.price) == (order.side, 4, order.price)
    assert trade.tag in (shown_tag(subject), None)
    assert trade.product == order.product


async def test_fills_are_told_apart_and_add_up(subject):
    order, order_id = subject.order, await placed(subject)
    subject.fill(order_id, Decimal(4))
    subject.fill(order_id, order.quantity - 4)
    found = await row(subject, order_id)
    assert (found.status, found.filled_quantity) == (BookStatus.FILLED, order.quantity)
    trades = await subject.port.trades()
    assert len({trade.trade_id for trade in trades}) == 2
    assert sum(trade.quantity for trade in trades) == order.quantity


async def test_what_was_filled_of_a_cancelled_order_stays(subject):
    order_id = await placed(subject)
    subject.fill(order_id, Decimal(4))
    assert isinstance(await subject.port.cancel(order_id), Acked)
    found = await row(subject, order_id)
    assert (found.status, found.filled_quantity) == (BookStatus.CANCELLED, 4)


async def test_a_position_is_what_was_bought_less_what_was_sold(subject):
    order, bought = subject.order, await placed(subject)
    subject.fill(bought, order.quantity)
    [position] = await subject.port.positions()
    assert (position.symbol, position.product) == (order.symbol, order.product)
    assert (position.quantity, position.average_price) == (order.quantity, order.price)
    sold = await placed(subject, selling(subject), number=2)
    subject.fill(sold, order.quantity)
    assert [
        one.quantity for one in await subject.port.positions() if one.quantity
    ] == []


async def test_a_short_position_is_negative(subject):
    order = selling(subject)
    subject.fill(await placed(subject, order), order.quantity)
    [position] = await subject.port.positions()
    assert position.quantity == -order.quantity


# Figures and times


async def test_prices_are_exact(subject):
    price = subject.last + subject.tick
    subject.set_price(price)
    [quote] = await subject.port.quotes([subject.order.symbol])
    assert (quote.symbol, quote.last_price) == (subject.order.symbol, price)
    assert isinstance(quote.last_price, Decimal)


async def test_every_amount_is_a_decimal(subject):
    order_id = await placed(subject)
    subject.fill(order_id, Decimal(4))
    funds = await subject.port.funds()
    [position] = await subject.port.positions()
    [trade] = await subject.port.trades()
    found = await row(subject, order_id)
    amounts = [funds.available, funds.used, funds.cash, funds.total]
    amounts += [position.quantity, position.day_quantity, position.average_price]
    amounts += [position.realised_pnl, position.unrealised_pnl]
    amounts += [trade.quantity, trade.price, found.quantity, found.filled_quantity]
    assert {type(amount) for amount in amounts} == {Decimal}
    assert all(amount.is_finite() for amount in amounts)


async def test_times_are_aware_utc_and_todays(subject):
    order_id = await placed(subject)
    subject.fill(order_id, Decimal(4))
    [trade] = await subject.port.trades()
    for at in ((await row(subject, order_id)).placed_at, trade.traded_at):
        assert at is not None
        assert at.tzinfo is UTC
        assert abs(at - subject.now()) < timedelta(minutes=2)


async def test_an_account_without_orders_has_empty_books(subject):
    assert list(await subject.port.order_book()) == []
    assert list(await subject.port.trades()) == []
    assert list(await subject.port.positions()) == []


# What it says it cannot do


async def test_depth_comes_best_first_or_not_at_all(subject):
    symbol, before = subject.order.symbol, subject.heard()
    if not subject.port.capabilities.depth:
        with pytest.raises(Unsupported):
            await subject.port.depth(symbol)
        assert subject.heard() == before
        return
    depth = await subject.port.depth(symbol)
    bids = [level.price for level in depth.bids]
    asks = [level.price for level in depth.asks]
    assert depth.symbol == symbol
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    levels = [*depth.bids, *depth.asks]
    assert {type(level.price) for level in levels} == {Decimal}
    assert all(level.price > 0 and level.quantity > 0 for level in levels)


async def test_a_margin_is_reckoned_without_an_order_or_not_at_all(subject):
    before = subject.heard()
    if not subject.port.capabilities.margin:
        with pytest.raises(Unsupported):
            await subject.port.margin([subject.order])
        assert subject.heard() == before
        return
    margin = await subject.port.margin([subject.order])
    assert type(margin.required) is Decimal
    assert margin.required > 0
    assert list(subject.taken()) == []


async def test_without_a_master_there_is_no_download(subject, tmp_path):
    if not subject.port.capabilities.master:
        before = subject.heard()
        with pytest.raises(Unsupported):
            await subject.port.download_master(tmp_path)
        assert subject.heard() == before
    assert bool(catalogue.find(subject.adapter).master) is (
        subject.port.capabilities.master
    )


# The last look


async def test_the_last_look_is_taken_once_and_before_the_first_byte(subject):
    at_look = []

    def count():
        at_look.append((subject.heard(), len(subject.taken())))

    await subject.port.place(subject.order, tag_of(subject), count)
    assert at_look == [(0, 0)]
    assert len(subject.taken()) == 1


async def test_a_last_look_that_says_no_stops_the_first_byte(subject):
    no = Stopped("kill_switch_engaged", "halted")

    def stop():
        raise no

    order_id = await placed(subject)
    standing, before = await row(subject, order_id), len(subject.taken())
    with pytest.raises(Stopped) as caught:
        await subject.port.place(subject.order, tag_of(subject, 2), stop)
    assert caught.value is no
    lower = replace(subject.order, price=subject.order.price - subject.tick)
    with pytest.raises(Stopped):
        await subject.port.modify(order_id, lower, stop)
    assert len(subject.taken()) == before
    assert await row(subject, order_id) == standing


async def test_after_a_stopped_order_the_next_one_goes_out(subject):
    def stop():
        raise Stopped("deadline_exceeded", "late")

    with pytest.raises(Stopped):
        await subject.port.place(subject.order, tag_of(subject), stop)
    assert (subject.heard(), list(subject.taken())) == (0, [])
    await placed(subject)
    assert len(subject.taken()) == 1


# What goes wrong

WRONG = {
    Mishap.LOST_REQUEST: (SentUnknown, False),
    Mishap.LOST_ANSWER: (SentUnknown, True),
    Mishap.SERVER_ERROR: (SentUnknown, False),
    Mishap.PAGE: (SentUnknown, True),
    Mishap.CUT_OFF: (SentUnknown, True),
    Mishap.EXPIRED: (SessionExpired, False),
    Mishap.TOO_FAST: (RateLimited, False),
    Mishap.NOBODY_THERE: (NotSent, False),
}
"""What is raised, and whether it was done all the same."""


@pytest.mark.parametrize("mishap", WRONG)
async def test_an_order_that_goes_wrong_says_what_is_known_of_it(subject, mishap):
    error, done = WRONG[mishap]
    await subject.go_wrong(mishap, "place")
    with pytest.raises(error) as caught:
        await subject.port.place(subject.order, tag_of(subject), look)
    assert caught.type is error
    assert len(subject.taken()) == done


@pytest.mark.parametrize("mishap", WRONG)
@pytest.mark.parametrize("call", ["modify", "cancel"])
async def test_a_change_or_cancel_that_goes_wrong_says_so_too(subject, call, mishap):
    order_id = await placed(subject)
    lower = replace(subject.order, price=subject.order.price - subject.tick)
    arguments = {"modify": [order_id, lower, look], "cancel": [order_id]}
    await subject.go_wrong(mishap, call)
    with pytest.raises(WRONG[mishap][0]) as caught:
        await getattr(subject.port, call)(*arguments[call])
    assert caught.type is WRONG[mishap][0]


@pytest.mark.parametrize("mishap", WRONG)
@pytest.mark.parametrize("name", READS)
async def test_a_read_that_goes_wrong_is_never_an_empty_answer(subject, name, mishap):
    if name == "order_by_tag" and subject.port.capabilities.tag is None:
        name = "order_book"
    await subject.go_wrong(mishap, name)
    with pytest.raises(WRONG[mishap][0]) as caught:
        await read(subject, name)
    assert caught.type is WRONG[mishap][0]


async def test_a_refusal_is_in_the_brokers_code_and_words(subject):
    await subject.go_wrong(Mishap.REFUSED, "place")
    answer = await subject.port.place(subject.order, tag_of(subject), look)
    assert isinstance(answer, Rejected)
    assert answer.code
    assert answer.text
    assert list(await subject.port.order_book()) == []


@pytest.mark.parametrize("name", READS)
async def test_a_refused_read_is_refused(subject, name):
    if name == "order_by_tag" and subject.port.capabilities.tag is None:
        name = "order_book"
    await subject.go_wrong(Mishap.REFUSED, name)
    with pytest.raises(Refused) as caught:
        await read(subject, name)
    assert caught.value.code
    assert caught.value.text


async def test_an_order_whose_answer_was_lost_is_found_by_its_tag(subject):
    await subject.go_wrong(Mishap.LOST_ANSWER, "place")
    with pytest.raises(SentUnknown):
        await subject.port.place(subject.order, tag_of(subject), look)
    if subject.port.capabilities.tag is None:
        [found] = await subject.port.order_book()
    else:
        found = await subject.port.order_by_tag(tag_of(subject))
    assert found is not None
    assert (found.symbol, found.quantity) == (
        subject.order.symbol,
        subject.order.quantity,
    )
