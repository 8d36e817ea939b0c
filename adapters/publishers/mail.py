"""Alerts by e-mail: SMTP with TLS, in a thread."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import NamedTuple
from urllib.parse import urlsplit

import trio

from adapters.alerting import Alert
from adapters.errors import ConfigError
from adapters.publishing import PublishFailed
from adapters.secret import Secret

TIMEOUT = 20.0
PORTS = {"smtp": 587, "smtps": 465}


class MailServer(NamedTuple):
    """Where mail is handed in. `implicit`: TLS from the first byte, else STARTTLS."""

    host: str
    port: int
    implicit: bool
    user: str | None
    password: Secret | None


class Mail:
    """Sends each alert to one address.

    Args:
        server: takes it.
        to, sender: addresses.
        tls: trust other than the usual authorities.
    """

    name = "mail"

    def __init__(
        self,
        server: MailServer,
        *,
        to: str,
        sender: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._to = to
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    async def send(self, alert: Alert) -> None:
        """Deliver *alert*.

        Raises:
            PublishFailed: the server did not take it.
        """
        message = EmailMessage()
        message["Subject"] = f"[Ordo] {alert.severity}: {alert.title}"
        message["From"], message["To"] = self._sender, self._to
        message.set_content(f"{alert.text}\n\n{alert.at.isoformat()}  {alert.key}\n")
        await trio.to_thread.run_sync(self._deliver, message)

    def _deliver(self, message: EmailMessage) -> None:
        server = self._server
        try:
            with self._connection() as smtp:
                if not server.implicit:
                    smtp.starttls(context=self._tls)  # never a word in the clear
                if server.user is not None and server.password is not None:
                    smtp.login(server.user, server.password.reveal())
                smtp.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            kind = type(error).__name__  # its words may quote what was sent
            raise PublishFailed(f"{server.host}: {kind}") from None

    def _connection(self) -> smtplib.SMTP:
        server = self._server
        if server.implicit:
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT, context=self._tls
            )
        return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)

    async def aclose(self) -> None:
        """Nothing is kept open."""


def mail_server(url: str, password: Secret | None) -> MailServer:
    """`smtp://[USER@]HOST[:587]` or `smtps://[USER@]HOST[:465]`.

    Raises:
        ConfigError: it is none of them.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise ConfigError("wanted smtp://USER@HOST:PORT or smtps://") from None
    if not parts.hostname or parts.password:
        raise ConfigError("wanted smtp://USER@HOST:PORT, the password apart")
    return MailServer(
        host=parts.hostname,
        port=port,
        implicit=parts.scheme == "smtps",
        user=parts.username,
        password=password,
    )
