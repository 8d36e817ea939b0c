"""Getting to Ordo: a stream with its certificate checked, or why there is none."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import msgspec
import trio
from trio_websocket import ConnectionRejected

from ordo.cli.client import Target

CONNECT_SECONDS = 15.0
Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


async def connected(target: Target) -> Stream:
    """A stream to Ordo, its certificate checked."""
    url = httpx.URL(target.url)
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    stream = await trio.open_tcp_stream(url.host, port)
    if not secure:
        return stream
    trusting = ssl.create_default_context(cafile=target.ca)
    tls = trio.SSLStream(
        stream, trusting, server_hostname=url.host, https_compatible=True
    )
    try:
        await tls.do_handshake()  # here: trio-websocket would not tell why it fails
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return tls


def reason_of(url: str, exc: BaseException) -> str:
    """Why it could not be opened, or ended, in one line."""
    for each in _causes(exc):
        if isinstance(each, ConnectionRejected):
            return _refused(url, each)
        if isinstance(each, trio.TooSlowError):
            return f"{url} did not answer in {CONNECT_SECONDS:g} s"
        if "CERTIFICATE_VERIFY_FAILED" in str(each):
            words = "shows a certificate of another CA; name the right one by --ca"
            return f"{url} {words}"
        if isinstance(each, ssl.SSLError):
            return f"{url} does not speak TLS as expected: {each}"
    if any(isinstance(each, OSError) for each in _causes(exc)):
        return f"no Ordo answers at {url}; start it with: ordo serve"
    last = list(_causes(exc))[-1]
    return f"{url}: {last or type(last).__name__}"


def _refused(url: str, refused: ConnectionRejected) -> str:
    if refused.status_code == 401:
        return f"{url} does not accept the token; give another by --token"
    try:
        answer = msgspec.json.decode(refused.body or b"")
        return f"{answer['message']} ({answer['error_code']})"
    except (msgspec.DecodeError, KeyError, TypeError):
        status = refused.status_code
        return f"{url} answered HTTP {status}, and not as Ordo does"


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """An error, what is inside it, and what it came of."""
    yield exc
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _causes(inner)
    elif exc.__cause__ is not None:
        yield from _causes(exc.__cause__)
    elif exc.__context__ is not None:
        yield from _causes(exc.__context__)
