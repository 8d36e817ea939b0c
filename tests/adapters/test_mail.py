"""Alerts by mail, over real sockets: STARTTLS, log-in, refusals."""

from __future__ import annotations

import functools
import ssl
from contextlib import asynccontextmanager

import pytest
import trio

from adapters import ConfigError, PublishFailed
from adapters.alerting import Alert
from adapters.publishers.mail import Mail, MailServer, mail_server
from adapters.secret import Secret
from ordo import tls
from tests.support.memory_store import START

ALERT = Alert(
    key="breaker:one",
    severity="critical",
    at=START,
    title="one is down",
    text="it failed too often",
    broker="one",
)
GREETING = b"220 here\r\n"


class Postman:
    """Speaks as much SMTP as a client needs; `says` replaces an answer."""

    def __init__(self, context):
        self.context = context
        self.heard: list[str] = []
        self.encrypted_from = -1
        self.says: dict[str, bytes] = {}
        self.mail = b""

    async def serve(self, stream):
        await stream.send_all(GREETING)
        while (line := await self._line(stream)) is not None:
            word = line.split(" ")[0].upper()
            self.heard.append(line)
            if word == "STARTTLS":
                await stream.send_all(b"220 go\r\n")
                self.encrypted_from = len(self.heard)
                stream = trio.SSLStream(stream, self.context, server_side=True)
                continue
            await stream.send_all(self.says.get(word) or self._answer(word))
            if word == "DATA":
                while not self.mail.endswith(b"\r\n.\r\n"):
                    self.mail += await stream.receive_some(4096)
                await stream.send_all(b"250 taken\r\n")
            if word == "QUIT":
                return

    async def _line(self, stream):
        text = b""
        while not text.endswith(b"\r\n"):
            try:
                part = await stream.receive_some(1)
            except trio.BrokenResourceError:
                return None
            if not part:
                return None
            text += part
        return text.decode().strip()

    def _answer(self, word):
        if word == "EHLO":
            return b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
        if word == "AUTH":
            return b"235 welcome\r\n"
        if word == "QUIT":
            return b"221 bye\r\n"
        if word == "DATA":
            return b"354 go on\r\n"
        return b"250 ok\r\n"


@asynccontextmanager
async def posting(tmp_path):
    files = tls.ensure(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    postman = Postman(context)
    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, postman.serve, 0, host="127.0.0.1")
        (listener,) = await nursery.start(serve)
        port = listener.socket.getsockname()[1]
        server = MailServer("127.0.0.1", port, False, "ordo", Secret("hunter2"))
        trust = ssl.create_default_context(cafile=files.ca)
        yield postman, Mail(server, to="me@test", sender="ordo@test", tls=trust)
        nursery.cancel_scope.cancel()


async def test_an_alert_is_handed_in_encrypted_and_logged_in(tmp_path):
    async with posting(tmp_path) as (postman, mail):
        await mail.send(ALERT)
    words = [line.split(" ")[0].upper() for line in postman.heard]
    assert words.index("STARTTLS") < words.index("AUTH") < words.index("DATA")
    assert "MAIL" not in words[: postman.encrypted_from]
    assert b"Subject: [Ordo] critical: one is down" in postman.mail
    assert b"To: me@test" in postman.mail
    assert b"it failed too often" in postman.mail


@pytest.mark.parametrize("word", ["AUTH", "RCPT", "STARTTLS-less"])
async def test_a_refusal_is_told_without_its_words(word, tmp_path):
    async with posting(tmp_path) as (postman, mail):
        postman.says[word] = b"535 no: hunter2\r\n"
        if word == "STARTTLS-less":
            postman.says["EHLO"] = b"250 here\r\n"
        with pytest.raises(PublishFailed) as failed:
            await mail.send(ALERT)
    assert "hunter2" not in str(failed.value)
    assert postman.mail == b""


async def test_nobody_there_is_told():
    mail = Mail(MailServer("127.0.0.1", 1, True, None, None), to="a@b", sender="c@d")
    with pytest.raises(PublishFailed, match=r"127\.0\.0\.1: ConnectionRefusedError"):
        await mail.send(ALERT)
    await mail.aclose()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://ordo@mail.test", MailServer("mail.test", 587, False, "ordo", None)),
        ("smtps://mail.test:4650", MailServer("mail.test", 4650, True, None, None)),
    ],
)
def test_where_mail_is_handed_in(url, server):
    assert mail_server(url, None) == server


@pytest.mark.parametrize(
    "url", ["mail.test", "http://mail.test", "smtp://", "smtp://u:p@m"]
)
def test_what_is_no_mail_server_is_refused(url):
    with pytest.raises(ConfigError, match="wanted smtp://"):
        mail_server(url, None)
