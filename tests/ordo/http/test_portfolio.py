"""Totals over accounts: exact, per symbol and broker, and null where not known."""

from decimal import Decimal

from ordo.http.portfolio import totals


def position(broker, symbol="NSE:SBIN", quantity="10", realised="0", unrealised="0"):
    return {
        "broker": broker,
        "symbol": symbol,
        "quantity": Decimal(quantity),
        "realised_pnl": Decimal(realised),
        "unrealised_pnl": Decimal(unrealised),
    }


def holding(broker, symbol="NSE:SBIN", quantity="10", t1="0", cost="800", last="812"):
    return {
        "broker": broker,
        "symbol": symbol,
        "quantity": Decimal(quantity),
        "t1_quantity": Decimal(t1),
        "average_price": Decimal(cost),
        "last_price": None if last is None else Decimal(last),
    }


def money(broker, currency="INR", cash="100.10"):
    return {
        "broker": broker,
        "currency": currency,
        "available": Decimal(cash),
        "used": Decimal("0"),
        "cash": Decimal(cash),
        "total": Decimal(cash),
    }


def test_one_symbol_at_two_brokers_is_one_row_with_two_parts():
    (row,) = totals(
        [position("b", quantity="-5", realised="10.25", unrealised="-3.05")],
        [holding("a", quantity="7", t1="3", cost="800.55", last="812.35")],
        [],
    ).by_symbol
    assert row.symbol == "NSE:SBIN"
    assert (row.position_quantity, row.holding_quantity) == (-5, 10)
    assert (row.holding_cost, row.holding_value) == (
        Decimal("8005.5"),
        Decimal("8123.5"),
    )
    assert row.holding_pnl == Decimal("118")
    assert (row.realised_pnl, row.unrealised_pnl) == (
        Decimal("10.25"),
        Decimal("-3.05"),
    )
    assert row.pnl == Decimal("125.20")
    assert [part.broker for part in row.brokers] == ["a", "b"]
    assert [part.pnl for part in row.brokers] == [Decimal("118"), Decimal("7.20")]


def test_symbols_and_brokers_are_summed_apart():
    whole = totals(
        [position("a", "NSE:INFY"), position("b", "NSE:SBIN", "4")],
        [holding("a", "NSE:SBIN", "6")],
        [],
    )
    assert [row.symbol for row in whole.by_symbol] == ["NSE:INFY", "NSE:SBIN"]
    assert [
        (part.broker, part.position_quantity, part.holding_quantity)
        for part in whole.by_broker
    ] == [("a", 10, 6), ("b", 4, 0)]


def test_a_value_without_a_price_is_not_known_and_not_smaller():
    whole = totals([], [holding("a"), holding("b", last=None)], [])
    (row,) = whole.by_symbol
    assert (row.holding_value, row.holding_pnl, row.pnl) == (None, None, None)
    assert row.holding_cost == 16000
    assert [part.holding_value for part in row.brokers] == [8120, None]


def test_money_of_two_currencies_is_not_added_up():
    funds = totals([], [], [money("a"), money("b"), money("c", "USD", "5")]).funds
    assert [(row.currency, row.cash) for row in funds] == [
        ("INR", Decimal("200.20")),
        ("USD", Decimal("5")),
    ]


def test_nothing_is_an_empty_portfolio():
    whole = totals([], [], [])
    assert (whole.by_symbol, whole.by_broker, whole.funds) == ([], [], [])
