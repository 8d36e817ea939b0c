"""The SDKs of m.Stock, one for each type, work unchanged against our venue."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.plain import PLAIN

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEY = "DEMO/API+KEY@1="
IDS = {"a": "order_id", "b": "orderid"}


class Session:
    """What the SDK said to each call, and the venue's book at the end."""

    def __init__(self, kind: str, said: dict[str, Any], book: dict[str, Any]) -> None:
        self.kind = kind
        self.said = said
        self.orders = {order["tag"]: order for order in book["orders"]}
        self.sequence = [order["tag"] for order in book["orders"]]

    def data(self, name: str) -> Any:
        return self.said[name]["data"]

    def words(self, name: str) -> str:
        return str(self.said[name]["words"])

    def of(self, a: str, b: str) -> str:
        """The word of the type that is driven."""
        return a if self.kind == "a" else b


@pytest.fixture(scope="module", params=["a", "b"])
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    kind = request.param
    env = ROOT / f".venv-sdk-mstock-{kind}"
    stamp, lock = env / "installed.lock", HERE / "mstock" / f"requirements-{kind}.lock"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        pytest.fail(
            f"m.Stock's SDK {kind} is missing or old: run `make sdk-env`", pytrace=False
        )
    venue = subprocess.Popen(
        [sys.executable, "-m", "tests.venues.mstock", "--max-seconds", "50"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with venue:
        assert venue.stdout is not None
        url = f"http://127.0.0.1:{json.loads(venue.stdout.readline())['port']}"
        drive = [str(env / "bin" / "python"), str(HERE / "mstock" / "drive.py")]
        driver = subprocess.run(
            [*drive, "--url", url, "--type", kind, "--key", KEY],
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
            env={"PATH": "", "NO_PROXY": "127.0.0.1"},
        )
        assert driver.returncode == 0, driver.stderr
        with httpx.Client(trust_env=False, verify=PLAIN) as http:
            book = http.get(f"{url}/_venue/book").json()
        yield Session(kind, json.loads(driver.stdout), book)
        venue.terminate()


def test_the_sdk_logs_in_by_password_and_code(session: Session) -> None:
    token = session.of("access_token", "jwtToken")
    assert session.data("session")[token].count(".") == 2
    assert "8 attempts remaining" in session.words("login_wrong")
    assert session.words("otp_wrong").startswith(
        session.of("The entered OTP is incorrect.", "Entered OTP has been expired.")
    )


def test_the_sdk_places_orders_that_reach_the_book_with_their_tags(
    session: Session,
) -> None:
    assert session.sequence == ["ordolimit", "ordomarket", "ordostop"]
    for tag in session.sequence:
        [answer] = session.said[f"place_{tag.removeprefix('ordo')}"]
        assert answer["data"][IDS[session.kind]] == session.orders[tag]["id"]
    assert session.orders["ordomarket"]["filled"] == 10
    assert session.orders["ordostop"]["type"] == "SL"


def test_the_sdk_raises_a_refusal(session: Session) -> None:
    assert session.words("place_bad") == "EXCH:16283:price is no multiple of 0.05"


def test_the_sdk_modifies_and_cancels_by_id(session: Session) -> None:
    order, name = session.orders["ordolimit"], IDS[session.kind]
    assert session.data("modify")[name].strip() == order["id"]
    assert session.data("cancel")[name] == order["id"]
    assert session.words("cancel_again").startswith("Order is Cancelled.")
    assert (order["quantity"], order["price"]) == (20, 811.5)
    assert order["status"] == "Cancelled"


def test_the_sdk_reads_books(session: Session) -> None:
    ids = [order["id"] for order in session.orders.values()]
    assert session.data("orderbook_empty") is None
    rows = session.data("orderbook")
    assert [row[IDS[session.kind]] for row in rows] == ids
    statuses = [row["status"] for row in rows]
    assert statuses == ["Pending", "Traded", "Trigger pending"]
    [details] = session.data("details")
    assert details["status"] == "Pending"
    [trade] = session.data("trades")
    assert (trade["ORDER_NUMBER"], trade["PRICE"]) == (ids[1], 812.9)
    assert session.data("history") == []


def test_the_sdk_reads_the_account(session: Session) -> None:
    [funds] = session.data("funds")
    assert funds["AVAILABLE_BALANCE"] == "10000000"
    names = [row["tradingsymbol"] for row in session.data("holdings")]
    assert names == ["TATASTEEL LIMITED", "ITC LIMITED"]
    positions = session.data("positions")
    [position] = positions["net"] if session.kind == "a" else positions
    assert int(position[session.of("quantity", "netqty")]) == 10
    margin = session.data("margin")
    total = margin if session.kind == "a" else margin["summary"]
    assert total[session.of("total", "total_charges")] == 8000


def test_the_sdk_reads_the_market(session: Session) -> None:
    if session.kind == "a":
        quotes = session.data("ohlc")
        assert quotes["NSE:SBIN"]["last_price"] == 812.9
        assert quotes["NSE:26000"]["last_price"] == 25900.5
        assert quotes["NSE:NOSUCH"] is None
        assert session.data("ltp")["NSE:SBIN"]["last_price"] == 812.9
    else:
        quotes = session.data("quote")
        assert [row["ltp"] for row in quotes["fetched"]] == [812.9]
        assert [row["symbolToken"] for row in quotes["unfetched"]] == ["0"]


def test_the_sdk_fetches_the_instruments(session: Session) -> None:
    master = session.said["master"]
    if session.kind == "a":
        assert master.splitlines()[0].startswith("instrument_token,exchange_token,")
        assert master.splitlines()[-1] == '""'
    else:
        assert len(master) == 180


def test_the_sdk_cancels_all_and_logs_out(session: Session) -> None:
    stop = session.orders["ordostop"]
    assert session.data("cancel_all") == {"order_id": stop["id"]}
    again = session.said["cancel_all_again"]
    # Type A's words at both, which Type B's SDK takes for a success.
    words = again["words"] if session.kind == "a" else again["message"]
    assert words.startswith("Order Does not Exsist.")
    assert session.words("after_logout") == "Invalid request. Please try again."


def test_the_sdk_leaves_no_log_files_behind(session: Session) -> None:
    assert session.said
    assert [path.name for path in ROOT.glob("mconnect*.log")] == []
