"""m.Stock's socket: order updates beside prices that nobody here asks for.

No real message was ever found (dossier 13, 14), so a row that lacks something is no
row: it only tells that the book has news.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlencode

import msgspec

from adapters.brokers.mstock import translate
from adapters.brokers.mstock.session import Session
from adapters.brokers.mstock.symbols import Symbols
from adapters.brokers.mstock.wire import Row, cells
from adapters.errors import SentUnknown
from adapters.http import BrokerHttp
from adapters.model import BookOrder
from adapters.secret import Secret
from adapters.sockets import Socket, websocket

URL = "wss://ws.mstock.trade"
ORDER, TRADE, ERROR = "order", "trade", "error"
PING_EVERY = 20.0
"""Seconds between pings of the WebSocket's own; as other programs do."""


class Frame(msgspec.Struct):
    """A text message: `type` and `data` at Type A, and of errors at both; else
    `order_status` and `orderData` at Type B."""

    type: str | None = None
    order_status: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    orderData: msgspec.Raw = msgspec.Raw()  # noqa: N815 - the broker's name

    @property
    def kind(self) -> str:
        return (self.type or self.order_status or "").strip().lower()


class MstockUpdates:
    """See `ports.OrderUpdates`.

    Args:
        socket: logged in.
        names: of the cells of an order's row.
        symbols: names of instruments.
    """

    def __init__(
        self, socket: Socket, names: Mapping[str, str], symbols: Symbols
    ) -> None:
        self._socket = socket
        self._names = names
        self._symbols = symbols
        self._decode = msgspec.json.Decoder(Frame).decode

    async def receive(self) -> BookOrder | None:
        """The next change of an order, or of what was traded."""
        while True:
            message = await self._socket.receive()
            if isinstance(message, str) and message.lstrip()[:1] == "{":
                frame = self._read(message)
                if frame.kind == ORDER:
                    return self._row(frame)
                if frame.kind == TRADE:
                    return None
            # Else prices, heartbeats, and an answer to the log-in, of unknown words.

    def _read(self, message: str) -> Frame:
        try:
            frame = self._decode(message)
        except (msgspec.DecodeError, RecursionError) as exc:
            raise SentUnknown(f"a frame of {len(message)} bytes: {exc}") from exc
        if frame.kind == ERROR:
            # Its words are not documented, and may hold what we sent.
            raise SentUnknown("m.Stock sent an error over the socket")
        return frame

    def _row(self, frame: Frame) -> BookOrder | None:
        data = frame.orderData if bytes(frame.orderData) else frame.data
        with suppress(SentUnknown):
            row = Row(cells(data, "order"), self._names, "order")
            return translate.book_order(row, self._symbols)
        return None


@asynccontextmanager
async def order_updates(
    door: BrokerHttp,
    session: Session,
    names: Mapping[str, str],
    symbols: Symbols,
) -> AsyncIterator[MstockUpdates]:
    """Connect and log in with the session in force now; no subscription is wanted.

    Raises:
        SessionExpired: nobody is logged in, or m.Stock refused the token.
        NotSent, SentUnknown: there is no connection.
    """
    api_key, token = session.keys()
    async with websocket(door, _url(api_key, token), ping_every=PING_EVERY) as socket:
        await socket.send(f"LOGIN:{token.reveal()}")
        yield MstockUpdates(socket, names, symbols)


def _url(api_key: Secret, token: Secret) -> str:
    """The token in the query too, as documented; keys hold `/`, `+` and `=`."""
    query = {"ACCESS_TOKEN": token.reveal(), "API_KEY": api_key.reveal()}
    return f"{URL}?{urlencode(query)}"
