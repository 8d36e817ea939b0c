"""A disk that takes no more: no new orders, no crash loop, nothing lost."""

import resource
import sqlite3
import subprocess
import threading

import pytest

from tests.support.forked import run
from tests.support.processes import TOKEN
from tests.support.waiting import until
from tests.venues.fyers_rows import CANCELLED

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def limit_files(pid: int, size: int | None) -> None:
    """Let no file of the process grow over *size* bytes: a full disk, for it alone."""
    limits = UNLIMITED if size is None else (size, resource.RLIM_INFINITY)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def fill_disk(gateway) -> None:
    """No room for one more page; the (shorter) log still fits."""
    size = (gateway.directory / "var" / "ordo.db-wal").stat().st_size
    limit_files(gateway.ordo.pid, size)


def test_a_full_disk_takes_no_order_and_loses_none_and_recovers(gateway):
    before = gateway.order("key-1").json()["results"][0]
    fill_disk(gateway)
    answers = [gateway.order(f"full-{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [507, 507, 507]
    assert answers[0].json()["error_code"] == "storage_unavailable"
    assert gateway.tags() == [before["client_tag"]]
    assert gateway.client.get("/health").status_code == 200
    status = gateway.client.get("/api/v1/status").json()["data"]
    assert (status["health"], status["store"]["ok"]) == ("failing", False)
    assert gateway.status_of(before["order_id"]) == "acked"

    limit_files(gateway.ordo.pid, None)
    until(lambda: gateway.order("after").status_code == 200, within=20)
    log = (gateway.directory / "ordo.log").read_text()
    assert log.count("the store failed") == 1
    assert log.count("the store is back") == 1
    assert gateway.ordo.stop() == 0
    gateway.start()
    assert gateway.status_of(before["order_id"]) == "acked"


def test_an_outcome_that_finds_the_disk_full_is_not_lost(gateway):
    gateway.fault(on="place", kind="delay_after_accept", seconds=2)
    answers = []
    sender = threading.Thread(
        target=lambda: answers.append(gateway.order("key-1").json())
    )
    sender.start()
    until(lambda: len(gateway.tags()) == 1)
    fill_disk(gateway)
    sender.join(20)
    leg = answers[0]["results"][0]
    assert leg["status"] == "unknown"
    gateway.ordo.kill()
    gateway.start()
    until(lambda: gateway.status_of(leg["order_id"]) == "acked")
    assert gateway.tags() == [leg["client_tag"]]


def test_on_a_full_disk_one_can_read_cancel_and_halt(gateway):
    order = gateway.order("key-1").json()["results"][0]
    fill_disk(gateway)
    assert gateway.order("full").status_code == 507
    for path in ("orders", f"orders/{order['order_id']}", "funds", "kill-switch"):
        assert gateway.client.get(f"/api/v1/{path}").status_code == 200, path
    replay = gateway.order("key-1")
    assert (replay.status_code, replay.json()["data"]["replayed"]) == (200, True)

    cancel = gateway.client.delete(f"/api/v1/orders/{order['order_id']}")
    assert (cancel.status_code, cancel.json()["results"][0]["status"]) == (
        200,
        "cancelled",
    )
    (row,) = gateway.control.get("/_venue/book").json()["orders"]
    assert row["status"] == CANCELLED

    halt = gateway.client.put("/api/v1/kill-switch", json={"engaged": True})
    # It is engaged, and says that a restart would not know of it.
    assert (halt.status_code, halt.json()["data"]) == (507, {"engaged": True})
    switch = gateway.client.get("/api/v1/kill-switch").json()["data"]
    assert switch["engaged"] is True

    limit_files(gateway.ordo.pid, None)
    until(lambda: gateway.order("room").status_code == 503, within=20)
    until(lambda: gateway.status_of(order["order_id"]) == "cancelled")
    gateway.ordo.kill()
    gateway.start()
    assert gateway.client.get("/api/v1/kill-switch").json()["data"]["engaged"] is True
    assert gateway.status_of(order["order_id"]) == "cancelled"
    assert gateway.tags() == [order["client_tag"]]


def start(gateway) -> subprocess.CompletedProcess[str]:
    """A start that should fail."""
    environ = {"ORDO_AUTH__TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    return run("ordo", "serve", "--config", str(gateway.config), environ=environ)


def corrupt(database) -> None:
    database.write_bytes(b"this is not a database" * 100)


def make_newer(database) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 999")
    connection.close()


@pytest.mark.parametrize("spoil", [corrupt, make_newer])
def test_a_database_that_cannot_be_used_stops_the_start_with_one_line(gateway, spoil):
    assert gateway.ordo.stop() == 0
    database = gateway.directory / "var" / "ordo.db"
    spoil(database)
    spoilt = database.read_bytes()
    end = start(gateway)
    assert end.returncode == 1
    assert len(end.stderr.strip().splitlines()) == 1
    assert "ordo.db" in end.stderr
    assert database.read_bytes() == spoilt
