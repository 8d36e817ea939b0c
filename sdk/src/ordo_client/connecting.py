"""Where Ordo is and how to get there: settings, TLS, requests, transport errors."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from ordo_client.call import Call, Reply, retry_after_of
from ordo_client.errors import Unreachable
from ordo_client.version import __version__

MARGIN = 2.0
"""Seconds that an answer may be on its way, beyond what Ordo may take for it."""
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Before these nothing has left."""
OUR_FAULT = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)

CA = str | os.PathLike[str] | ssl.SSLContext


class Address(NamedTuple):
    """A running Ordo, and how to make a client of httpx for it."""

    url: str
    options: dict[str, Any]


def address_of(
    url: str | None, token: str | None, ca: CA | None, timeout: float
) -> Address:
    """Complete what was given from `ORDO_URL`, `ORDO_API_TOKEN` and `ORDO_CA`.

    Raises:
        ValueError: something is missing, or not usable.
    """
    url = _url(url or os.environ.get("ORDO_URL", ""))
    token = token or os.environ.get("ORDO_API_TOKEN", "")
    if not token:
        raise ValueError("wanted token= or ORDO_API_TOKEN, found neither")
    if not (token.isascii() and token.isprintable()):
        raise ValueError("token: wanted printable ASCII characters only")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json",
        "User-Agent": f"ordo-client/{__version__}",
    }
    return Address(
        url,
        {
            "base_url": url,
            "headers": headers,
            "verify": _tls(ca or os.environ.get("ORDO_CA") or None),
            "timeout": timeout,
            "trust_env": False,  # a proxy of the shell has no business in between
        },
    )


def request_of(
    http: httpx.Client | httpx.AsyncClient, call: Call[Any]
) -> httpx.Request:
    """The request for a call; it waits for the answer as long as Ordo may take."""
    waits = dict(http.timeout.as_dict())
    waits["read"] = max(waits["read"] or 0.0, call.seconds + MARGIN)
    return http.build_request(
        call.method,
        call.path,
        params=dict(call.query),
        content=call.body or None,
        headers=call.headers,
        timeout=httpx.Timeout(**waits),
    )


def reply_of(response: httpx.Response) -> Reply:
    """A response that was read to its end."""
    return Reply(
        response.status_code, response.content, retry_after_of(response.headers)
    )


def unreachable(url: str, exc: httpx.HTTPError) -> Unreachable:
    """Why no answer came, and whether what was asked may have arrived."""
    bad_certificate = any(
        isinstance(each, ssl.SSLCertVerificationError) for each in _causes(exc)
    )
    not_sent = isinstance(exc, NOT_SENT + OUR_FAULT)
    error = Unreachable(
        _words(url, exc, bad_certificate), may_have_arrived=not not_sent
    )
    error.lasting = bad_certificate or isinstance(exc, OUR_FAULT)
    error.__cause__ = exc
    return error


def _words(url: str, exc: httpx.HTTPError, bad_certificate: bool) -> str:
    if bad_certificate:
        return f"{url} shows a certificate of another CA; name the right one by ca="
    if isinstance(exc, NOT_SENT):
        return f"no Ordo answers at {url}: {exc or type(exc).__name__}"
    if isinstance(exc, httpx.TimeoutException):
        return f"{url} did not answer in time; what was asked may have been done"
    found = f"{exc}" or type(exc).__name__
    return f"{url} broke off: {found}; what was asked may have been done"


def _url(text: str) -> str:
    try:
        url = httpx.URL(text.rstrip("/"))
    except httpx.InvalidURL as exc:
        raise ValueError(f"url: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(
            f"wanted url= or ORDO_URL such as https://127.0.0.1:8443, found {text!r}"
        )
    if url.userinfo:
        raise ValueError("url: wanted no user and password in it; a token= is enough")
    return str(url)


def _tls(ca: CA | None) -> ssl.SSLContext:
    if isinstance(ca, ssl.SSLContext):
        return ca
    if ca is not None and not Path(ca).is_file():
        raise ValueError(f"ca (or ORDO_CA): no file {os.fspath(ca)}")
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as exc:
        raise ValueError(f"ca (or ORDO_CA): no certificates in {ca}: {exc}") from exc


def _causes(exc: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = exc
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
