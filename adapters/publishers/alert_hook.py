"""Alerts to a web hook."""

from __future__ import annotations

import msgspec

from adapters.alerting import Alert
from adapters.publishers.webhook import Webhook

ENCODER = msgspec.json.Encoder()


class AlertHook:
    """Posts each alert as `{"version", "alert"}`, and as `text` for chat services.

    Args:
        webhook: where to.
    """

    name = "webhook"

    def __init__(self, webhook: Webhook) -> None:
        self._webhook = webhook

    async def send(self, alert: Alert) -> None:
        """Deliver *alert*; see `Webhook.post`."""
        body = {"version": 1, "text": f"{alert.title}: {alert.text}", "alert": alert}
        await self._webhook.post(ENCODER.encode(body))

    async def aclose(self) -> None:
        """Close its connections."""
        await self._webhook.aclose()
