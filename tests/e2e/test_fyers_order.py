"""An order through a running Ordo to a Fyers protocol server, and its mishaps."""

import pytest

from tests.support.waiting import until


def test_an_order_is_in_the_venues_book_once_with_its_tag(gateway):
    first = gateway.order("key-1", brokers=("venue", "paper"))
    again = gateway.order("key-1", brokers=("venue", "paper"))
    assert first.status_code == 200
    legs = {leg["broker"]: leg for leg in first.json()["results"]}
    assert legs["venue"]["status"] == legs["paper"]["status"] == "acked"
    assert gateway.tags() == [legs["venue"]["client_tag"]]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["data"]["batch_id"] == first.json()["data"]["batch_id"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_after_accept"},
        {"kind": "reset"},
        {"kind": "html_200"},
        {"kind": "truncated_body"},
        {"kind": "http_error", "status": 502, "html": True, "accepted": True},
        {"kind": "no_ack_201"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_what_may_have_arrived_is_unknown_then_found_and_never_sent_again(
    gateway, fault
):
    gateway.fault(on="place", **fault)
    answer = gateway.order("key-1")
    leg = answer.json()["results"][0]
    assert (answer.status_code, leg["status"]) == (202, "unknown")
    assert answer.json()["status"] == "pending"
    until(lambda: gateway.status_of(leg["order_id"]) == "acked")
    assert gateway.tags() == [leg["client_tag"]]
    assert gateway.order("key-1").status_code == 200


def test_a_200_with_an_error_body_is_a_refusal_in_the_brokers_words(gateway):
    gateway.fault(on="place", kind="error_200", code=-50, text="Invalid productType")
    leg = gateway.order("key-1").json()["results"][0]
    assert (leg["status"], leg["broker_code"]) == ("rejected", "-50")
    assert leg["broker_message"] == "Invalid productType"


def test_a_429_is_waited_out_inside_the_deadline(gateway):
    gateway.fault(on="place", kind="rate_limited", seconds=1)
    leg = gateway.order("key-1").json()["results"][0]
    assert (leg["status"], leg["attempts"]) == ("acked", 2)
    assert gateway.tags() == [leg["client_tag"]]


def test_an_expired_token_denies_the_order_and_asks_for_a_login(gateway):
    gateway.control.post("/_venue/tokens", json={"expire_all": True})
    leg = gateway.order("key-1").json()["results"][0]
    assert leg["status"] == "denied"
    # The second where a read of the book met the dead token before the order did.
    assert leg["error_code"] in ("session_expired", "login_required")
    assert gateway.order("key-2").json()["results"][0]["error_code"] == "login_required"
    status = gateway.client.get("/api/v1/status").json()["data"]["brokers"]
    assert {row["broker"]: row["connection"] for row in status}["venue"] == (
        "login_required"
    )


def test_a_cancel_reaches_the_venue_and_the_book_confirms_it(gateway):
    leg = gateway.order("key-1").json()["results"][0]
    answer = gateway.client.delete(f"/api/v1/orders/{leg['order_id']}")
    assert answer.json()["data"]["status"] == "cancelled"
    again = gateway.client.delete(f"/api/v1/orders/{leg['order_id']}")
    assert (again.status_code, again.json()["error_code"]) == (409, "conflict")


def test_accounts_are_read_through_one_shape(gateway):
    gateway.order("key-1", brokers=("venue", "paper"), price=900)
    positions = gateway.client.get("/api/v1/positions").json()
    assert positions["status"] == "success"
    assert {row["symbol"] for row in positions["data"]["positions"]} == {"NSE:SBIN"}
    assert {row["broker"] for row in positions["data"]["positions"]} == {
        "venue",
        "paper",
    }
    for path in ("funds", "holdings", "trades", "orderbook", "portfolio"):
        answer = gateway.client.get(f"/api/v1/{path}")
        assert (path, answer.json()["status"]) == (path, "success")
    quotes = gateway.client.get("/api/v1/quotes?symbols=NSE:SBIN&brokers=venue")
    assert quotes.json()["data"]["quotes"][0]["symbol"] == "NSE:SBIN"


def test_reads_are_partial_while_one_broker_is_down(gateway):
    gateway.venue.kill()
    answer = gateway.client.get("/api/v1/funds").json()
    assert answer["status"] == "partial"
    failed = {row["broker"]: row["error_code"] for row in answer["results"]}
    assert failed == {"venue": "broker_unavailable", "paper": None}


def test_cancel_open_by_the_switch_clears_the_venues_book(gateway):
    legs = [gateway.order(f"key-{n}").json()["results"][0] for n in range(3)]
    answer = gateway.client.put(
        "/api/v1/kill-switch",
        json={"engaged": True, "reason": "test", "cancel_open": True},
    )
    assert answer.json()["data"]["engaged"] is True
    assert gateway.order("key-9").json()["error_code"] == "kill_switch_engaged"

    def progress():
        answer = gateway.client.get("/api/v1/kill-switch").json()
        return answer["data"]["progress"]["cancels"]

    until(lambda: progress() == {"wanted": 3, "done": 3, "failed": 0})
    assert {gateway.status_of(leg["order_id"]) for leg in legs} == {"cancelled"}


def test_a_halt_outlives_kill_9(gateway):
    gateway.client.put("/api/v1/kill-switch", json={"engaged": True, "reason": "test"})
    gateway.ordo.kill()
    gateway.start()
    assert gateway.order("key-1").json()["error_code"] == "kill_switch_engaged"
    assert gateway.tags() == []
