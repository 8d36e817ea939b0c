"""The script that takes alerts, word for word, before a running demo."""

import json
import os
import ssl
import sys

import httpx
import pytest

from tests.support.documents import blocks
from tests.support.processes import ROOT, Process, ended, free_port
from tests.test_docs import Demo

PAGE = "docs/how-to/webhook.md"
SECRET = "a-shared-secret"
ALERT = {
    "secret": SECRET,
    "id": "SBIN entry 2026-11-20T06:30:00Z",
    "symbol": "NSE:SBIN",
    "side": "buy",
    "quantity": "10",
    "price": 815.05,
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("charts"))
    with ended(running.process):
        yield running


@pytest.fixture(scope="module")
def ordo(demo):
    token = (demo.directory / "var/admin.token").read_text().strip()
    with httpx.Client(
        base_url=f"https://{demo.address}/api/v1",
        verify=ssl.create_default_context(cafile=demo.directory / "var/tls/ca.pem"),
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    ) as client:
        yield client


@pytest.fixture(scope="module")
def alerts(demo):
    """A client of the script."""
    (program,) = blocks(PAGE, "python")
    file = demo.directory / "alerts.py"
    file.write_text(program)
    environ = {
        "ORDO_URL": f"https://{demo.address}",
        "ORDO_CA": str(demo.directory / "var/tls/ca.pem"),
        "ORDO_API_TOKEN": (demo.directory / "var/admin.token").read_text().strip(),
        "ALERT_SECRET": SECRET,
        "ALERT_BROKERS": "alpha,beta",
        "ALERT_PORT": str(free_port()),
        "PYTHONPATH": f"{ROOT / 'sdk' / 'src'}{os.pathsep}{ROOT}",
    }
    log = demo.directory / "alerts.log"
    process = Process(sys.executable, str(file), environ=environ, log=log)
    with ended(process):
        url = process.line().split()[-1]
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            yield client


def placed(ordo):
    """The ids of all orders; what became of them goes on changing."""
    orders = ordo.get("/orders").json()["data"]["orders"]
    return sorted(order["order_id"] for order in orders)


def test_an_alert_that_comes_twice_is_one_order(alerts, ordo):
    answers = [alerts.post("/", json=ALERT).json() for _ in range(2)]
    first, again = [[leg[::2] for leg in one["legs"]] for one in answers]
    assert [broker for broker, _ in first] == ["alpha", "beta"]
    assert first == again
    orders = ordo.get("/orders", params={"symbol": "NSE:SBIN"}).json()["data"]["orders"]
    assert sorted(order["order_id"] for order in orders) == sorted(
        order_id for _, order_id in first
    )
    assert {(order["quantity"], order["price"]) for order in orders} == {(10, 815.05)}


def test_another_signal_is_another_order(alerts):
    ids = []
    for bar in ("one", "two"):
        alert = ALERT | {"id": bar, "symbol": "NSE:INFY", "price": None}
        ids += [leg[2] for leg in alerts.post("/", json=alert).json()["legs"]]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"secret": "guessed"}, 403),
        ({"secret": "gu\u00e9ssed"}, 403),
        ({"symbol": "NSE:TCS"}, 400),
        ({"quantity": 101}, 400),
        ({"quantity": -1}, 400),
        ({"side": "sideways"}, 502),
    ],
)
def test_what_is_not_allowed_is_not_placed(alerts, ordo, change, status):
    before = placed(ordo)
    assert alerts.post("/", json=ALERT | {"id": "x"} | change).status_code == status
    assert placed(ordo) == before


def test_what_is_no_alert_is_answered(alerts):
    for text in (b"", b"{", b"[]", b"x" * 20_000, b'{"secret": 1}'):
        assert alerts.post("/", content=text).status_code in (400, 403)


def test_while_trading_is_halted_the_sender_is_told(alerts, ordo):
    ordo.put("/kill-switch", json={"engaged": True, "reason": "a test"})
    answer = alerts.post("/", json=ALERT | {"id": "halted"})
    ordo.put("/kill-switch", json={"engaged": False, "reason": "a test"})
    assert answer.status_code == 502
    assert "halted" in answer.json()["error"] or "kill" in answer.json()["error"]


def test_the_message_for_the_charting_service_is_one_that_the_script_takes(alerts):
    (shown,) = blocks(PAGE, "json")
    message = json.loads(shown)
    assert message.keys() == ALERT.keys()
    filled = {"side": "sell", "quantity": "3", "secret": SECRET}
    assert alerts.post("/", json=message | filled).status_code == 200
