"""Where to listen, and whether that may be without TLS."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from adapters.errors import ConfigError
from ordo.config.sections import Server

BIND = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s:\[\]/]+)):(?P<port>\d+)"
)

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- not bound, replaced


class Address(NamedTuple):
    """A host (without brackets) and a port; port 0 takes a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def address(bind: str) -> Address:
    """Split `HOST:PORT` or `[V6]:PORT`.

    Raises:
        ConfigError: It is neither.
    """
    parts = BIND.fullmatch(bind)
    if parts is None or int(parts["port"]) > 65535:
        raise ConfigError(f"server.bind: wanted HOST:PORT, found {bind[:60]!r}")
    return Address(parts["v6"] or parts["host"], int(parts["port"]))


def reachable(at: Address) -> Address:
    """Where a program on this machine connects to what listens at *at*."""
    return at._replace(host=ANYWHERE.get(at.host, at.host))


def check_listen(server: Server) -> None:
    """Refuse what would carry tokens in the clear, or TLS without its files.

    Raises:
        ConfigError: The line names the key.
    """
    at = address(server.bind)
    if server.tls == "off" and not at.is_loopback:
        raise ConfigError(
            'server.tls: "off" wanted a loopback bind such as 127.0.0.1:8443, found'
            f' {server.bind}; tls = "proxy" where a proxy in front ends TLS'
        )
    if server.tls == "files":
        _check_file("cert", server.cert)
        _check_file("key", server.key)
    if server.client_ca:
        if server.tls in ("off", "proxy"):
            raise ConfigError(
                'server.client_ca: wanted tls = "auto" or "files" to check'
                f' certificates of clients, found tls = "{server.tls}"'
            )
        _check_file("client_ca", server.client_ca)


def _check_file(key: str, value: str) -> None:
    if not value:
        raise ConfigError(f'server.{key}: wanted a file for tls = "files", found none')
    try:
        with Path(value).expanduser().open("rb"):
            pass
    except OSError as exc:
        why = exc.strerror or type(exc).__name__
        raise ConfigError(
            f"server.{key}: wanted a file to read at {value}, found: {why}"
        ) from None
