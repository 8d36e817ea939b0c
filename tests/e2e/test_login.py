"""`ordo login` at a terminal, against a real Ordo and protocol servers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from adapters.sealing import MasterKey
from tests.support.plain import PLAIN
from tests.support.processes import (
    TOKEN,
    VENUE_TOKEN,
    FyersVenue,
    Ordo,
    ended,
    free_port,
    fyers_table,
    write_config,
)
from tests.support.terminal import Terminal

APP = VENUE_TOKEN.partition(":")[0]
ORDER = {"symbol": "NSE:SBIN", "side": "BUY", "quantity": 1, "type": "LIMIT"}


class Desk:
    """An Ordo whose one Fyers broker nobody has logged in to."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self.venue = FyersVenue(directory / "venue.log", "--app", f"{APP}:SECRET")
        stack.enter_context(ended(self.venue))
        port = free_port()
        back = f"http://127.0.0.1:{port}/api/v1/sessions/venue/callback"
        table = fyers_table(self.venue.url, secret="SECRET", redirect_uri=back)
        del table["access_token"]
        self.config = write_config(directory, {"venue": table}, port=port)
        self.start()

    def start(self, **environ: str) -> None:
        self.ordo = Ordo(self.config, **environ)
        self._stack.enter_context(ended(self.ordo))
        self.client = self._stack.enter_context(
            httpx.Client(
                base_url=self.ordo.url,
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
                trust_env=False,
                verify=PLAIN,
            )
        )

    def terminal(self, *arguments: str) -> Terminal:
        return self._stack.enter_context(
            Terminal(
                "--config",
                str(self.config),
                *arguments,
                environ={"ORDO_AUTH__TOKEN": TOKEN, "TZ": "Asia/Kolkata"},
            )
        )

    def code_of_an_order(self) -> str | None:
        body = {"brokers": ["venue"], "orders": [ORDER | {"price": 800}]}
        answer = self.client.post("/api/v1/orders", json=body).json()
        return answer["results"][0]["error_code"]


@pytest.fixture
def desk(tmp_path):
    with ExitStack() as stack:
        yield Desk(stack, tmp_path)


def browse(url: str) -> httpx.Response:
    """What the user's browser does: open the page, follow it back to Ordo."""
    return httpx.get(
        url, follow_redirects=True, timeout=20, trust_env=False, verify=PLAIN
    )


def test_a_page_in_the_browser_logs_in_while_the_terminal_waits(desk):
    assert desk.code_of_an_order() == "login_required"
    login = desk.terminal("login")
    url = login.wait_for(r"Open: (\S+)")[1]
    page = browse(url)
    assert page.status_code == 200
    assert "venue is logged in until" in page.text
    login.wait_for(r"venue +active +\w{3} \d\d \w{3} 06:30 IST")
    assert login.ended() == 0
    assert desk.code_of_an_order() is None
    out = desk.terminal("logout", "venue")
    assert out.ended() == 0
    assert desk.code_of_an_order() == "login_required"


def test_the_address_can_be_pasted_where_the_browser_is_elsewhere(desk):
    login = desk.terminal("login", "venue")
    url = login.wait_for(r"Open: (\S+)")[1]
    led_to = httpx.get(url, timeout=20, trust_env=False, verify=PLAIN).headers[
        "Location"
    ]
    login.wait_for("paste the address")
    login.type(led_to)
    login.wait_for(r"venue +active")
    assert login.ended() == 0


def test_a_wrong_address_can_be_corrected(desk):
    login = desk.terminal("login", "venue")
    url = login.wait_for(r"Open: (\S+)")[1]
    led_to = httpx.get(url, timeout=20, trust_env=False, verify=PLAIN).headers[
        "Location"
    ]
    login.wait_for("paste the address")
    login.type("https://127.0.0.1/?auth_code=X&state=other")
    login.wait_for("does not bear the state of this log-in")
    login.wait_for("paste the address")
    login.type(led_to)
    login.wait_for(r"venue +active")


def test_a_session_outlives_a_restart(desk):
    login = desk.terminal("login", "venue")
    browse(login.wait_for(r"Open: (\S+)")[1])
    login.wait_for(r"venue +active")
    login.ended()
    desk.ordo.stop()
    desk.start()
    assert desk.code_of_an_order() is None


def test_a_broker_that_is_not_there_is_named(desk):
    login = desk.terminal("login", "other")
    login.wait_for("ordo: no broker 'other' here; there are: venue")
    assert login.ended() == 1


def test_with_another_master_key_nobody_is_logged_in_and_the_log_says_why(
    desk, tmp_path
):
    login = desk.terminal("login", "venue")
    browse(login.wait_for(r"Open: (\S+)")[1])
    login.wait_for(r"venue +active")
    login.ended()
    desk.ordo.stop()
    desk.start(ORDO_MASTER_KEY=MasterKey(b"2" * 32).reveal())
    assert desk.code_of_an_order() == "login_required"
    log = (tmp_path / "ordo.log").read_text()
    assert "venue is not logged in: the session venue was sealed with" in log
    desk.ordo.stop()
    desk.start()  # with the right key again: nothing was overwritten
    assert desk.code_of_an_order() is None
