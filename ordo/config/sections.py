"""Every section of `ordo.toml` but the brokers', with its defaults.

What each key means stands once, in `ordo.toml.example`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from adapters.secret import Secret

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the settings; a key that it does not name is an error."""


class Server(Section, frozen=True, kw_only=True):
    """Where clients reach Ordo. `drain_timeout` is seconds."""

    bind: str = "127.0.0.1:8443"
    tls: Literal["auto", "files", "proxy", "off"] = "auto"
    cert: str = ""
    key: str = ""
    client_ca: str = ""
    public_status: bool = False
    public_metrics: bool = False
    drain_timeout: Annotated[float, msgspec.Meta(ge=0)] = 25.0


class Auth(Section, frozen=True, kw_only=True):
    """The configured admin token; None: only stored tokens work."""

    token: Secret | None = None


class Data(Section, frozen=True, kw_only=True):
    """Where Ordo remembers. `master_key` None: `DATA/master.key` holds it."""

    dir: str = "./var"
    store: str = "sqlite"
    redis: str = ""
    master_key: Secret | None = None

    @property
    def path(self) -> Path:
        """The data directory; what is relative starts at the working directory."""
        return Path(self.dir).expanduser()


class Orders(Section, frozen=True, kw_only=True):
    """How orders are taken. `submit_timeout` is seconds, for every broker.

    `pre_trade_checks`: False leaves out band and funds; "strict": what could not be
    checked is denied. `most_slices`: orders that one is cut into at the most.
    """

    require_idempotency_key: bool = False
    deadline_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 5000
    pre_trade_checks: bool | Literal["strict"] = True
    submit_timeout: Seconds = 10.0
    most_slices: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


class Market(Section, frozen=True, kw_only=True):
    """The market's rules. Empty: the protection table and the calendar that Ordo comes
    with; no echo. `rest_after` is seconds."""

    protection_file: str = ""
    calendar_file: str = ""
    rest_after: Seconds = 30.0
    address_echo: str = ""


class Audit(Section, frozen=True, kw_only=True):
    """When an audit file is closed, and how long it is kept."""

    max_bytes: Count = 67_108_864
    keep_days: Count = 2922


class Log(Section, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "json", "console"] = "auto"


class Kafka(Section, frozen=True, kw_only=True):
    """Order events to Kafka; without servers nothing is sent."""

    bootstrap_servers: str = ""
    topic: str = "ordo.orders"


class Webhook(Section, frozen=True, kw_only=True):
    """Events to a web hook; without a URL nothing is sent."""

    url: str = ""
    secret: Secret | None = None
    allow_private: bool = False


class Events(Section, frozen=True, kw_only=True):
    """Where order events go besides the event stream."""

    kafka: Kafka = Kafka()
    webhook: Webhook = Webhook()


class Alerts(Section, frozen=True, kw_only=True):
    """Who is told when something needs a person. `unknown_after` is seconds."""

    webhook: str = ""
    webhook_secret: Secret | None = None
    allow_private: bool = False
    email_to: str = ""
    email_from: str = ""
    smtp: str = ""
    smtp_password: Secret | None = None
    unknown_after: Seconds = 300.0


class Clock(Section, frozen=True, kw_only=True):
    """The time server that our clock is held against, if any. `limit` is seconds."""

    server: str = ""
    limit: Seconds = 1.0


class Telemetry(Section, frozen=True, kw_only=True):
    """Anonymous counts; sent once a day, if enabled and where a URL is set."""

    enabled: bool = False
    url: str = ""
