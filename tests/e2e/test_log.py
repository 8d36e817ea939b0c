"""The log of a real Ordo: an order followed by its request's id, and a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Gateway
from tests.support.processes import TOKEN
from tests.support.terminal import Terminal


class Debugging(Gateway):
    """An Ordo that logs all there is."""

    def start(self, **environ: str) -> None:
        super().start(ORDO_LOG__LEVEL="DEBUG", **environ)

    def rows(self, request_id: str) -> list[dict[str, Any]]:
        """What the log holds of a request, once Ordo has stopped."""
        self.ordo.stop()
        lines = (self.directory / "ordo.log").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return [row for row in rows if row.get("request_id") == request_id]


@pytest.fixture
def debugging(tmp_path: Path) -> Iterator[Debugging]:
    with ExitStack() as stack:
        yield Debugging(stack, tmp_path)


def test_an_order_is_followed_from_its_request_to_the_broker_and_to_its_cancel(
    debugging,
):
    headers = debugging.client.headers
    headers["X-Request-Id"] = "my-request-1"
    leg = debugging.order("key-1").json()["results"][0]
    headers["X-Request-Id"] = "my-request-2"
    debugging.client.delete(f"/api/v1/orders/{leg['order_id']}")
    placed, cancelled = debugging.rows("my-request-1"), debugging.rows("my-request-2")
    checked, *sent = [row["event"] for row in placed]
    assert checked == "broker.called"  # for its margin, before it was accepted
    assert sent == [
        "order.accepted",
        "order.sending",
        "broker.called",
        "order.acked",
        "http.answered",
        "order.cancelled",  # of the order that it placed
    ]
    ids = {key: leg[key] for key in ("order_id", "broker")}
    assert all(ids.items() <= row.items() for row in (*placed[1:5], placed[6]))
    assert len({row["batch_id"] for row in (*placed[1:5], placed[6])}) == 1
    assert [row["event"] for row in cancelled] == [
        "cancel.sending",
        "broker.called",
        "http.answered",
    ]
    assert all(ids.items() <= row.items() for row in cancelled[:2])


def test_on_a_terminal_a_start_shows_its_recovery_and_logs_for_a_person(gateway):
    gateway.order("key-1", brokers=("paper",), price=700)  # rests
    gateway.ordo.kill()
    environ = {"ORDO_AUTH__TOKEN": TOKEN, "ORDO_LOG__LEVEL": "INFO", "CI": ""}
    with Terminal(
        "serve", "--config", str(gateway.config), environ=environ
    ) as terminal:
        terminal.wait_for(r"recovery  \[-{20}\]  0 %  0 of 1 orders  paper")
        terminal.wait_for("Ordo is ready at ")
        terminal.popen.terminate()
        terminal.wait_for(r"INFO .*SIGTERM: stopping  \[event=ordo.stopping\]")
        assert terminal.ended() == 0
