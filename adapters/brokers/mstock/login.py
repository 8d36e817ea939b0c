"""The log-in: client code and password, then a code by SMS or of an authenticator app.

No page is opened. Nothing tells beforehand which of the two codes an account wants, and
a code given to the wrong one of two calls is refused as if it were mistyped: so the
user says which it is, or a stored seed does. Source: dossier 3, 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from adapters.brokers.mstock.answers import login_step, read
from adapters.brokers.mstock.dialect import HOST, VERSION, Dialect, Request
from adapters.brokers.mstock.session import Session, granted
from adapters.brokers.mstock.settings import MstockSettings
from adapters.errors import (
    ConfigError,
    LoginRefused,
    Refused,
    SentUnknown,
    SessionExpired,
    Unsupported,
)
from adapters.http import BrokerHttp
from adapters.http1 import RawHeaders
from adapters.login import Challenge, ChallengeKind, Field, Grant
from adapters.reply import Reply
from adapters.secret import Secret
from adapters.totp import totp

GOOD_FOR = timedelta(minutes=10)
"""How long a code may take: our own bound; m.Stock publishes none."""

PASSWORD, OTP, APP, HANDLE = "password", "otp", "totp", "handle"
BY_APP = "app:"
"""Written before a code that an authenticator app made."""


class MstockLogin:
    """How one gets into one account.

    Args:
        settings: `username` is wanted here; `password` and `totp_seed` are asked for
            where they are not stored.
        session: the one in force, which a log-out ends.
        wall: wall time, aware.
    """

    def __init__(
        self,
        settings: MstockSettings,
        dialect: Dialect,
        http: BrokerHttp,
        session: Session,
        wall: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._dialect = dialect
        self._http = http
        self._session = session
        self._wall = wall

    @property
    def unattended(self) -> bool:
        """Whether both the password and the seed are stored."""
        return None not in (self._settings.password, self._settings.totp_seed)

    async def begin(self, state: str) -> Challenge | Grant:
        """Ask for the password, or give the stored one and ask for the code.

        Raises:
            ConfigError: `username` is missing, or `totp_seed` is none.
            LoginRefused: the stored password or seed is not right.
        """
        if not self._settings.username:
            raise ConfigError("username: wanted the client code, to log in")
        if self._settings.totp_seed is not None:
            totp(self._settings.totp_seed, self._wall())  # before a try is spent
        if self._settings.password is not None:
            return await self._enter(self._settings.password)
        field = Field(name=PASSWORD, label="Password")
        return self._challenge(
            f"m.Stock's password of {self._settings.username}", field
        )

    async def answer(
        self, challenge: Challenge, answers: Mapping[str, Secret]
    ) -> Challenge | Grant:
        """Go on with the password or the code, whichever was asked for.

        Args:
            answers: `password`; or `otp`, or `totp` for an authenticator app's code.

        Raises:
            LoginRefused: it is late, not what was asked for, or m.Stock says no. A
                wrong password counts towards a lock, a wrong code ends the log-in.
        """
        if self._wall() >= challenge.good_until:
            raise LoginRefused("", "this log-in has run out; begin a new one")
        if challenge.fields[0].name == PASSWORD:
            return await self._enter(_given(answers, PASSWORD))
        handle = challenge.memo[HANDLE].reveal()
        if APP in answers:
            return await self._finish(handle, _given(answers, APP), app=True)
        code = _given(answers, OTP).reveal()
        app = code.lower().startswith(BY_APP)
        bare = Secret(code[len(BY_APP) :].strip() if app else code)
        return await self._finish(handle, bare, app=app)

    async def refresh(self, grant: Grant) -> Grant:
        """There is no call that does it. Source: dossier 5.

        Raises:
            Unsupported: always.
        """
        raise Unsupported("m.Stock renews no sessions: log in anew each trading day")

    async def logout(self) -> None:
        """End the session at m.Stock."""
        if not self._session.is_there:
            return
        request = Request("GET", f"{self._dialect.root}/logout")
        reply = await self._send(request, self._session.headers())
        try:
            read(reply)
        except SessionExpired:  # what a log-out wants
            return
        except Refused as exc:
            raise LoginRefused(exc.code, exc.text, exc.http_status) from exc

    def adopt(self, access_token: Secret, now: datetime) -> Grant:
        """A grant of a token got elsewhere; see `session.granted` for its end."""
        return granted(access_token, now)

    async def _enter(self, password: Secret) -> Challenge | Grant:
        username = self._settings.username
        request = self._dialect.password_step(username, password)
        data = login_step(await self._send(request, (VERSION,)))
        handle = self._dialect.handle(data)
        if self._settings.totp_seed is not None:
            code = totp(self._settings.totp_seed, self._wall())
            return await self._finish(handle, code, app=True)
        field = Field(name=OTP, label=f"Code (of an authenticator app: {BY_APP}CODE)")
        prompt = (
            "The code that m.Stock sent by SMS and e-mail. An account with an"
            f" authenticator app gets none: write {BY_APP} and the app's code."
        )
        return self._challenge(prompt, field, {HANDLE: Secret(handle)})

    async def _finish(self, handle: str, code: Secret, *, app: bool) -> Grant:
        api_key = self._settings.api_key
        request = self._dialect.second_step(api_key, handle, code, app=app)
        headers = (VERSION, *self._dialect.knocking(api_key))
        reply = await self._send(request, headers)
        got = self._dialect.got(login_step(reply))
        if got is None:
            raise SentUnknown("a success without an access token", reply.status)
        return granted(got.access_token, self._wall(), got.feed_token)

    async def _send(self, request: Request, headers: RawHeaders) -> Reply:
        endpoint = self._http.endpoint(request.method, f"{HOST}{request.path}")
        if request.content is not None:
            headers = (*headers, request.content)
        return await self._http.send(endpoint, headers=headers, body=request.body)

    def _challenge(
        self, prompt: str, field: Field, memo: Mapping[str, Secret] | None = None
    ) -> Challenge:
        return Challenge(
            kind=ChallengeKind.OTP,
            prompt=prompt,
            good_until=self._wall() + GOOD_FOR,
            fields=(field,),
            memo=memo or {},
        )


def _given(answers: Mapping[str, Secret], name: str) -> Secret:
    """The answer of that name, without blanks around it.

    Raises:
        LoginRefused: there is none; m.Stock was not asked.
    """
    text = answers.get(name, Secret("")).reveal().strip()
    if not text:
        raise LoginRefused("", f"wanted {name}, found nothing", again=True)
    return Secret(text)
