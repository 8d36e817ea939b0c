"""The trading calendar: the one that ships, and those that replace it."""

from datetime import date

import pytest

from adapters import ConfigError
from adapters.market import load_calendar
from adapters.market.calendar import SHIPPED

MINE = """
[[calendar]]
exchanges = ["NSE", "BSE"]
holidays = [2026-11-10]
also_open = [2026-11-08]

[[calendar]]
exchanges = ["MCX"]
holidays = [2026-12-25]
"""


def written(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


def day(text):
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("after", "exchange", "following"),
    [
        ("2026-11-23", "NSE", "2026-11-25"),  # Tuesday the 24th is a holiday
        ("2026-11-23", "BFO", "2026-11-25"),
        ("2026-11-25", "BSE", "2026-11-26"),
        ("2026-11-27", "NFO", "2026-11-30"),  # Friday, then a weekend
        ("2026-11-28", "NSE", "2026-11-30"),
        ("2026-04-02", "NSE", "2026-04-06"),  # Friday a holiday, then a weekend
        ("2026-12-24", "NSE", "2026-12-28"),
        ("2026-11-23", "MCX", "2026-11-24"),
        ("2026-11-27", "US", "2026-11-30"),
    ],
)
def test_the_next_trading_day_leaves_out_weekends_and_holidays(
    after, exchange, following
):
    assert load_calendar().next_trading_day(day(after), exchange) == day(following)


def test_what_ships_has_the_holidays_of_2026_and_no_others():
    calendar = load_calendar()
    weekdays = [date.fromordinal(n) for n in range(739617, 739617 + 365)]
    closed = [
        each.isoformat()[5:]
        for each in weekdays
        if each.weekday() < 5 and not calendar.is_trading_day(each, "NSE")
    ]
    assert (weekdays[0], weekdays[-1]) == (day("2026-01-01"), day("2026-12-31"))
    assert closed == [
        *("01-26", "03-03", "03-26", "03-31", "04-03", "04-14", "05-01", "05-28"),
        *("06-26", "09-14", "10-02", "10-20", "11-10", "11-24", "12-25"),
    ]


def test_a_year_without_data_counts_weekdays_and_says_so_once(caplog):
    calendar = load_calendar()
    assert calendar.next_trading_day(day("2026-12-31"), "NSE") == day("2027-01-01")
    assert calendar.is_trading_day(day("2027-01-26"), "BSE")
    assert calendar.next_trading_day(day("2027-01-01"), "NSE") == day("2027-01-04")
    assert [record.getMessage() for record in caplog.records] == [
        "the calendar has no holidays of NSE, BSE, NFO, BFO for 2027: every weekday"
        " counts as a trading day; name a newer one in [market] calendar_file"
    ]


def test_exchanges_without_a_table_trade_on_weekdays_and_nothing_is_said(caplog):
    assert load_calendar().is_trading_day(day("2027-01-26"), "US")
    assert caplog.records == []


def test_a_file_of_ones_own_counts_alone_and_may_open_a_weekend(tmp_path):
    calendar = load_calendar(str(written(tmp_path, MINE)))
    assert calendar.next_trading_day(day("2026-11-06"), "BSE") == day("2026-11-08")
    assert calendar.next_trading_day(day("2026-11-09"), "NSE") == day("2026-11-11")
    assert calendar.is_trading_day(day("2026-11-24"), "NSE")
    assert not calendar.is_trading_day(day("2026-12-25"), "MCX")


def test_no_file_named_is_the_one_that_ships():
    for path in ("", None, SHIPPED):
        assert not load_calendar(path).is_trading_day(day("2026-11-24"), "NSE")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone.toml, found: No such file"):
        load_calendar(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('["MCX"]', '["NSE"]', "NSE is named twice"),
        ('["MCX"]', "[]", "a table names no exchange"),
        ("[2026-11-10]", '["10 November"]', "Invalid RFC3339 encoded date"),
        ("[2026-11-10]", "[2026-11-10T00:00:00]", "Expected `date`, got `datetime`"),
        ("2026-11-10", "2026-11-31", "Invalid date"),
        ("[2026-11-10]", "2026-11-10", "Expected `array`, got `date`"),
        ("also_open", "open", "Object contains unknown field `open`"),
        (MINE, "", "Object missing required field `calendar`"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused_in_one_line(
    tmp_path, old, new, line
):
    file = written(tmp_path, MINE.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_calendar(file)
    said = str(caught.value)
    assert said.startswith(f"wanted a trading calendar in {file}: ")
    assert line in said
    assert "\n" not in said
