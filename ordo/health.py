"""Does the Ordo of these settings answer on this machine? Asked of `/health`."""

from __future__ import annotations

import json
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.errors import OrdoError
from ordo.config import address, reachable

if TYPE_CHECKING:
    from ordo.config import Settings

ANSWER_BYTES = 4096
"""More than Ordo's own answer; another program's may be endless."""


class NotHealthy(OrdoError):
    """Nothing answers, or something else does; the text says which."""


def look(settings: Settings, within: float) -> str:
    """Ask once, and give where it answered.

    Where clients must show a certificate (`client_ca`), the server's part of the
    handshake is the answer: its loop has shown its own and goes no further with us.

    Args:
        settings: of the server that is asked; its token is not needed.
        within: seconds for each step, the connection and the answer.

    Raises:
        NotHealthy: one line says what was found.
    """
    link = _link(settings, within)
    place = f"{link.host}:{link.port}"
    try:
        link.connect()
        if settings.server.client_ca:
            return place
        link.request("GET", "/health")
        answer = link.getresponse()
        status, body = answer.status, answer.read(ANSWER_BYTES)
    except ssl.SSLCertVerificationError as exc:
        raise NotHealthy(
            f"{place}: wanted the certificate of these settings, found another:"
            f" {exc.verify_message}"
        ) from exc
    except ssl.SSLError as exc:
        raise NotHealthy(f"{place}: wanted TLS, found: {exc.reason or exc}") from exc
    except TimeoutError as exc:
        raise NotHealthy(f"{place}: no answer in {within:g} s") from exc
    except (OSError, HTTPException) as exc:
        why = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        raise NotHealthy(f"{place}: no answer: {why}") from exc
    finally:
        link.close()
    if status != 200 or not _alive(body):
        raise NotHealthy(f"{place}: HTTP {status}, and not as a live Ordo answers")
    return place


def _alive(body: bytes) -> bool:
    try:
        return json.loads(body)["data"]["alive"] is True
    except (ValueError, LookupError, TypeError):
        return False


def _link(settings: Settings, within: float) -> HTTPConnection:
    host, port = reachable(address(settings.server.bind))
    if settings.server.tls in ("off", "proxy"):
        return HTTPConnection(host, port, timeout=within)
    return HTTPSConnection(host, port, timeout=within, context=_trust(settings))


def _trust(settings: Settings) -> ssl.SSLContext:
    """Trust what this server shows, and nothing else.

    Raises:
        NotHealthy: its files cannot be read.
    """
    own = settings.server.tls == "auto"
    file = (
        settings.data.path / "tls" / "ca.pem"
        if own
        else Path(settings.server.cert).expanduser()
    )
    try:
        context = ssl.create_default_context(cafile=file)
    except OSError as exc:
        raise NotHealthy(
            f"{file}: wanted the certificate to trust, found: {exc.strerror or exc};"
            " is this the data directory of an Ordo that was started?"
        ) from exc
    if not own:
        # Made for the name that clients use, while this asks the bound address: what
        # counts is that it is the certificate of the settings, or of its chain.
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
