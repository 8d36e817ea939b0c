"""The log-in: FYERS's page in a browser, and back with a code that buys a token.

The page asks for the number, the one-time password and the PIN itself; none of them
passes through here. Source: dossier 3.1.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import msgspec

from adapters.brokers.fyers import wire
from adapters.brokers.fyers.answers import login_answer, read_answer
from adapters.brokers.fyers.session import Session, granted
from adapters.brokers.fyers.settings import FyersSettings
from adapters.errors import (
    ConfigError,
    LoginRefused,
    Refused,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.http import BrokerHttp
from adapters.login import REDIRECT_URL, Challenge, ChallengeKind, Grant
from adapters.secret import Secret

API = "https://api-t1.fyers.in/api/v3"
GOOD_FOR = timedelta(minutes=15)
"""How long a page may take: our own bound; FYERS publishes none."""

JSON = ((b"Content-Type", b"application/json"),)
STATE = "state"

_tokens = msgspec.json.Decoder(wire.TokenAnswer)
_envelopes = msgspec.json.Decoder(wire.Envelope)


class FyersLogin:
    """How one gets into one account, by a redirect.

    Args:
        settings: of the app: `secret` and `redirect_uri` are wanted here.
        session: the one in force, which a log-out ends.
        wall: wall time, aware.
    """

    def __init__(
        self,
        settings: FyersSettings,
        http: BrokerHttp,
        session: Session,
        wall: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._http = http
        self._session = session
        self._wall = wall
        self._page = http.endpoint("GET", f"{API}/generate-authcode").url
        self._exchange = http.endpoint("POST", f"{API}/validate-authcode")
        self._logout = http.endpoint("POST", f"{API}/logout")

    @property
    def unattended(self) -> bool:
        """Never: a person opens the page."""
        return False

    async def begin(self, state: str) -> Challenge:
        """The page to open; nothing is sent by us.

        Raises:
            ConfigError: `secret` or `redirect_uri` is missing.
        """
        self._secret()
        query = {
            "client_id": self._settings.app_id,
            "redirect_uri": self._settings.redirect_uri,
            "response_type": "code",
            "state": state,
        }
        return Challenge(
            kind=ChallengeKind.REDIRECT,
            prompt="Log in on FYERS's page; it leads back here by itself.",
            good_until=self._wall() + GOOD_FOR,
            login_url=str(self._page.copy_merge_params(query)),
            memo={STATE: Secret(state)},
        )

    async def answer(
        self, challenge: Challenge, answers: Mapping[str, Secret]
    ) -> Grant:
        """Buy a token with the code that the page's redirect bears.

        Args:
            answers: `REDIRECT_URL`, the whole address that it came back to.

        Raises:
            LoginRefused: it is late, of another log-in, without a code, or FYERS says
                no. Before FYERS was asked the challenge can be answered again.
        """
        if self._wall() >= challenge.good_until:
            raise LoginRefused("", "this log-in has run out; begin a new one")
        code = _code(challenge, answers.get(REDIRECT_URL, Secret("")))
        body = wire.TokenBody(
            grant_type="authorization_code",
            appIdHash=self._app_id_hash(),
            code=code.reveal(),
        )
        reply = await self._http.send(
            self._exchange, headers=JSON, body=msgspec.json.encode(body)
        )
        token = login_answer(reply, _tokens).access_token
        if not token:
            raise SentUnknown("a success without access_token", reply.status)
        return granted(Secret(token), self._wall())

    async def refresh(self, grant: Grant) -> Grant:
        """Not any more. Source: dossier 3.4.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(
            "FYERS renews no sessions since 1 April 2026: log in anew each trading day"
        )

    async def logout(self) -> None:
        """End this app's token; web and mobile sessions stay. Source: dossier 3.5."""
        if not self._session.is_there:
            return
        reply = await self._http.send(
            self._logout, headers=self._session.headers(), body=b"null"
        )
        try:
            read_answer(reply, _envelopes)
        except SessionExpired:  # what a log-out wants
            return
        except Refused as exc:
            raise LoginRefused(exc.code, exc.text, exc.http_status) from exc

    def adopt(self, access_token: Secret, now: datetime) -> Grant:
        """A grant of a token got elsewhere; see `session.granted` for its end."""
        return granted(access_token, now)

    def _app_id_hash(self) -> str:
        """SHA-256 over app id with its suffix, colon, secret. Source: dossier 3.1."""
        text = f"{self._settings.app_id}:{self._secret().reveal()}"
        return hashlib.sha256(text.encode()).hexdigest()

    def _secret(self) -> Secret:
        secret, redirect_uri = self._settings.secret, self._settings.redirect_uri
        if secret is None or not redirect_uri:
            key = "secret" if secret is None else "redirect_uri"
            raise ConfigError(f"{key}: a log-in to FYERS wants it, found nothing")
        return secret


def _code(challenge: Challenge, address: Secret) -> Secret:
    """The auth code of a redirect, once its state is the one that we gave.

    The parameter `code` beside it is a result code and buys nothing.

    Raises:
        LoginRefused: see `FyersLogin.answer`.
    """
    try:
        query = parse_qs(urlsplit(address.reveal()).query)
    except ValueError:
        query = {}
    given = {name: values[-1] for name, values in query.items()}
    wanted = challenge.memo[STATE].reveal().encode()
    if not hmac.compare_digest(given.get(STATE, "").encode(), wanted):
        raise LoginRefused(
            "",
            "the address does not bear the state of this log-in: it is of another one,"
            " or not the whole address that FYERS's page led to",
            again=True,
        )
    if given.get("s", "ok").lower() != "ok":
        raise LoginRefused(given.get("code", ""), given.get("message", "")[:500])
    if not given.get("auth_code"):
        raise LoginRefused("", "the address bears no auth_code", again=True)
    return Secret(given["auth_code"])
