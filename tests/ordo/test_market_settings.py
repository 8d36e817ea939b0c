"""The settings of the market's rules, and what every adapter keeps of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from actors.windows import ALL, HOUR, ORDERS, SECOND, Window
from adapters import ConfigError, catalogue
from adapters.brokers.paper import PaperSettings
from adapters.ports import PublishedLimits
from ordo.checks import echoes
from ordo.config import Broker, Limits, Settings, load
from ordo.pace import windows

ECHO = '[market]\naddress_echo = "https://echo.example/ip"\n'
EXPECTING = '[brokers.one]\nadapter = "paper"\nexpect_ip = "203.0.113.7"\n'
ADAPTERS = sorted(catalogue.ADAPTERS)
REAL = [name for name in ADAPTERS if not catalogue.capabilities(name).simulated]


def loaded(tmp_path: Path, text: str, **environ: str) -> Settings:
    file = tmp_path / "ordo.toml"
    file.write_text(text)
    return load(file, environ=environ)


def refusal(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    line = str(caught.value)
    assert "\n" not in line
    return line


# Checks


@pytest.mark.parametrize(
    ("text", "environ", "mode"),
    [
        ("", {}, True),
        ("[orders]\npre_trade_checks = false\n", {}, False),
        ('[orders]\npre_trade_checks = "strict"\n', {}, "strict"),
        ("", {"ORDO_ORDERS__PRE_TRADE_CHECKS": "strict"}, "strict"),
        ("", {"ORDO_ORDERS__PRE_TRADE_CHECKS": "false"}, False),
    ],
)
def test_the_checks_are_on_off_or_strict(tmp_path, text, environ, mode):
    assert loaded(tmp_path, text, **environ).orders.pre_trade_checks == mode


@pytest.mark.parametrize("value", ['"stric"', "5"])
def test_checks_that_are_something_else_are_refused(tmp_path, value):
    line = refusal(tmp_path, f"[orders]\npre_trade_checks = {value}\n")
    assert line.startswith(
        "orders.pre_trade_checks: wanted true or false or strict, found "
    )


# Protection


def test_a_protection_file_is_read_at_the_start(tmp_path):
    line = refusal(tmp_path, '[market]\nprotection_file = "gone.toml"\n')
    assert line == (
        "market.protection_file: wanted a file to read at gone.toml,"
        " found: No such file or directory"
    )


def test_a_protection_file_that_makes_no_sense_names_the_key_and_the_file(tmp_path):
    (tmp_path / "mine.toml").write_text("equity = 3\n")
    line = refusal(tmp_path, f'[market]\nprotection_file = "{tmp_path}/mine.toml"\n')
    assert line.startswith(
        f"market.protection_file: wanted a protection table in {tmp_path}/mine.toml: "
    )


# The calendar, and orders that rest


def test_a_calendar_file_is_read_at_the_start(tmp_path):
    line = refusal(tmp_path, '[market]\ncalendar_file = "gone.toml"\n')
    assert line == (
        "market.calendar_file: wanted a file to read at gone.toml,"
        " found: No such file or directory"
    )


def test_a_calendar_that_makes_no_sense_names_the_key_and_the_file(tmp_path):
    (tmp_path / "mine.toml").write_text("calendar = 3\n")
    line = refusal(tmp_path, f'[market]\ncalendar_file = "{tmp_path}/mine.toml"\n')
    assert line.startswith(
        f"market.calendar_file: wanted a trading calendar in {tmp_path}/mine.toml: "
    )


def test_orders_rest_after_half_a_minute_or_as_is_set(tmp_path):
    assert loaded(tmp_path, "").market.rest_after == 30
    assert loaded(tmp_path, "[market]\nrest_after = 5\n").market.rest_after == 5
    line = refusal(tmp_path, "[market]\nrest_after = 0\n")
    assert line.startswith("market.rest_after: wanted ")


# Egress


@pytest.mark.parametrize(
    "url",
    [
        "https://echo.example/ip",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
        "http://localhost/ip",
    ],
)
def test_an_echo_is_asked_by_https_or_on_loopback(tmp_path, url):
    text = f'[market]\naddress_echo = "{url}"\n'
    assert loaded(tmp_path, text).market.address_echo == url


@pytest.mark.parametrize(
    "url",
    ["http://echo.example/", "echo.example", "https://", "https://e:0/", "ftp://e"],
)
def test_any_other_echo_is_refused_and_not_shown(tmp_path, url):
    line = refusal(tmp_path, f'[market]\naddress_echo = "{url}"\n')
    assert line == (
        "market.address_echo: wanted an https:// address (http:// on loopback only:"
        " what it says decides whether orders may leave)"
    )


def test_an_expected_address_wants_an_echo_to_be_checked_with(tmp_path):
    assert refusal(tmp_path, EXPECTING) == (
        "brokers.one.expect_ip: wanted market.address_echo beside it, the https://"
        " address of a service that tells which address it is called from, found none;"
        " leave expect_ip out to trade unchecked"
    )
    assert loaded(tmp_path, ECHO + EXPECTING).brokers["one"].expect_ip == "203.0.113.7"


def test_nothing_is_asked_of_anybody_unless_both_are_set(tmp_path):
    assert echoes(loaded(tmp_path, ECHO + '[brokers.one]\nadapter = "paper"\n')) == {}
    assert list(echoes(loaded(tmp_path, ECHO + EXPECTING))) == ["one"]


# Every adapter


def table(name: str, **keys: object) -> Broker:
    return Broker(name="one", adapter=name, own=PaperSettings(), **keys)


def of_a_second(window: Window) -> bool:
    """Whether it is the one of orders a second."""
    return window.scope == ORDERS and window.seconds == SECOND


def test_mstocks_thousand_orders_an_hour_are_kept_with_some_to_spare():
    kept = windows(table("mstock"), catalogue.capabilities("mstock"))
    assert [(w.seconds, w.limit, w.slots, w.scope) for w in kept] == [
        (1, 10, 8, ORDERS),
        (60, 250, 244, ALL),
        (3600, 1000, 975, ORDERS),
    ]


def test_every_window_that_can_be_published_is_kept():
    published = PublishedLimits(
        orders_per_second=10,
        orders_per_minute=100,
        orders_per_hour=1000,
        per_second=20,
        per_minute=300,
        per_hour=5000,
        per_day=9000,
    )
    can = msgspec.structs.replace(catalogue.capabilities("fyers"), limits=published)
    assert [(w.seconds, w.slots, w.scope) for w in windows(table("fyers"), can)] == [
        (1, 8, ORDERS),
        (1, 19, ALL),
        (60, 98, ORDERS),
        (60, 293, ALL),
        (3600, 975, ORDERS),
        (3600, 4875, ALL),
        (86_400, 9000, ALL),
    ]


def test_an_hour_may_be_set_where_none_is_published():
    lower = table("fyers", limits=Limits(per_hour=500))
    kept = windows(lower, catalogue.capabilities("fyers"))
    assert [w.slots for w in kept if w.seconds == HOUR] == [488]


@pytest.mark.parametrize("name", REAL)
def test_every_real_adapter_keeps_eight_orders_a_second_at_the_most(name):
    can = catalogue.capabilities(name)
    (kept,) = [w for w in windows(table(name), can) if of_a_second(w)]
    assert (kept.slots, kept.seconds) == (min(8, can.limits.orders_per_second or 8), 1)


@pytest.mark.parametrize("name", REAL)
def test_no_adapter_goes_above_ten_unless_it_is_registered(name):
    can = catalogue.capabilities(name)
    for asked in (9, 10):
        try:
            kept = windows(table(name, limits=Limits(per_second=asked)), can)
        except ConfigError:
            continue  # its broker publishes less
        seconds = [w for w in kept if w.seconds == SECOND and w.scope >= ORDERS]
        assert min(w.slots for w in seconds) == 9  # one under, for what bunches
    with pytest.raises(ConfigError, match="per_second: wanted at most"):
        windows(table(name, limits=Limits(per_second=11)), can)
    registered = table(name, limits=Limits(per_second=11), registered_limits=True)
    assert max(w.slots for w in windows(registered, can) if of_a_second(w)) == 10


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_simulated_adapter_may_be_held_to_the_same(name):
    can = catalogue.capabilities(name)
    kept = windows(table(name, limits=Limits(per_second=5)), can)
    assert [w.slots for w in kept if of_a_second(w)] == [5]


@pytest.mark.parametrize("name", ADAPTERS)
def test_no_adapter_takes_ioc_on_mcx(name):
    can = catalogue.capabilities(name)
    assert "MCX" in can.no_ioc or "MCX" not in can.exchanges
