"""m.Stock's log-in: a password step, a code step, tokens that end (dossier 3 to 5)."""

import base64
import hashlib
import hmac
import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from .mstock_market import IST, sample
from .mstock_rules import TOKEN, Refused, document, form
from .server import encode, ok
from .wire import Request, Response

WRONG_OTP = "The entered OTP is incorrect. Please proceed to login page. (-MACM60)"
OLD_OTP = "Entered OTP has been expired. Please regenerate a new one & enter the same."
WRONG_TOTP = "Please enter correct TOTP"
SENT = "Please enter the OTP that we sent on XXXXXXX000 and XXXX00@EXAMPLE.COM"
NO_KEY = "API is suspended/expired for use. Please check your API subscription and try"


class User(msgspec.Struct):
    """Who can log in. With *seed* the account has an authenticator app, and no code is
    sent; *otp* is what is sent otherwise."""

    username: str = "MA0000001"
    password: str = "hunter2"
    api_key: str = "DEMO/API+KEY@1="
    otp: str = "123456"
    seed: str = ""


class Login:
    """One user's sessions, of both types.

    Args:
        clock: wall clock, epoch seconds.
        tokens: those that are good from the start, for both types.
    """

    def __init__(
        self, user: User, clock: Callable[[], float], tokens: tuple[str, ...] = ()
    ) -> None:
        self.user = user
        self.suspended = False
        self.attempts = 9
        self._clock = clock
        self._tokens = {token: float("inf") for token in tokens}
        self._pending: dict[str, str] = {}  # by type: the handle given out
        self._issued = 0

    def check(self, api_type: str, headers: dict[str, str]) -> None:
        """Let a live token with its key pass.

        Raises:
            Refused: no such token, or of another key.
        """
        given = headers.get("authorization", "")
        if self.suspended:
            raise Refused("APIKeyException", NO_KEY, status=403)
        key = self.user.api_key
        if api_type == "A":
            prefix, own = f"token {key}:", True
        else:
            prefix, own = "Bearer ", headers.get("x-privatekey") == key
        token = given.removeprefix(prefix)
        alive = self._tokens.get(token, 0.0) > self._clock()
        if not (own and given.startswith(prefix) and alive):
            raise Refused("TokenException", TOKEN, status=401)

    def add(self, token: str) -> None:
        self._tokens[token] = float("inf")

    def alive(self, token: str) -> bool:
        """Whether a token is good now."""
        return self._tokens.get(token, 0.0) > self._clock()

    def kill(self, token: str = "") -> None:
        """End one token, or all of them."""
        for known in [token] if token else list(self._tokens):
            self._tokens.pop(known, None)

    def bearer(self, headers: dict[str, str]) -> str:
        return headers["authorization"].rpartition(" ")[2].rpartition(":")[2]

    # The password step

    def enter_a(self, request: Request) -> Response:
        given = {key.lower(): value for key, value in form(request).items()}
        self._enter("A", given.get("username", ""), given.get("password", ""))
        answer = sample("typea_login.json")
        answer["data"] |= {"cid": self.user.username, "is_kyc": True}
        return ok(answer)

    def enter_b(self, request: Request) -> Response:
        given = document(request)
        client, password = given.get("clientcode", ""), given.get("password", "")
        if not (client and password):
            words = "Please provide valid clientcode and password."
            raise Refused("InputException", words, code="400", status=400)
        handle = self._enter("B", client, password)
        data = {"jwtToken": handle, "refreshToken": "", "feedToken": ""}
        return ok(_good(data | {"state": "live"}, SENT))

    def _enter(self, api_type: str, username: str, password: str) -> str:
        if (username, password) != (self.user.username, self.user.password):
            self.attempts -= 1
            words = "Invalid username or password. {} attempts remaining "
            raise Refused("MiraeException", words.format(self.attempts), code="MA500")
        self._issued += 1
        handle = f"00000000-0000-4000-8000-{self._issued:012}"
        self._pending[api_type] = handle
        return handle

    # The code step

    def otp_a(self, request: Request) -> Response:
        given = form(request)
        self._own(given.get("api_key"))
        if given.get("checksum") not in ("L", "W"):
            raise Refused("InputException", "Invalid checksum.", status=400)
        self._sent("A", None, given.get("request_token", ""), WRONG_OTP)
        return self._kite()

    def totp_a(self, request: Request) -> Response:
        given = form(request)
        self._own(given.get("api_key"))
        self._app("A", None, given.get("totp", ""))
        return self._kite()

    def otp_b(self, request: Request) -> Response:
        given = document(request)
        self._own(request.headers.get("x-privatekey"))
        self._sent("B", given.get("refreshToken"), given.get("otp", ""), OLD_OTP)
        return ok(_good(self._tokens_b()))

    def totp_b(self, request: Request) -> Response:
        """Its success and its failure are written in another way than all else."""
        given = document(request)
        self._own(request.headers.get("x-privatekey"))
        try:
            self._app("B", given.get("refreshToken"), given.get("totp", ""))
        except Refused as exc:
            body = {"status": "error", "message": exc.message}
            body |= {"error_type": "MA400", "data": None}
            return Response(400, encode(body))
        answer = sample("typeb_verify_totp.json")
        answer["data"] |= self._tokens_b()
        return ok(answer)

    def _own(self, key: str | None) -> None:
        if key != self.user.api_key or self.suspended:
            raise Refused("APIKeyException", NO_KEY, status=403)

    def _sent(self, api_type: str, handle: Any, code: str, words: str) -> None:
        """A code by SMS; a wrong one ends the log-in."""
        pending = self._pending.pop(api_type, None)
        good = pending is not None and handle in (None, pending) and not self.user.seed
        if not (good and code == self.user.otp):
            raise Refused("MiraeException", words, code="MA500")

    def _app(self, api_type: str, handle: Any, code: str) -> None:
        pending = self._pending.pop(api_type, None)
        good = pending is not None and handle in (None, pending)
        codes = _codes(self.user.seed, self._clock()) if self.user.seed else ()
        if not (good and code in codes):
            raise Refused("MiraeException", WRONG_TOTP, code="MA400")

    def _kite(self) -> Response:
        answer = sample("typea_session_token.json")
        now = datetime.fromtimestamp(self._clock(), IST)
        answer["data"] |= {"access_token": self._token("A")}
        answer["data"] |= {"login_time": f"{now:%Y-%m-%d %H:%M:%S}"}
        return ok(answer)

    def _tokens_b(self) -> dict[str, str]:
        token = self._token("B")
        return {"jwtToken": token, "refreshToken": "r", "feedToken": "FEED"}

    def _token(self, api_type: str) -> str:
        """A token of the day: dead at midnight in India, or after twelve hours."""
        self._issued += 1
        now = self._clock()
        here = datetime.fromtimestamp(now, IST)
        day = here.replace(hour=0, minute=0, second=0, microsecond=0)
        end = min((day + timedelta(days=1)).timestamp(), now + 12 * 3600)
        claims = {"USERNAME": self.user.username, "APITYPE": f"TYPE{api_type}"}
        times = {"nbf": int(now), "exp": int(end), "iat": int(now), "n": self._issued}
        parts = ({"alg": "HS256", "typ": "JWT"}, claims | times)
        text = ".".join(_base64(encode(part)) for part in parts)
        token = f"{text}.{_base64(hashlib.sha256(text.encode()).digest())}"
        self._tokens[token] = end
        return token


def _codes(seed: str, now: float) -> tuple[str, ...]:
    """What the app shows now and showed just before. Source: RFC 6238."""
    key = base64.b32decode(seed + "=" * (-len(seed) % 8))
    made = []
    for step in (int(now) // 30, int(now) // 30 - 1):
        digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
        start = digest[19] & 0xF
        (number,) = struct.unpack(">I", digest[start : start + 4])
        made.append(str((number & 0x7FFFFFFF) % 1_000_000).zfill(6))
    return tuple(made)


def _good(data: Any, message: str = "SUCCESS") -> dict[str, Any]:
    return {"status": "true", "message": message, "errorcode": "", "data": data}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
