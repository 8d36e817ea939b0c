"""HDFC login: five steps, OTP, consent, a token of eight hours (dossier 4)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from .hdfc_orders import Refused
from .wire import Request, Response

LIFE = 8 * 3600


class Login:
    """Users with password and OTP, and every token ever given."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        tokens: tuple[str, ...],
        secret: str,
        username: str,
        password: str,
        otp: str,
    ) -> None:
        self.redirect = ""
        self.recaptcha = False
        self.otp = otp
        self._clock = clock
        self._secret, self._user = secret, (username, password)
        self._tokens = dict.fromkeys(tokens, float("inf"))
        self._stages: dict[str, str] = {}
        self._requests: dict[str, str] = {}
        self._count = 0

    def check(self, token: str) -> None:
        """Let a live token pass.

        Raises:
            Refused: HTTP 401.
        """
        if self._tokens.get(token, 0.0) <= self._clock():
            raise Refused(401, "invalid credentials")

    def expire_all(self) -> None:
        self._tokens = dict.fromkeys(self._tokens, 0.0)

    def start(self, request: Request) -> Any:
        token_id = self._new("token")
        self._stages[token_id] = "password"
        if "text/html" in request.headers.get("accept", "") and self.redirect:
            to = f"{self.redirect}?request_token={self._bought(token_id)}"
            return Response(302, headers=(("location", to),))
        return {"tokenId": token_id}

    def validate(self, request: Request) -> Any:
        token_id = self._at(request, "password")
        body = json.loads(request.body)
        if (body.get("username"), body.get("password")) != self._user:
            raise Refused(401, "invalid credentials")
        self._stages[token_id] = "otp"
        question = {"question": "Enter the OTP sent to your mobile and e-mail"}
        return {
            "recaptcha": self.recaptcha,
            "loginId": self._user[0],
            "twofa": {"questions": [question]},
            "twoFAEnabled": True,
        }

    def twofa(self, request: Request) -> Any:
        token_id = self._at(request, "otp")
        if json.loads(request.body).get("answer") != self.otp:
            raise Refused(400, "Invalid OTP")
        self._stages[token_id] = "consent"
        self._requests[token_id] = self._new("request")
        return {
            "requestToken": self._requests[token_id],
            "termsAndConditions": {"version": 1, "content": []},
            "authorised": False,
        }

    def authorise(self, request: Request) -> Any:
        token_id = self._at(request, "consent")
        if request.query.get("request_token") != self._requests[token_id]:
            raise Refused(400, "Invalid request token")
        if request.query.get("consent", "").lower() != "true":
            raise Refused(400, "consent is wanted")
        return {
            "callbackUrl": "https://app.example/callback",
            "requestToken": self._bought(token_id),
        }

    def exchange(self, request: Request) -> Any:
        given = request.query.get("request_token", "")
        token_id = next((t for t, r in self._requests.items() if r == given), "")
        if self._stages.pop(token_id, "") != "bought":
            raise Refused(401, "Invalid request token")
        if json.loads(request.body).get("apiSecret") != self._secret:
            raise Refused(401, "invalid credentials")
        return {"accessToken": self._token()}

    def _at(self, request: Request, stage: str) -> str:
        token_id = request.query.get("token_id", "")
        if self._stages.get(token_id) != stage:
            raise Refused(400, "Invalid token id")
        return token_id

    def _bought(self, token_id: str) -> str:
        self._stages[token_id] = "bought"
        self._requests[token_id] = self._new("request")
        return self._requests[token_id]

    def _token(self) -> str:
        now = int(self._clock())
        claims = {
            "sub": "1234567",
            "exp": now + LIFE,
            "iat": now,
            "merchant": "ordo",
            "merchant_api_key": self._new("key"),
        }
        parts = [{"alg": "HS384"}, claims]
        packed = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
            for part in parts
        ]
        token = ".".join([*packed, "c2ln"])
        self._tokens[token] = float(now + LIFE)
        return token

    def _new(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count:026d}"
