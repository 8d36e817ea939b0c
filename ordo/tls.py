"""Our own CA and server certificate, made on the first start and renewed in time.

In `DATA/tls`: `ca.pem` for clients to trust, `server.pem` and `server.key` for the
server, `ca.key` to renew the server's certificate under the same CA. Keys are 0600.
`ca.key` may be kept elsewhere until then.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adapters.errors import ConfigError
from ordo.files import replace

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

RENEW_WITHIN = timedelta(days=30)
"""Source: reliability.md section 7."""


class ServerFiles(NamedTuple):
    """What the server needs, and what its clients should know.

    `fingerprint` is the CA's SHA-256, in pairs of hex digits with colons; `issued`
    tells that the server's certificate was made just now.
    """

    ca: Path
    cert: Path
    key: Path
    fingerprint: str
    expires: datetime
    issued: bool


def ensure(
    directory: Path,
    host: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ServerFiles:
    """Make what is missing, renew what is due, and say where it all is.

    Args:
        directory: `DATA/tls`; made if it is not there.
        host: The bind address, a name or an IP without brackets.
        now: Wall time.

    Raises:
        ConfigError: The CA's files cannot be used; only their owner can mend that.
    """
    from ordo import certificates

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = frozenset(
        certificates.plain(name)
        for name in ("localhost", "127.0.0.1", "::1", socket.gethostname(), host)
    )
    _keep_private(directory)
    ca = _authority(directory, now())
    server = _current(directory, ca, names, now())
    fresh = server or _issue(directory, ca, names, now())
    return ServerFiles(
        ca=directory / "ca.pem",
        cert=directory / "server.pem",
        key=directory / "server.key",
        fingerprint=certificates.fingerprint(ca),
        expires=fresh.not_valid_after_utc,
        issued=server is None,
    )


def _keep_private(directory: Path) -> None:
    """Take back what a copy or a backup may have let others read."""
    for file in directory.glob("*.key"):
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _authority(directory: Path, now: datetime) -> Certificate:
    """The CA that is there; a new one where none is, or where it ends soon."""
    from ordo import certificates

    file = directory / "ca.pem"
    if file.exists():
        ca = certificates.read_certificate(file.read_bytes())
        if ca is None:
            raise ConfigError(
                f"{file}: wanted a certificate, found none in it; remove it to have a"
                " new CA made"
            )
        if not _ends_soon(ca, now):
            return ca
    made = certificates.new_authority(now)
    return _save(made, directory, "ca")


def _current(
    directory: Path, ca: Certificate, names: frozenset[str], now: datetime
) -> Certificate | None:
    """The server's certificate, if it can still be used as it is."""
    from ordo import certificates

    try:
        cert = certificates.read_certificate((directory / "server.pem").read_bytes())
        pem = (directory / "server.key").read_bytes()
    except FileNotFoundError:
        return None
    if cert is None or _ends_soon(cert, now):
        return None
    if not certificates.is_issued_by(cert, ca):
        return None
    if not names <= certificates.names_of(cert):
        return None
    return cert if certificates.read_key(pem, cert) else None


def _issue(
    directory: Path, ca: Certificate, names: frozenset[str], now: datetime
) -> Certificate:
    from ordo import certificates

    file = directory / "ca.key"
    key = certificates.read_key(file.read_bytes(), ca) if file.exists() else None
    if key is None:
        raise ConfigError(
            f"{file}: wanted the key of ca.pem to renew the server's certificate,"
            f" found {'another' if file.exists() else 'none'}; put it back, or remove"
            " ca.pem to have a new CA made"
        )
    return _save(certificates.new_server(ca, key, names, now), directory, "server")


def _ends_soon(cert: Certificate, now: datetime) -> bool:
    return cert.not_valid_after_utc - now <= RENEW_WITHIN


def _save(made: tuple[bytes, bytes], directory: Path, name: str) -> Certificate:
    """Write the key first: a certificate without its key would be of no use."""
    from ordo import certificates

    cert, key = made
    replace(directory / f"{name}.key", key, mode=0o600)
    replace(directory / f"{name}.pem", cert, mode=0o644)
    saved = certificates.read_certificate(cert)
    assert saved is not None  # noqa: S101 -- made two lines above
    return saved
