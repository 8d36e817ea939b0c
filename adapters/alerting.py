"""What calls for a person, and how a person is told."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

import msgspec

Severity = Literal["critical", "warning", "resolved"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person should know now.

    `key` names what it is about: the same one is not told again and again. `resolved`
    says that an earlier one is over.
    """

    key: str
    severity: Severity
    at: datetime
    title: str
    text: str
    broker: str | None = None
    order_id: str | None = None


class AlertPort(Protocol):
    """One way to reach a person."""

    @property
    def name(self) -> str: ...

    async def send(self, alert: Alert) -> None:
        """Deliver *alert*.

        Raises:
            PublishFailed: it was not taken, or nobody knows.
        """

    async def aclose(self) -> None: ...
