"""The log-in: password and OTP step by step, or HDFC's own page. Source: dossier 4.

No step is ever tried again: the rules after which HDFC locks an account are not
published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from adapters.brokers.hdfc import wire
from adapters.brokers.hdfc.answers import login_answer
from adapters.brokers.hdfc.session import AGENT, JSON, granted
from adapters.brokers.hdfc.settings import HdfcSettings
from adapters.errors import ConfigError, LoginRefused, SentUnknown, Unsupported
from adapters.http import BrokerHttp, Endpoint
from adapters.login import REDIRECT_URL, Challenge, ChallengeKind, Field, Grant
from adapters.secret import Secret

T = TypeVar("T")

API = "https://developer.hdfcsec.com/oapi/v1"
GOOD_FOR = timedelta(minutes=5)
"""How long a question may wait: our own bound; HDFC publishes none."""
PAGE_FOR = timedelta(minutes=15)
REDIRECT_NAMES = ("request_token", "requestToken", "request-token", "code")
"""Of the query that the page comes back with: not documented. Source: dossier 4.2."""
TOKEN_ID = "token_id"  # noqa: S105 - a name
PASSWORD, OTP = "password", "otp"

_token_ids = msgspec.json.Decoder(wire.TokenId)
_validated = msgspec.json.Decoder(wire.Validated)
_requests = msgspec.json.Decoder(wire.RequestToken)
_access = msgspec.json.Decoder(wire.AccessToken)


class HdfcLogin:
    """How one gets into one account.

    Args:
        settings: of the app and the user; `secret` is wanted here.
        wall: wall time, aware.
    """

    unattended = False

    def __init__(
        self, settings: HdfcSettings, http: BrokerHttp, wall: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._http = http
        self._wall = wall
        self._start = http.endpoint("GET", f"{API}/login", agent=AGENT)
        self._validate = http.endpoint("POST", f"{API}/login/validate", agent=AGENT)
        self._twofa = http.endpoint("POST", f"{API}/twofa/validate", agent=AGENT)
        self._authorise = http.endpoint("GET", f"{API}/authorise", agent=AGENT)
        self._exchange = http.endpoint("POST", f"{API}/access-token", agent=AGENT)

    async def begin(self, state: str) -> Challenge:
        """Ask for the OTP, or for the password first, or show the page to open.

        Raises:
            ConfigError: `secret` is missing.
        """
        self._secret()
        if not self._settings.username:
            return self._page()
        started = await self._step(self._start, {}, None, _token_ids)
        token_id = Secret(started.tokenId)
        if self._settings.password is None:
            return self._asked("Your HDFC Securities password", PASSWORD, token_id)
        return await self._with_password(token_id, self._settings.password)

    async def answer(
        self, challenge: Challenge, answers: Mapping[str, Secret]
    ) -> Challenge | Grant:
        """Go on: password, then OTP; or the address that the page led to.

        Raises:
            LoginRefused: it is late, nothing was given, or HDFC says no.
        """
        if self._wall() >= challenge.good_until:
            raise LoginRefused("", "this log-in has run out; begin a new one")
        if challenge.kind is ChallengeKind.REDIRECT:
            address = answers.get(REDIRECT_URL, Secret(""))
            return await self._bought(_request_token(address))
        (field,) = challenge.fields
        given = answers.get(field.name)
        if given is None or not given.reveal():
            raise LoginRefused("", f"wanted {field.name}, found nothing", again=True)
        token_id = challenge.memo[TOKEN_ID]
        if field.name == PASSWORD:
            return await self._with_password(token_id, given)
        return await self._with_otp(token_id, given)

    async def refresh(self, grant: Grant) -> Grant:
        """There is no such call.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("HDFC renews no sessions: log in anew")

    async def logout(self) -> None:
        """Nothing at HDFC, which has no call for it; the token dies by itself."""

    def adopt(self, access_token: Secret, now: datetime) -> Grant:
        """A grant of a token got elsewhere; see `session.granted` for its end."""
        return granted(access_token, now)

    async def _with_password(self, token_id: Secret, password: Secret) -> Challenge:
        body = {"username": self._settings.username, "password": password.reveal()}
        query = {TOKEN_ID: token_id.reveal()}
        found = await self._step(self._validate, query, body, _validated)
        if found.recaptcha:
            raise LoginRefused(
                "",
                "HDFC wants a picture puzzle solved: leave username out of the settings"
                " and log in by its page",
            )
        questions = found.twofa.questions if found.twofa else []
        prompt = questions[0].question if questions else "Enter the OTP"
        return self._asked(prompt[:200], OTP, token_id)

    async def _with_otp(self, token_id: Secret, otp: Secret) -> Grant:
        """OTP, consent, token. It is the user's own app that is agreed to."""
        query = {TOKEN_ID: token_id.reveal()}
        body = {"answer": otp.reveal()}
        given = await self._step(self._twofa, query, body, _requests, again=True)
        query |= {"consent": "True", "request_token": given.requestToken}
        agreed = await self._step(self._authorise, query, None, _requests)
        return await self._bought(Secret(agreed.requestToken))

    async def _bought(self, request_token: Secret) -> Grant:
        query = {"request_token": request_token.reveal()}
        body = {"apiSecret": self._secret().reveal()}
        found = await self._step(self._exchange, query, body, _access)
        inner = found.data or found
        token = found.accessToken or found.access_token
        token = token or inner.accessToken or inner.access_token
        if not token:
            raise SentUnknown("a success without an access token")
        return granted(Secret(token), self._wall())

    async def _step(
        self,
        endpoint: Endpoint,
        query: Mapping[str, str],
        body: dict[str, str] | None,
        decoder: msgspec.json.Decoder[T],
        *,
        again: bool = False,
    ) -> T:
        reply = await self._http.send(
            endpoint,
            headers=() if body is None else (JSON,),
            query={"api_key": self._settings.api_key.reveal(), **query},
            body=b"" if body is None else msgspec.json.encode(body),
        )
        return login_answer(reply, decoder, again=again)

    def _asked(self, prompt: str, name: str, token_id: Secret) -> Challenge:
        label = "Password" if name == PASSWORD else "OTP"
        return Challenge(
            kind=ChallengeKind.OTP,
            prompt=prompt,
            good_until=self._wall() + GOOD_FOR,
            fields=(Field(name=name, label=label),),
            memo={TOKEN_ID: token_id},
        )

    def _page(self) -> Challenge:
        key = {"api_key": self._settings.api_key.reveal()}
        return Challenge(
            kind=ChallengeKind.REDIRECT,
            prompt="Log in on HDFC's page, then paste the address that it leads to.",
            good_until=self._wall() + PAGE_FOR,
            login_url=str(self._start.url.copy_merge_params(key)),
        )

    def _secret(self) -> Secret:
        if self._settings.secret is None:
            raise ConfigError("secret: a log-in to HDFC wants it, found nothing")
        return self._settings.secret


def _request_token(address: Secret) -> Secret:
    """What the page came back with. HDFC passes no state on, so an address is taken
    from the user alone.

    Raises:
        LoginRefused: it is not there.
    """
    try:
        query = parse_qs(urlsplit(address.reveal()).query)
    except ValueError:
        query = {}
    for name in REDIRECT_NAMES:
        if found := query.get(name, [""])[-1]:
            return Secret(found)
    raise LoginRefused("", "the address bears no request_token", again=True)
