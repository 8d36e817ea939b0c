"""Log-ins of one broker: one talk with it at a time, and what came of it.

What the user types lives for the length of one call. No step is tried again by itself:
brokers lock accounts after a few wrong answers.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import trio

from actors.clockwork import Clockwork
from actors.line import Line, denial_of
from actors.mailbox import Request
from actors.messages import (
    BeginLogin,
    ChallengeReport,
    LoginFailed,
    LoginReply,
    Logout,
    SessionReport,
    VerifyLogin,
)
from actors.session_keeper import SessionKeeper
from actors.windows import Kind
from adapters import (
    BrokerError,
    Challenge,
    ConfigError,
    Grant,
    LoginPort,
    LoginRefused,
    NotSent,
    Unsupported,
)

log = logging.getLogger("ordo.session")

LOGIN_TIMEOUT = 20.0
"""Seconds for one step at the broker."""

Step = Callable[[LoginPort], Awaitable[Challenge | Grant]]


class Pending(NamedTuple):
    """A challenge that waits for the user, and the text its redirect must bring."""

    challenge_id: str
    challenge: Challenge
    state: str


class Logins:
    """Logs one account in and out.

    Args:
        line: to the broker, with the session on it.
        keeper: puts a grant in force.
        adapter: the adapter's name, for reports.
        clockwork: time, chance, ids.
    """

    def __init__(
        self, line: Line, keeper: SessionKeeper, adapter: str, clockwork: Clockwork
    ) -> None:
        self._line = line
        self._keeper = keeper
        self._adapter = adapter
        self._clockwork = clockwork
        self._pending: Pending | None = None
        self._busy = False

    @property
    def unattended(self) -> bool:
        """Whether a log-in needs nobody."""
        login = self._line.port.login
        return login is not None and login.unattended

    def report(self) -> SessionReport:
        """How the session stands, with the challenge that waits."""
        pending, session = self._waiting(), self._line.session
        return SessionReport(
            broker=self._line.name,
            adapter=self._adapter,
            state=session.state,
            last_login_at=session.since,
            expires_at=session.expires_at,
            reason=session.reason,
            challenge=None if pending is None else _shown(pending),
        )

    async def begin(self, request: Request) -> None:
        """Start; an older log-in that waits for its answer is given up."""
        message: BeginLogin = request.message
        with request:
            request.reply(await self._begin(message.by, message.request_id))

    async def renew(self) -> LoginReply:
        """Log in without the user."""
        return await self._begin(f"broker:{self._line.name}", None)

    async def verify(self, request: Request) -> None:
        """Go on with what the user gave."""
        message: VerifyLogin = request.message
        with request:
            pending = self._meant(message)
            if pending is None:
                request.reply(self._no_such_challenge())
                return

            async def step(login: LoginPort) -> Challenge | Grant:
                return await login.answer(pending.challenge, message.answers)

            request.reply(
                await self._talk(step, pending.state, message.by, message.request_id)
            )

    async def log_out(self, request: Request) -> None:
        """End the session; here also where the broker cannot be told of it."""
        message: Logout = request.message
        with request:
            login = self._line.port.login
            if login is None:
                request.reply(self._failed(Unsupported("it wants no log-in")))
            elif self._busy:
                request.reply(self._conflict())
            else:
                await self._tell_broker(login)
                self._forget_challenge()
                self._keeper.log_out(message.by, message.request_id)
                request.reply(self.report())

    # One step at the broker -----------------------------------------------------------

    async def _begin(self, by: str, request_id: str | None) -> LoginReply:
        state = f"{self._clockwork.rng.getrandbits(128):032x}"

        async def step(login: LoginPort) -> Challenge | Grant:
            return await login.begin(state)

        return await self._talk(step, state, by, request_id)

    async def _talk(
        self, step: Step, state: str, by: str, request_id: str | None
    ) -> LoginReply:
        login = self._line.port.login
        if login is None:
            return self._failed(Unsupported("it wants no log-in"))
        if self._busy:
            return self._conflict()
        self._busy = True
        try:
            with trio.fail_after(LOGIN_TIMEOUT):
                await self._line.slot(Kind.READ)
                outcome = await step(login)
        except (BrokerError, ConfigError, trio.TooSlowError) as error:
            return self._gone_wrong(error, by, request_id)
        finally:
            self._busy = False
        if isinstance(outcome, Grant):
            self._forget_challenge()
            await self._keeper.begin(outcome, by, request_id)
        else:
            self._challenged(outcome, state)
        return self.report()

    def _challenged(self, challenge: Challenge, state: str) -> None:
        self._pending = Pending(self._clockwork.ids.new(), challenge, state)
        self._line.session.challenged = True

    def _gone_wrong(
        self,
        error: BrokerError | ConfigError | trio.TooSlowError,
        by: str,
        request_id: str | None,
    ) -> LoginFailed:
        """Keep the challenge only where it can be answered again for certain."""
        again = isinstance(error, NotSent) or (
            isinstance(error, LoginRefused) and error.again
        )
        if not again:
            self._forget_challenge()
        failed = self._failed(error)
        detail = {"code": failed.code, "broker_code": failed.broker_code or ""}
        self._line.note("session.refused", detail, by, request_id)
        return failed

    async def _tell_broker(self, login: LoginPort) -> None:
        self._busy = True
        try:
            with trio.fail_after(LOGIN_TIMEOUT):
                await login.logout()
        except (BrokerError, trio.TooSlowError) as error:
            log.warning(
                "%s was not told of the log-out: %s",
                self._line.name,
                error,
                extra={"event": "session.not_ended"},
            )
        finally:
            self._busy = False

    # The challenge --------------------------------------------------------------------

    def _meant(self, message: VerifyLogin) -> Pending | None:
        """The challenge that is answered: by its id, or by its redirect's text."""
        pending = self._waiting()
        if pending is None:
            return None
        given, wanted = message.challenge_id, pending.challenge_id
        if message.state is not None:
            given, wanted = message.state, pending.state
        same = hmac.compare_digest((given or "").encode(), wanted.encode())
        return pending if same else None

    def _waiting(self) -> Pending | None:
        pending = self._pending
        if (
            pending is not None
            and not self._busy
            and pending.challenge.good_until <= self._clockwork.wall()
        ):
            self._forget_challenge()
        return self._pending

    def _forget_challenge(self) -> None:
        self._pending = None
        self._line.session.challenged = False

    # What is said of it ---------------------------------------------------------------

    def _no_such_challenge(self) -> LoginFailed:
        return LoginFailed(
            code="not_found",
            message=f"{self._line.name} waits for no such answer: it was given, it came"
            " too late, or a newer log-in has begun; begin a new one",
            session=self.report(),
        )

    def _conflict(self) -> LoginFailed:
        return LoginFailed(
            code="conflict",
            message=f"a log-in to {self._line.name} is at the broker just now; try"
            " again in some seconds",
            session=self.report(),
        )

    def _failed(
        self, error: BrokerError | ConfigError | trio.TooSlowError
    ) -> LoginFailed:
        session = self.report()
        match error:
            case LoginRefused():
                return LoginFailed(
                    code="rejected",
                    message=f"refused by {self._line.name}: {error.text}",
                    broker_code=error.code or None,
                    broker_message=error.text,
                    http_status=error.http_status,
                    session=session,
                )
            case trio.TooSlowError():
                words = f"{self._line.name} gave no answer in {LOGIN_TIMEOUT:g} s"
                return LoginFailed(
                    code="deadline_exceeded", message=words, session=session
                )
            case ConfigError():
                words = f"brokers.{self._line.name}.{error}"
                return LoginFailed(code="unsupported", message=words, session=session)
        denial = denial_of(error)
        return LoginFailed(code=denial.code, message=denial.message, session=session)


def _shown(pending: Pending) -> ChallengeReport:
    """What of a challenge the user may see: all but the adapter's memo."""
    challenge = pending.challenge
    return ChallengeReport(
        challenge_id=pending.challenge_id,
        kind=challenge.kind,
        prompt=challenge.prompt,
        login_url=challenge.login_url,
        fields=challenge.fields,
        good_until=challenge.good_until,
    )
