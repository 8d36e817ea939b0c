"""The broker's own SDK works unchanged against our FYERS venue."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.plain import PLAIN
from tests.venues.fyers_market import SAMPLES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = ROOT / ".venv-sdk-fyers" / "bin" / "python"
LOCK = HERE / "fyers" / "requirements.lock"
STAMP = ROOT / ".venv-sdk-fyers" / "installed.lock"
APP, TOKEN, SECRET = "DEMO12EFGH-100", "TOKEN", "SECRET"


class Session:
    """What the SDK said to each call, and the venue's book at the end."""

    def __init__(self, said: dict[str, Any], book: dict[str, Any]) -> None:
        self.said = said
        self.orders = {order["tag"]: order for order in book["orders"]}
        self.sequence = [order["tag"] for order in book["orders"]]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    if not STAMP.exists() or STAMP.read_bytes() != LOCK.read_bytes():
        pytest.fail(
            "the FYERS SDK is missing or old: run `make sdk-env`", pytrace=False
        )
    pair = f"{APP}:{TOKEN}"
    command = [sys.executable, "-m", "tests.venues.fyers", "--max-seconds", "50"]
    venue = subprocess.Popen(
        [*command, "--token", pair, "--app", f"{APP}:{SECRET}"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with venue:
        assert venue.stdout is not None
        port = json.loads(venue.stdout.readline())["port"]
        url = f"http://127.0.0.1:{port}"
        command = [str(PYTHON), str(HERE / "fyers" / "drive.py"), "--url", url]
        driver = subprocess.run(
            [*command, "--app", APP, "--token", TOKEN, "--secret", SECRET],
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
            env={"PATH": "", "NO_PROXY": "127.0.0.1"},
        )
        assert driver.returncode == 0, driver.stderr
        with httpx.Client(trust_env=False, verify=PLAIN) as http:
            book = http.get(f"{url}/_venue/book").json()
        yield Session(json.loads(driver.stdout), book)
        venue.terminate()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def test_the_sdk_places_orders_that_reach_the_book_with_their_tags(
    session: Session,
) -> None:
    limit, market = session.orders["ordolimit"], session.orders["ordomarket"]
    for call, order in (("place_limit", limit), ("place_market", market)):
        order_id = order["id"]
        assert session.said[call] == {
            "s": "ok",
            "code": 1101,
            "message": f"Order submitted successfully. Your Order Ref. No.{order_id}",
            "id": order_id,
        }
    assert (limit["status"], market["status"]) == (1, 2)


def test_the_book_holds_exactly_what_the_sdk_sent(session: Session) -> None:
    assert session.sequence == [
        "ordolimit",
        "ordomarket",
        None,  # the exit of the position
        "basket1",
        "basket2",
    ]


def test_the_sdk_hands_a_refusal_through(session: Session) -> None:
    assert session.said["place_bad_tag"] == {
        "s": "error",
        "code": -50,
        "message": "Invalid orderTag",
    }


def test_the_sdk_modifies_and_cancels_by_id(session: Session) -> None:
    order = session.orders["ordolimit"]
    said = session.said
    assert said["modify"] == sample("modify_order") | {"id": order["id"]}
    assert said["cancel"] == sample("cancel_order") | {"id": order["id"]}
    assert said["cancel_again"]["code"] == -161
    assert (order["row"]["qty"], order["row"]["limitPrice"]) == (20, 811.5)


def test_the_sdk_reads_the_book_whole_by_id_and_by_tag(session: Session) -> None:
    said = session.said
    order_id = session.orders["ordolimit"]["id"]
    rows = said["orderbook"]["orderBook"]
    assert [row["orderTag"] for row in rows] == ["1:ordolimit", "1:ordomarket"]
    assert [row["status"] for row in rows] == [6, 2]
    for call in ("orderbook_by_id", "orderbook_by_tag", "get_orders"):
        assert [row["id"] for row in said[call]["orderBook"]] == [order_id]


def test_the_sdk_sees_the_trade_and_the_position_and_closes_it(
    session: Session,
) -> None:
    said = session.said
    order_id = session.orders["ordomarket"]["id"]
    [trade] = said["tradebook"]["tradeBook"]
    assert (trade["orderNumber"], trade["orderTag"]) == (order_id, "1:ordomarket")
    assert (trade["tradedQty"], trade["tradePrice"]) == (5, 812.9)
    [position] = said["positions"]["netPositions"]
    assert (position["id"], position["netQty"]) == ("NSE:SBIN-EQ-INTRADAY", 5)
    assert said["exit"] == sample("exit_position")
    assert said["exit_again"]["code"] == -352


def test_the_sdk_places_modifies_and_cancels_baskets(session: Session) -> None:
    said = session.said
    one, two = session.orders["basket1"], session.orders["basket2"]
    placed = said["basket"]["data"]
    assert [row["statusCode"] for row in placed] == [200, 200, 400]
    assert [row["body"].get("id") for row in placed] == [one["id"], two["id"], None]
    assert placed[2]["body"]["message"] == "Invalid qty"
    [modified] = said["basket_modify"]["data"]
    assert modified["body"]["id"] == one["id"]
    assert one["row"]["limitPrice"] == 810
    cancelled = [row["body"]["code"] for row in said["basket_cancel"]["data"]]
    assert cancelled == [1103, 1103]
    assert (one["status"], two["status"]) == (1, 1)


def test_the_sdk_reads_the_account(session: Session) -> None:
    said = session.said
    assert said["profile"] == sample("profile")
    assert said["holdings"] == sample("holdings")
    funds = {row["id"]: row["equityAmount"] for row in said["funds"]["fund_limit"]}
    assert (funds[1], funds[2], funds[10]) == (10_000_000, 0, 10_000_000)


def test_the_sdk_reads_the_market(session: Session) -> None:
    said = session.said
    quoted = {row["n"]: row["v"]["lp"] for row in said["quotes"]["d"]}
    assert quoted == {"NSE:SBIN-EQ": 812.9, "NSE:M&M-EQ": 3611.8}
    assert said["quotes_v2"]["d"][0]["v"]["lp"] == 812.9
    assert said["depth"]["d"]["NSE:SBIN-EQ"]["ltp"] == 812.9
    assert said["market_status"] == sample("market_status")


def test_the_sdk_logs_out_and_in_again(session: Session) -> None:
    said = session.said
    assert said["logout"] == sample("logout")
    assert said["after_logout"] == sample("error_token")
    assert said["profile_after_login"] == sample("profile")


def test_the_sdk_leaves_no_log_files_behind(session: Session) -> None:
    assert session.said
    assert [path.name for path in ROOT.glob("fyers*.log")] == []
