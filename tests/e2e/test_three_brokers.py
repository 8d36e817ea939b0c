"""The morning of a trader with three brokers: log in to all, then trade all as one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.plain import PLAIN
from tests.support.processes import (
    TOKEN,
    VENUE_TOKEN,
    FyersVenue,
    Ordo,
    Venue,
    ended,
    free_port,
    write_config,
)
from tests.support.terminal import Terminal
from tests.support.waiting import until

NAMES = ("fyers-main", "hdfc-main", "mstock-main")
APP = VENUE_TOKEN.partition(":")[0]
FAST = {"limits": {"per_second": 100}, "registered_limits": True}
OTP = "123456"


class Desk:
    """An Ordo with three brokers that nobody has logged in to."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self.venues = {
            "fyers-main": FyersVenue(directory / "f.log", "--app", f"{APP}:SECRET"),
            "hdfc-main": Venue("hdfc", directory / "h.log"),
            "mstock-main": Venue("mstock", directory / "m.log"),
        }
        stack.enter_context(ended(*self.venues.values()))
        port = free_port()
        self.config = write_config(directory, self._tables(port), port=port)
        self.ordo = Ordo(self.config)
        stack.enter_context(ended(self.ordo))
        self.client = stack.enter_context(
            httpx.Client(
                base_url=self.ordo.url,
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=60,
                trust_env=False,
                verify=PLAIN,
            )
        )

    def _tables(self, port: int) -> dict[str, dict[str, Any]]:
        urls = {name: venue.url for name, venue in self.venues.items()}
        sessions = f"http://127.0.0.1:{port}/api/v1/sessions"
        return {
            "fyers-main": {
                "adapter": "fyers",
                "app_id": APP,
                "secret": "SECRET",
                "redirect_uri": f"{sessions}/fyers-main/callback",
                "base_url": urls["fyers-main"],
                **FAST,
            },
            "hdfc-main": {
                "adapter": "hdfc",
                "api_key": "KEY",
                "secret": "SECRET",
                "username": "1234567",
                "password": "hunter2",
                "base_url": urls["hdfc-main"],
                **FAST,
            },
            "mstock-main": {
                "adapter": "mstock",
                "api_type": "B",
                "api_key": "DEMO/API+KEY@1=",
                "username": "MA0000001",
                "base_url": urls["mstock-main"],
                **FAST,
            },
        }

    def terminal(self, *arguments: str) -> Terminal:
        return self._stack.enter_context(
            Terminal(
                "--config",
                str(self.config),
                *arguments,
                environ={"ORDO_AUTH__TOKEN": TOKEN, "TZ": "Asia/Kolkata"},
            )
        )

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}").json()

    def order(self, *brokers: str) -> dict[str, Any]:
        """Ten SBIN at a price that rests; the legs, by broker."""
        order = {
            "symbol": "NSE:SBIN",
            "side": "BUY",
            "quantity": 10,
            "type": "LIMIT",
            "price": 800,
            "product": "INTRADAY",
        }
        body = {"brokers": list(brokers), "orders": [order], "deadline_ms": 20_000}
        answer = self.client.post("/api/v1/orders", json=body).json()
        legs = {leg["broker"]: leg for leg in answer["results"]}
        print(legs)  # shown where a test fails
        return legs

    def has_instruments(self, *brokers: str) -> bool:
        masters = self.get("instruments/sync")["data"]["masters"]
        there = {name for row in masters if row["rows"] for name in row["brokers"]}
        return set(brokers) <= there


@pytest.fixture
def desk(tmp_path):
    with ExitStack() as stack:
        yield Desk(stack, tmp_path)


def browse(url: str) -> None:
    """What the user's browser does with FYERS's page."""
    httpx.get(url, follow_redirects=True, timeout=20, trust_env=False, verify=PLAIN)


def secret(terminal: Terminal, prompt: str, text: str) -> None:
    """Type what is asked for without echo."""
    terminal.wait_for(prompt)
    until(lambda: not terminal.echoes)
    terminal.type(text)


def test_one_log_in_one_order_one_portfolio(desk):
    login = desk.terminal("login")
    browse(login.wait_for(r"Open: (\S+)")[1])
    secret(login, "OTP: ", OTP)
    secret(login, "Password: ", "hunter2")
    secret(login, r"[Oo]ne-time|OTP|[Cc]ode", OTP)
    for name in NAMES:
        login.wait_for(rf"{name} +active +\w{{3}} \d\d \w{{3}} \d\d:\d\d IST")
    assert login.ended() == 0
    assert OTP not in login.shown
    until(lambda: desk.has_instruments(*NAMES), within=60)

    legs = desk.order(*NAMES)
    assert {name: leg["status"] for name, leg in legs.items()} == dict.fromkeys(
        NAMES, "acked"
    ), legs
    assert legs["hdfc-main"]["client_tag"].isdecimal()
    assert len(legs["hdfc-main"]["client_tag"]) == 15

    quotes = desk.get("quotes?symbols=NSE:SBIN")
    assert [row["broker"] for row in quotes["data"]["quotes"]] == list(NAMES)
    portfolio = desk.get("portfolio")
    assert portfolio["status"] == "success", portfolio["results"]
    (funds,) = portfolio["data"]["totals"]["funds"]
    assert funds["currency"] == "INR"
    book = desk.get("orderbook")["data"]["orders"]
    assert {row["symbol"] for row in book} == {"NSE:SBIN"}

    out = desk.terminal("logout", *NAMES)
    assert out.ended() == 0
    states = [row["state"] for row in desk.get("sessions")["data"]["sessions"]]
    assert states == ["logged_out"] * 3
    legs = desk.order(*NAMES)
    assert {leg["error_code"] for leg in legs.values()} == {"login_required"}


def test_one_broker_that_is_down_keeps_nobody_waiting(desk):
    desk.venues["hdfc-main"].kill()
    login = desk.terminal("login")
    browse(login.wait_for(r"Open: (\S+)")[1])
    login.wait_for("hdfc-main: not reached")
    secret(login, "Password: ", "hunter2")
    secret(login, r"[Oo]ne-time|OTP|[Cc]ode", OTP)
    login.wait_for(r"hdfc-main +logged_out")
    assert login.ended() == 1
    up = ("fyers-main", "mstock-main")
    until(lambda: desk.has_instruments(*up), within=60)
    legs = desk.order(*NAMES)
    assert {name: legs[name]["status"] for name in up} == dict.fromkeys(up, "acked")
    assert legs["hdfc-main"]["error_code"] == "login_required"
    portfolio = desk.get("portfolio")
    assert portfolio["status"] == "partial"
    assert {row["broker"] for row in portfolio["data"]["funds"]} == set(up)


def test_a_wrong_otp_is_asked_for_again(desk):
    login = desk.terminal("login", "hdfc-main")
    secret(login, "OTP: ", "000000")
    login.wait_for("refused by hdfc-main: Invalid OTP")
    secret(login, "OTP: ", OTP)
    login.wait_for(r"hdfc-main +active")
    assert login.ended() == 0
