"""FYERS login: tokens that live and die, auth codes, JWTs (dossier section 3)."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from .fyers_market import IST
from .fyers_rules import Refused, decode
from .server import encode
from .wire import Request, Response

DEATHS = {
    -8: "Your token has expired",
    -15: "Please provide a valid token",
    -16: "Could not authenticate the user ",
    -17: "Your token is invalid or expired",
}
KEY = b"the venue's own signing key"


def dead(code: int) -> Refused:
    """The 401 for a token that died in the way *code* says."""
    return Refused(code, DEATHS[code], status=401)


class Login:
    """Apps with their secrets, and every token ever given with its state.

    Args:
        tokens: `app_id:token` pairs that are good from the start.
        apps: Secret by app id (with its suffix).
        redirect_uri: The registered one; empty takes any.

    Attributes:
        refusal: The words with which the user's page comes back without a code.
    """

    def __init__(
        self,
        client_id: str,
        tokens: tuple[str, ...],
        apps: dict[str, str],
        clock: Callable[[], float],
        redirect_uri: str = "",
    ) -> None:
        self.refusal = ""
        self._redirect_uri = redirect_uri
        self.client_id = client_id
        self.apps = apps
        self._clock = clock
        self._tokens = {pair: (0, float("inf")) for pair in tokens}
        self._codes: dict[str, tuple[str, float]] = {}
        self._issued = 0

    def check(self, authorization: str) -> None:
        """Let a live `app_id:token` pass.

        Raises:
            Refused: HTTP 401, with the code of its kind of death.
        """
        code, expiry = self._tokens.get(authorization, (-16, 0.0))
        if code:
            raise dead(code)
        if expiry <= self._clock():
            raise dead(-8)

    def add(self, pair: str) -> None:
        self._tokens[pair] = (0, float("inf"))

    def kill(self, pair: str | None = None, code: int = -8) -> None:
        """End one token, or all of them."""
        for known in [pair] if pair else list(self._tokens):
            self._tokens[known] = (code, 0.0)

    def generate(self, request: Request) -> Response:
        """`GET /generate-authcode`, with a user who logs in at once and grants."""
        app, target = request.query.get("client_id"), request.query.get("redirect_uri")
        if app not in self.apps:
            raise Refused(-352, "Invalid app id")
        if not target or request.query.get("response_type") != "code":
            raise Refused(-50, "Invalid redirect_uri or response_type")
        if target != (self._redirect_uri or target):
            raise Refused(-50, "redirect_uri is not the registered one")
        state = request.query.get("state", "")
        if self.refusal:
            no = {"s": "error", "code": -1, "message": self.refusal, "state": state}
            return _redirect(target, no)
        now = int(self._clock())
        bare = app.rpartition("-")[0] or app
        expiry = now + 30_000
        code = self._jwt(
            iss="api.login.fyers.in", sub="auth_code", exp=expiry, app_id=bare
        )
        self._codes[code] = (app, expiry)
        return _redirect(
            target, {"s": "ok", "code": 200, "auth_code": code, "state": state}
        )

    def validate(self, request: Request) -> Response:
        """`POST /validate-authcode`: an auth code, once, against the app's hash."""
        body = decode(request.body or b"{}", dict[str, str])
        if body.get("grant_type") != "authorization_code":
            raise Refused(-441, "Invalid grant type")
        if not body.get("code"):
            raise Refused(-374, "Please provide auth code")
        app = self._app_of(body.get("appIdHash"))
        issued_to, good_until = self._codes.pop(body["code"], ("", 0.0))
        if issued_to != app or self._clock() >= good_until:
            raise dead(-16)
        expiry = self._next_rollover()
        token = self._jwt(
            iss="api.fyers.in",
            sub="access_token",
            exp=expiry,
            fy_id=self.client_id,
            hsm_key=f"hsm-{self._issued}",
        )
        for pair in list(self._tokens):
            if pair.startswith(f"{app}:"):
                self.kill(pair, -16)  # a new login ends the app's old ones
        self._tokens[f"{app}:{token}"] = (0, expiry)
        answer = {"s": "ok", "code": 200, "message": "", "access_token": token}
        return Response(200, encode(answer | {"refresh_token": "retired"}))

    def _app_of(self, digest: Any) -> str:
        for app, secret in self.apps.items():
            if digest == hashlib.sha256(f"{app}:{secret}".encode()).hexdigest():
                return app
        raise Refused(-371, "Please provide sha256 hash of appId and app secret")

    def _next_rollover(self) -> int:
        now = datetime.fromtimestamp(self._clock(), IST)
        rollover = now.replace(hour=6, minute=30, second=0, microsecond=0)
        if rollover <= now:
            rollover += timedelta(days=1)
        return int(rollover.timestamp())

    def _jwt(self, **claims: Any) -> str:
        self._issued += 1
        now = int(self._clock())
        claims |= {"iat": now, "nbf": now - 600, "jti": self._issued}
        parts = (encode({"alg": "HS256", "typ": "JWT"}), encode(claims))
        signed = b".".join(_base64(part) for part in parts)
        signature = hmac.new(KEY, signed, hashlib.sha256).digest()
        return (signed + b"." + _base64(signature)).decode()


def _redirect(target: str, answer: dict[str, Any]) -> Response:
    joint = "&" if "?" in target else "?"
    location = f"{target}{joint}{urlencode(answer)}"
    return Response(302, headers=(("location", location),))


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
