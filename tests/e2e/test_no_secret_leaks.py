"""Secrets planted everywhere, and every output searched for them."""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from adapters.grants import open_grant
from adapters.sealing import Keyring, MasterKey
from tests.support.plain import PLAIN
from tests.support.processes import (
    VENUE_TOKEN,
    FyersVenue,
    Ordo,
    ended,
    free_port,
    fyers_table,
    run_ordo,
    write_config,
)
from tests.support.waiting import until

RAW_KEY = "hunter2-master-key-hunter2-maste"
KEY = MasterKey(RAW_KEY.encode())
APP = VENUE_TOKEN.partition(":")[0]
PLANTED = {
    "api token": "hunter2-api-token-0123456789",
    "stored app secret": "hunter2-app-secret",
    "access token": "hunter2-access-token",
    "auth code": "hunter2-auth-code",
    "otp": "hunter2-otp",
    "password in a body": "hunter2-password",
    "token in a query": "hunter2-query",
    "master key": KEY.reveal(),
    "bytes of the master key": RAW_KEY,
    "hash that stands for the app secret": hashlib.sha256(
        f"{APP}:hunter2-app-secret".encode()
    ).hexdigest(),
}
ORDER = {"symbol": "NSE:SBIN", "side": "BUY", "quantity": 1, "type": "LIMIT"}


