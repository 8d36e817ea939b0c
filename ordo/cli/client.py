"""The command line's side of the HTTP API: find Ordo, ask it, read the envelope."""

from __future__ import annotations

import ssl
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import httpx

from adapters.secret import Secret
from ordo.cli.failure import Failure
from ordo.config import Settings, address, load_local, reachable

TIMEOUT = 15.0
"""Seconds. More than the deadline that Ordo's own answers keep by default."""
NO_CERT = "; if it asks for certificates (client_ca), name one by --cert"


class Target(NamedTuple):
    """A running Ordo: where, by which token, trusting which CA.

    `cert` holds the certificate and key to show, where the server asks for one.
    """

    url: str
    token: Secret | None
    ca: Path | None
    cert: Path | None = None


def find(
    config: Path | None,
    *,
    url: str | None,
    token: str | None,
    ca: Path | None,
    cert: Path | None = None,
) -> Target:
    """Complete what was given with the settings and the data directory.

    Raises:
        ConfigError: The settings are needed and cannot be read.
    """
    if url and token and (ca or url.startswith("http://")):
        return Target(url.rstrip("/"), Secret(token), ca, cert)
    settings = load_local(config)
    own_ca = settings.data.path / "tls" / "ca.pem"
    if ca is None and settings.server.tls == "auto" and own_ca.exists():
        ca = own_ca
    return Target(
        url=(url or _url(settings)).rstrip("/"),
        token=Secret(token) if token else _token(settings),
        ca=ca,
        cert=cert,
    )


def _url(settings: Settings) -> str:
    host, port = reachable(address(settings.server.bind))
    scheme = "http" if settings.server.tls in ("off", "proxy") else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _token(settings: Settings) -> Secret | None:
    if settings.auth.token:
        return settings.auth.token
    file = settings.data.path / "admin.token"
    return Secret(file.read_text("ascii").strip()) if file.exists() else None


class Client:
    """Calls to one Ordo; every failure is a `Failure` of one line."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._seconds = TIMEOUT
        token = target.token
        self._http = httpx.Client(
            base_url=target.url,
            headers={"Authorization": f"Bearer {token.reveal()}"} if token else {},
            verify=_trust(target),
            timeout=TIMEOUT,
            trust_env=False,  # a proxy of the shell has no business in between
        )

    @property
    def target(self) -> Target:
        """Where it calls."""
        return self._target

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def patience(self, seconds: float) -> None:
        """Wait so long for each answer from now on."""
        self._seconds = seconds
        self._http.timeout = httpx.Timeout(seconds)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Make one call and give the envelope of its answer.

        Raises:
            Failure: Nothing answered, or not Ordo, or it said no.
        """
        url = self._target.url
        try:
            answer = self._http.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
            raise Failure(_unreached(url, exc)) from exc
        except httpx.TimeoutException as exc:
            raise Failure(
                f"{url} did not answer in {self._seconds:g} s; it may have been done"
            ) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            # A server closes on whoever shows no certificate, and may not say why.
            closed = isinstance(exc, httpx.RemoteProtocolError | httpx.ReadError)
            more = NO_CERT if closed and self._target.cert is None else ""
            raise Failure(f"{url}: {exc or type(exc).__name__}{more}") from exc
        return _envelope(url, answer)


def _trust(target: Target) -> ssl.SSLContext:
    """Whom to believe, and what to show.

    Raises:
        Failure: the certificate cannot be used.
    """
    context = ssl.create_default_context(cafile=target.ca)
    if target.cert is not None:
        try:
            # A key with a pass phrase would ask for it: an empty one is refused.
            context.load_cert_chain(target.cert, password="")
        except ssl.SSLError as exc:
            raise Failure(
                f"{target.cert}: wanted a certificate and its key, not encrypted, in"
                f" one PEM file, found: {exc.reason or exc}"
            ) from exc
    return context


def _unreached(url: str, exc: Exception) -> str:
    """Say why no connection came about."""
    if "CERTIFICATE_VERIFY_FAILED" in str(exc):
        return f"{url} shows a certificate of another CA; name the right one by --ca"
    if "[SSL" in str(exc):
        return f"{url} does not speak TLS as expected: {exc}"
    return f"no Ordo answers at {url}; start it with: ordo serve"


def _envelope(url: str, answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict) or "status" not in found:
        raise Failure(f"{url} answered HTTP {answer.status_code}, and not as Ordo does")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise Failure(f"{url} does not accept the token; give another by --token")
    if found["status"] == "error" and found.get("error_code"):
        raise Failure(f"{found.get('message')} ({found['error_code']})")
    return found
