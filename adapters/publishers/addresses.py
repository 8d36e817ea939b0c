"""Connecting only where one may: a hook must not reach into the private network.

The name is looked up here, every address of it is judged, and the connection goes to
one that was judged: a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import httpcore
import trio

from adapters.publishing import PublishFailed


class ForbiddenAddress(PublishFailed):
    """The host is, or leads to, an address that may not be called."""


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects over TCP to public addresses alone.

    Args:
        allow_private: also to private ones, loopback included.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._inside = httpcore.TrioBackend()
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to an address of *host*.

        Raises:
            ForbiddenAddress: one of its addresses is private.
        """
        address = await self._address(host, port)
        return await self._inside.connect_tcp(
            address, port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        """For httpcore's own retries; there are none."""
        await trio.sleep(seconds)

    async def _address(self, host: str, port: int) -> str:
        try:
            found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        addresses = [row[4][0] for row in found]
        if not self._allow_private:
            for address in addresses:
                if not is_public(str(address)):
                    words = f"{host} leads to {address}, which is not public"
                    raise ForbiddenAddress(words)
        return str(addresses[0])


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not (mapped or ip).is_multicast