class Planted:
    """A real Ordo that was told every secret there is, and all that it gave out."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.directory = directory
        self.told: list[str] = []
        self.secrets = dict(PLANTED)
        pair = f"{APP}:{PLANTED['access token']}"
        app = f"{APP}:{PLANTED['stored app secret']}"
        self.venue = FyersVenue(directory / "v.log", "--token", pair, "--app", app)
        stack.enter_context(ended(self.venue))
        back = f"http://127.0.0.1:{free_port()}/callback"
        table = fyers_table(
            self.venue.url,
            access_token=PLANTED["access token"],
            secret="stored:app_secret",
            redirect_uri=back,
        )
        self.config = write_config(directory, {"venue": table})
        self._environ = environ = {
            "ORDO_AUTH__TOKEN": PLANTED["api token"],
            "ORDO_MASTER_KEY": KEY.reveal(),
            "ORDO_LOG__LEVEL": "DEBUG",
        }
        for command, typed in (
            (("secret", "set", "app_secret"), PLANTED["stored app secret"]),
            (("secret", "list"), ""),
            (("config", "check"), ""),
        ):
            done = run_ordo(
                "--config", str(self.config), *command, typed=typed, **environ
            )
            assert done.returncode == 0, done.stderr
            self.told += [done.stdout, done.stderr]
        self._stack = stack
        self.start()

    def start(self) -> None:
        self.ordo = Ordo(self.config, **self._environ)
        self._stack.enter_context(ended(self.ordo))
        self.client = self._stack.enter_context(
            httpx.Client(
                base_url=self.ordo.url,
                headers={"Authorization": f"Bearer {PLANTED['api token']}"},
                timeout=30,
                trust_env=False,
                verify=PLAIN,
            )
        )

    def crash(self) -> None:
        """Kill it, and keep what it still had to say."""
        self.ordo.popen.kill()
        self.ordo.popen.wait(10)
        assert self.ordo.popen.stdout is not None
        self.told.append(self.ordo.popen.stdout.read())

    def log_in(self) -> None:
        """A log-in that succeeds; its code and its token are searched for too."""
        begun = self.call("POST", "/api/v1/sessions/venue/login").json()["data"]
        page = httpx.get(begun["login_url"], timeout=20, trust_env=False, verify=PLAIN)
        led_to = page.headers["Location"]
        (self.secrets["code of the log-in"],) = parse_qs(urlsplit(led_to).query)[
            "auth_code"
        ]
        body = {"challenge_id": begun["challenge_id"], "redirect_url": led_to}
        answer = self.call("POST", "/api/v1/sessions/venue/verify", json=body)
        assert answer.status_code == 200, answer.text
        until(lambda: self._stored_token() is not None)
        self.secrets["token of the log-in"] = self._stored_token() or ""

    def _stored_token(self) -> str | None:
        """The access token of the stored session, opened with the master key."""
        with closing(sqlite3.connect(self.directory / "var" / "ordo.db")) as database:
            row = database.execute("SELECT broker, sealed FROM sessions").fetchone()
        if row is None:
            return None
        return open_grant(Keyring([KEY]), *row).access_token.reveal()

    def call(self, method: str, path: str, **more: object) -> httpx.Response:
        """One call, whose whole answer is kept."""
        answer = self.client.request(method, path, **more)  # type: ignore[arg-type]
        self.told += [answer.text, repr(answer.headers)]
        return answer

    def order(self, key: str, **changes: object) -> httpx.Response:
        body = {"brokers": ["venue"], "orders": [ORDER | {"price": 750} | changes]}
        headers = {"Idempotency-Key": key}
        return self.call("POST", "/api/v1/orders", json=body, headers=headers)

    def leaks(self) -> list[str]:
        """Every secret that is somewhere, and where."""
        return [
            f"{what} in {place}"
            for place, content in self.outputs()
            for what, secret in self.secrets.items()
            if _is_in(content, secret)
        ]

    def outputs(self) -> Iterator[tuple[str, bytes]]:
        """All that anybody could read, and where."""
        yield "what was answered", "\n".join(self.told).encode()
        for file in sorted(self.directory.rglob("*")):
            if file.is_file() and file.name not in ("ordo.toml", "v.log"):
                yield str(file.relative_to(self.directory)), file.read_bytes()


@pytest.fixture
def planted(tmp_path):
    with ExitStack() as stack:
        yield Planted(stack, tmp_path)


def test_no_planted_secret_is_in_any_output(planted):
    _do_everything(planted)
    planted.log_in()
    assert planted.order("k3").json()["results"][0]["status"] == "acked"
    planted.crash()
    assert planted.leaks() == []
    planted.start()  # with the session that was stored
    assert planted.order("k4").json()["results"][0]["error_code"] in (
        None,
        "broker_recovering",
    )
    planted.crash()
    assert planted.leaks() == []


def test_the_search_finds_what_is_there(planted):
    """Without this, a search in the wrong places would pass for ever."""
    planted.order("k1")
    places = dict(planted.outputs())
    for name in ("ordo.log", "var/ordo.db", "var/secrets.json"):
        assert name in places
    assert any(name.startswith("var/audit/") for name in places)
    assert planted.leaks() == []
    planted.told.append(f"oops {PLANTED['otp']}")
    assert planted.leaks() == ["otp in what was answered"]


@pytest.mark.parametrize("secret", PLANTED.values(), ids=PLANTED)
def test_the_search_knows_a_secret_however_it_is_packed(secret):
    packed = base64.urlsafe_b64encode(f"u:{secret}!".encode()).decode()
    for form in (secret, packed, quote(secret, safe=""), secret.encode().hex()):
        assert _is_in(f"oops {form} oops".encode(), secret)
    assert not _is_in(f"oops {secret[:-1]} oops".encode(), secret)


def _do_everything(planted: Planted) -> None:
    """Orders, refusals, faults, logins, wrong requests: each with its secret near."""
    assert planted.order("k1").json()["results"][0]["status"] == "acked"
    faults = httpx.Client(
        base_url=planted.venue.url, timeout=30, trust_env=False, verify=PLAIN
    )
    with faults:
        for kind in ("error_200", "html_200", "drop_after_accept", "truncated_body"):
            fault = {"on": "place", "kind": kind, "code": -50, "text": "no"}
            faults.post("/_venue/faults", json=fault)
            planted.order(f"fault-{kind}")
        begun = planted.call("POST", "/api/v1/sessions/venue/login").json()["data"]
        url = f"https://x/?auth_code={PLANTED['auth code']}"
        for body in (
            {"otp": PLANTED["otp"]},
            {"redirect_url": f"{url}&state=wrong"},
            {"fields": {"password": PLANTED["password in a body"]}},
        ):
            asked = {"challenge_id": begun["challenge_id"]} | body
            planted.call("POST", "/api/v1/sessions/venue/verify", json=asked)
        state = begun["login_url"].partition("state=")[2]
        back = f"/api/v1/sessions/venue/callback?state={state}"
        planted.call("GET", f"{back}&auth_code={PLANTED['auth code']}")
        faults.post("/_venue/tokens", json={"expire_all": True})
        planted.order("k2")
    wrong = {"otp": PLANTED["otp"], "pw": PLANTED["password in a body"]}
    planted.call("POST", "/api/v1/sessions/venue/verify", json=wrong)
    planted.call("POST", "/api/v1/orders", content=json.dumps(wrong)[:-5])
    planted.call("GET", f"/api/v1/orders?token={PLANTED['token in a query']}")
    planted.call("GET", f"/nothing?token={PLANTED['token in a query']}")
    planted.call("GET", "/api/v1/orders", headers={"Authorization": "Basic eDp5"})
    for path in ("status", "sessions", "audit?limit=1000", "orders", "funds", "quotes"):
        planted.call("GET", f"/api/v1/{path}")
    until(lambda: "session" in planted.call("GET", "/api/v1/audit?limit=1000").text)


def _is_in(content: bytes, secret: str) -> bool:
    return any(form in content for form in _forms(secret))


def _forms(secret: str) -> set[bytes]:
    """The secret, and what it looks like packed the usual ways."""
    plain = secret.encode()
    forms = {plain, plain.hex().encode(), quote(secret, safe="").encode()}
    for before in range(3):  # base64 reads differently by what stands before it
        packed = base64.b64encode(b"x" * before + plain)
        whole = packed[4 if before else 0 : -4]  # without what its neighbours change
        forms |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms
