"""What the pages are looked at over: a real Ordo with three brokers, and its venues."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

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

APP = VENUE_TOKEN.partition(":")[0]
OTP = "123456"
ORDER = {
    "symbol": "NSE:SBIN",
    "side": "BUY",
    "quantity": 10,
    "type": "LIMIT",
    "price": 800,
    "product": "INTRADAY",
}


class Desk:
    """An Ordo: `fyers-main` by redirect, `hdfc-main` by OTP, `paper` filled by hand."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self.fyers = FyersVenue(directory / "f.log", "--app", f"{APP}:SECRET")
        self.hdfc = Venue("hdfc", directory / "h.log")
        stack.enter_context(ended(self.fyers, self.hdfc))
        port = free_port()
        self.config = write_config(directory, self._tables(port), port=port)
        self.start()
        self.venue = stack.enter_context(
            httpx.Client(
                base_url=self.fyers.url, timeout=30, trust_env=False, verify=PLAIN
            )
        )

    def _tables(self, port: int) -> dict[str, dict[str, Any]]:
        sessions = f"http://127.0.0.1:{port}/api/v1/sessions"
        return {
            "fyers-main": {
                "adapter": "fyers",
                "app_id": APP,
                "secret": "SECRET",
                "redirect_uri": f"{sessions}/fyers-main/callback",
                "base_url": self.fyers.url,
            },
            "hdfc-main": {
                "adapter": "hdfc",
                "api_key": "KEY",
                "secret": "SECRET",
                "username": "1234567",
                "password": "hunter2",
                "base_url": self.hdfc.url,
            },
            "paper": {"adapter": "paper", "fill": "manual", "volatility": 0},
        }

    def start(self) -> None:
        """Start Ordo (again, where the former one has ended)."""
        self.ordo = Ordo(self.config)
        self._stack.enter_context(ended(self.ordo))
        self.url = self.ordo.url
        self.client = self._stack.enter_context(
            httpx.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
                trust_env=False,
                verify=PLAIN,
            )
        )

    def place(
        self, broker: str = "paper", portfolio_id: str | None = None, **changes: Any
    ) -> dict[str, Any]:
        """An order, as another client places it: its leg."""
        body: dict[str, Any] = {"brokers": [broker], "portfolio_id": portfolio_id}
        body["orders"] = [ORDER | changes]
        answer = self.client.post("/api/v1/orders", json=body).json()
        assert answer["results"], answer
        leg: dict[str, Any] = answer["results"][0]
        return leg

    def cancel_all(self) -> None:
        """End every order that is open."""
        brokers = ["paper", "fyers-main"]
        self.client.post("/api/v1/orders/cancel", json={"brokers": brokers})

    def switch(self, **body: Any) -> dict[str, Any]:
        """Turn the kill-switch, as another client does; how it stands then."""
        answer = self.client.put("/api/v1/kill-switch", json=body)
        data: dict[str, Any] = answer.raise_for_status().json()["data"]
        return data

    def log_in(self, broker: str) -> None:
        """Log in to a broker, as `ordo login` does."""
        path = f"/api/v1/sessions/{broker}"
        asked = self.client.post(f"{path}/login").json()["data"]
        if asked["login_url"]:
            httpx.get(
                asked["login_url"], follow_redirects=True, trust_env=False, verify=PLAIN
            )
            return
        body = {"challenge_id": asked["challenge_id"], "otp": OTP}
        self.client.post(f"{path}/verify", json=body).raise_for_status()

    def log_out(self, broker: str) -> None:
        """End a session."""
        self.client.delete(f"/api/v1/sessions/{broker}").raise_for_status()

    def lose_next_order(self) -> None:
        """The next order to `fyers-main` is dropped unread: it stays unknown."""
        fault = {"on": "place", "kind": "drop_before_accept"}
        self.venue.post("/_venue/faults", json=fault).raise_for_status()
