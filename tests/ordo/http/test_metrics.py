"""Metrics: what is counted, what is read, and what never becomes a label."""

import re

import msgspec
import trio
from prometheus_client.parser import text_string_to_metric_families

from actors.messages import SetBreaker
from adapters.brokers.paper import Fault
from tests.ordo.http.caller import a_body, calling
from tests.support.asgi import ask

NAME = re.compile(r"(ordo|process)_[a-z_]+")


async def scraped(caller, **more):
    """The samples by (name, labels), each parsed by Prometheus's own parser."""
    headers = {"Authorization": f"Bearer {caller.tokens['read']}", **more}
    answer = await ask(caller.app, "GET", "/metrics", headers)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    text = answer.body.decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_orders_and_requests_are_counted(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        await caller.place()
        await caller.place(a_body(price=-1))
        await caller.get("/api/v1/orders")
        await caller.get("/api/v1/nowhere/0123")
        found = await scraped(caller)
    orders = "/api/v1/orders"
    assert found["ordo_http_requests_total", orders, "200", "POST"] == 1
    assert found["ordo_http_requests_total", orders, "422", "POST"] == 1
    assert found["ordo_http_requests_total", orders, "200", "GET"] == 1
    assert found["ordo_http_requests_total", "404", "other", "other"] == 1
    assert found["ordo_http_inside_seconds_count", orders] == 3
    assert found["ordo_order_events_total", "one", "placed"] == 1
    assert found["ordo_order_events_total", "acked", "one"] == 1
    assert found["ordo_broker_order_seconds_count", "one"] == 1
    assert found["ordo_commit_seconds_count",] >= 2
    assert found["ordo_commit_requests_count",] == found["ordo_commit_seconds_count",]


async def test_how_everything_stands_is_read(autojump_clock, tmp_path):
    async with calling(tmp_path, "one", "two") as caller:
        caller.papers["one"].script.on("place", Fault.lose_request())
        await caller.place()
        message = SetBreaker(state="OPEN", by="me")
        await caller.system.brokers["two"].ask(message)
        await caller.halt()
        await trio.sleep(1)
        found = await scraped(caller)
    assert found["ordo_unknown_orders", "one"] == 1
    assert 0.9 < found["ordo_unknown_oldest_seconds", "one"] < 3
    assert found["ordo_unknown_oldest_seconds", "two"] == 0
    assert found["ordo_breaker_state", "one"] == 0
    assert found["ordo_breaker_state", "two"] == 3
    assert found["ordo_kill_switch_engaged",] == 1
    assert found["ordo_store_ok",] == 1
    assert found["ordo_broker_up", "one"] == 1
    assert found["ordo_session_active", "one"] == 1
    assert found["ordo_broker_restarts_total", "one"] == 0
    assert found["ordo_mailbox_depth", "router"] == 0
    assert found["ordo_loop_blocked_total",] == 0


async def test_names_keep_to_the_conventions(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        order = (await caller.place()).legs[0]["order_id"]
        await caller.call("DELETE", f"/api/v1/orders/{order}")
        found = await scraped(caller)
    for name, *labels in found:
        assert NAME.fullmatch(name), name
        assert not name.endswith(("_ms", "_count_total"))
        assert order not in labels
        assert "NSE:SBIN" not in labels


async def test_a_broker_whose_actor_is_silent_is_down(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        seat = caller.system.seats["one"]
        seat.mailbox.ask = _never
        found = await scraped(caller)
    assert found["ordo_broker_up", "one"] == 0
    assert ("ordo_breaker_state", "one") not in found


async def _never(message, **more):
    await trio.sleep_forever()


async def test_metrics_want_a_token_unless_they_are_public(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        without = await caller.get("/metrics", scope=None)
        server = msgspec.structs.replace(
            caller.system.settings.server, public_metrics=True
        )
        caller.system.settings = msgspec.structs.replace(
            caller.system.settings, server=server
        )
        answer = await ask(caller.app, "GET", "/metrics")
    assert without.status == 401
    assert answer.status == 200


async def test_orders_for_each_trade_are_told_by_metrics_and_status(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        for number in range(3):
            body = a_body(price=700 if number else 813)
            answer = await caller.place(body)
        await caller.call("DELETE", f"/api/v1/orders/{answer.legs[0]['order_id']}")
        before = await caller.get("/api/v1/status")
        await trio.sleep(60)
        found = await scraped(caller)
        after = await caller.get("/api/v1/status")
    asked = {"sent": 3, "changed": 0, "cancelled": 1}
    assert (
        before.data["brokers"][0]["order_to_trade"] | asked
        == (before.data["brokers"][0]["order_to_trade"])
    )
    assert after.data["brokers"][0]["order_to_trade"] == {
        **asked,
        "trades": 1,
        "ratio": "4.00",
    }
    assert found["ordo_order_to_trade_ratio", "one"] == 4.0


async def test_before_the_first_trade_the_ratio_counts_them_all(
    autojump_clock, tmp_path
):
    async with calling(tmp_path) as caller:
        for _ in range(2):
            await caller.place(a_body(price=700))
        found = await scraped(caller)
        (row,) = (await caller.get("/api/v1/status")).data["brokers"]
    assert found["ordo_order_to_trade_ratio", "one"] == 2.0
    assert row["order_to_trade"]["ratio"] is None
