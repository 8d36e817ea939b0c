"""Which address the world sees us come from, told by an echo somewhere out there.

The echo is whatever the user names: there is no host of ours, and none is built in.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from adapters.errors import SentUnknown
from adapters.http import BrokerHttp

Address = IPv4Address | IPv6Address

MOST_BYTES = 4096
"""Of an answer: an address takes 39, and whatever is longer is a page."""


class _Told(msgspec.Struct):
    """The JSON form of an answer."""

    ip: str


class AddressEcho:
    """Asks an echo over the way that one broker's calls take.

    Args:
        url: answers with the address it was called from: as text, or as `{"ip": …}`.
        egress: as the broker's.

    Raises:
        ConfigError: *egress* is none.
    """

    def __init__(self, url: str, egress: str) -> None:
        self._http = BrokerHttp(egress=egress, max_connections=1)
        self._endpoint = self._http.endpoint("GET", url)

    async def ask(self) -> Address:
        """The address that we come from; has no time-out but the caller's.

        Raises:
            NotSent: the echo was not reached.
            SentUnknown: its answer is no address.
        """
        # A connection that is kept shows the way out as it was when it was made.
        headers = ((b"Connection", b"close"),)
        reply = await self._http.send(
            self._endpoint, headers=headers, max_bytes=MOST_BYTES
        )
        if reply.status != 200:
            raise SentUnknown(f"the echo answered HTTP {reply.status}", reply.status)
        return address_in(reply.body)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._http.aclose()


def address_in(body: bytes) -> Address:
    """The address in an echo's answer.

    Raises:
        SentUnknown: there is none.
    """
    try:
        text = body.decode("ascii").strip()
        if text.startswith("{"):
            text = msgspec.json.decode(body, type=_Told).ip
        return _plain(ip_address(text))
    except ValueError:  # msgspec's errors too
        words = "wanted an IP address from the echo, as text or as JSON with `ip`"
        raise SentUnknown(f"{words}, found {len(body)} bytes of other things") from None


def _plain(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only wraps it, as echoes may tell it."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
