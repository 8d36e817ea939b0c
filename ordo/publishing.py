"""From the settings to those who are told: publishers of events, alerts to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from adapters import ConfigError, PublisherPort
from adapters.alerting import AlertPort
from adapters.publishers.alert_hook import AlertHook
from adapters.publishers.kafka import Kafka
from adapters.publishers.mail import Mail, mail_server
from adapters.publishers.webhook import Webhook
from ordo.config import Settings

T = TypeVar("T")
Wall = Callable[[], datetime]


def publishers_of(settings: Settings, wall: Wall) -> list[PublisherPort]:
    """Who is told every event.

    Raises:
        ConfigError: a setting of theirs cannot be.
    """
    publishers: list[PublisherPort] = []
    kafka, hook = settings.events.kafka, settings.events.webhook
    if kafka.bootstrap_servers:
        publishers.append(Kafka(kafka.bootstrap_servers, kafka.topic))
    if hook.url:
        publishers.append(
            _of(
                "events.webhook.url",
                lambda: Webhook(
                    hook.url, hook.secret, wall=wall, allow_private=hook.allow_private
                ),
            )
        )
    return publishers


def channels_of(settings: Settings, wall: Wall) -> list[AlertPort]:
    """How people are reached.

    Raises:
        ConfigError: a setting of theirs cannot be.
    """
    channels: list[AlertPort] = []
    alerts = settings.alerts
    if alerts.webhook:
        hook = _of(
            "alerts.webhook",
            lambda: Webhook(
                alerts.webhook,
                alerts.webhook_secret,
                wall=wall,
                allow_private=alerts.allow_private,
            ),
        )
        channels.append(AlertHook(hook))
    if alerts.email_to:
        server = _of(
            "alerts.smtp", lambda: mail_server(alerts.smtp, alerts.smtp_password)
        )
        sender = alerts.email_from or alerts.email_to
        channels.append(Mail(server, to=alerts.email_to, sender=sender))
    return channels


def _of(key: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
