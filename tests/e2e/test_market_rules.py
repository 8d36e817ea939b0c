"""Protected orders and the way out, with real processes and sockets."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.waiting import until

MARKET = {"type": "MARKET", "price": None}


class Tells(BaseHTTPRequestHandler):
    """Tells callers their address, as JSON."""

    def do_GET(self) -> None:
        body = b'{"ip": "%s"}' % self.client_address[0].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def echo() -> Iterator[str]:
    """The URL of an echo on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Tells) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def in_book(gateway):
    """The one order in the venue's book."""
    (order,) = gateway.control.get("/_venue/book").json()["orders"]
    return order


def test_a_market_order_reaches_the_venue_as_a_limit(gateway):
    leg = gateway.order("key-1", **MARKET).json()["results"][0]
    order = gateway.client.get(f"/api/v1/orders/{leg['order_id']}").json()["data"]
    assert order["type"] == "MARKET"
    assert order["sent_as"] == leg["sent_as"]
    assert leg["sent_as"]["type"] == "LIMIT"
    assert in_book(gateway)["row"]["limitPrice"] == leg["sent_as"]["price"]
    assert leg["status"] in ("acked", "filled")


def test_after_kill_9_it_is_found_as_it_was_sent_and_not_sent_again(gateway):
    gateway.fault(on="place", kind="drop_after_accept")
    leg = gateway.order("key-1", **MARKET).json()["results"][0]
    assert leg["status"] == "unknown"
    gateway.ordo.kill()
    gateway.start()
    path = f"/api/v1/orders/{leg['order_id']}"
    until(lambda: gateway.status_of(leg["order_id"]) in ("acked", "filled"))
    order = gateway.client.get(path).json()["data"]
    assert (order["type"], order["sent_as"]) == ("MARKET", leg["sent_as"])
    assert gateway.tags() == [leg["client_tag"]]
    again = gateway.order("key-1", **MARKET)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert gateway.tags() == [leg["client_tag"]]


def test_orders_go_from_the_address_that_is_expected_and_from_no_other(gateway):
    with echo() as url:
        for bound, error_code in (
            ("127.0.0.2", None),
            ("127.0.0.3", "egress_mismatch"),
        ):
            gateway.ordo.stop()
            gateway.start(
                ORDO_MARKET__ADDRESS_ECHO=url,
                ORDO_BROKERS__VENUE__EXPECT_IP="127.0.0.2",
                ORDO_BROKERS__VENUE__EGRESS=f"bind:{bound}",
            )
            until(lambda bound=bound: egress(gateway)["found"] == bound)
            leg = gateway.order(f"key-{bound}").json()["results"][0]
            assert leg["error_code"] == error_code
            funds = gateway.client.get("/api/v1/funds?brokers=venue").json()
            assert funds["status"] == "success"
    assert "wanted" not in (leg["message"] or "")
    assert "127.0.0.2 (expect_ip)" in leg["message"]
    assert len(gateway.tags()) == 1


def egress(gateway):
    rows = gateway.client.get("/api/v1/status").json()["data"]["brokers"]
    return next(row["egress"] for row in rows if row["broker"] == "venue")
