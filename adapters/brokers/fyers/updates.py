"""FYERS's order socket: what it is told, what it tells. Source: dossier 12."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import trio

from adapters.brokers.fyers import translate, wire
from adapters.brokers.fyers.codes import CODES, Meaning
from adapters.brokers.fyers.session import Session
from adapters.brokers.fyers.symbols import SymbolMap
from adapters.errors import SentUnknown, SessionExpired
from adapters.http import BrokerHttp
from adapters.model import BookOrder
from adapters.sockets import Message, Socket, websocket

URL = "wss://socket.fyers.in/trade/v3"
SUBSCRIBE = '{"T":"SUB_ORD","SLIST":["orders"],"SUB_T":1}'
"""Orders alone: each fill changes one, and its message has all that a row has. That it
was taken proves nothing: FYERS acknowledges any text at all."""
PING, PONG = "ping", "pong"
PING_EVERY = 10.0
"""Seconds; as documented."""
SILENCE = 30.0
"""Seconds without a word, three pings unanswered: the connection is taken for dead."""


class OrderFrame(msgspec.Struct):
    """`orders` of a message. Zeros may be left out, and then mean zero (dossier 12).

    `org_ord_status` is the status that books show; `ord_status` is another thing.
    """

    id: str | int
    symbol: str = ""
    qty: Decimal = Decimal(0)
    qty_filled: Decimal = Decimal(0)
    org_ord_status: int = 0
    ord_type: int = 0
    tran_side: int = 0
    product_type: str = ""
    price_limit: Decimal = Decimal(0)
    price_stop: Decimal = Decimal(0)
    price_traded: Decimal = Decimal(0)
    validity: str = ""
    time_oms: str | int = ""
    ordertag: str | None = None
    oms_msg: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it says all that no order can do without."""
        known = self.tran_side in translate.SIDES and self.ord_type in translate.TYPES
        return known and bool(self.symbol) and self.qty > 0 and self.org_ord_status > 0


class Frame(msgspec.Struct):
    """Any message; of acknowledgements, positions and the like nothing is read."""

    s: str = ""
    code: int | None = None
    orders: OrderFrame | None = None


class FyersUpdates:
    """See `ports.OrderUpdates`."""

    def __init__(self, socket: Socket, symbols: SymbolMap) -> None:
        self._socket = socket
        self._symbols = symbols
        self._decode = msgspec.json.Decoder(Frame).decode
        self._heard = self._pinged = trio.current_time()

    async def receive(self) -> BookOrder | None:
        """The next change of an order; keeps the connection alive while it waits."""
        while True:
            message: Message | None = None
            with trio.move_on_at(self._pinged + PING_EVERY):
                message = await self._socket.receive()
            now = trio.current_time()
            if message is not None:
                self._heard = now
                frame = self._read(message)
                if frame.orders is not None:
                    return self._row(frame.orders)
            elif now - self._heard >= SILENCE:
                raise SentUnknown(f"no word over the socket for {SILENCE:g} s")
            if now >= self._pinged + PING_EVERY:
                self._pinged = now
                await self._socket.send(PING)

    def _read(self, message: Message) -> Frame:
        if message == PONG:
            return Frame()
        try:
            frame = self._decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise SentUnknown(f"a frame of {len(message)} bytes: {exc}") from exc
        if frame.s.lower() == "error":
            # Not documented for this socket; a code says the same as everywhere.
            words = f"FYERS sent an error over the socket, code {frame.code}"
            if frame.code in CODES and CODES[frame.code] is Meaning.AUTH:
                raise SessionExpired(words, str(frame.code))
            raise SentUnknown(words)
        return frame

    def _row(self, told: OrderFrame) -> BookOrder | None:
        if not told.is_whole:
            return None
        row = wire.OrderRow(
            id=told.id,
            symbol=told.symbol,
            qty=told.qty,
            filledQty=told.qty_filled,
            status=told.org_ord_status,
            type=told.ord_type,
            side=told.tran_side,
            productType=told.product_type,
            limitPrice=told.price_limit,
            stopPrice=told.price_stop,
            tradedPrice=told.price_traded,
            orderValidity=told.validity,
            orderDateTime=told.time_oms,
            orderTag=told.ordertag,
            message=told.oms_msg,
        )
        return translate.book_order(row, self._symbols)


@asynccontextmanager
async def order_updates(
    door: BrokerHttp, session: Session, symbols: SymbolMap
) -> AsyncIterator[FyersUpdates]:
    """Connect with the session in force now, and ask for orders.

    Raises:
        SessionExpired: nobody is logged in, or FYERS refused the token.
        NotSent, SentUnknown: there is no connection.
    """
    async with websocket(door, URL, session.authorization()) as socket:
        await socket.send(SUBSCRIBE)
        yield FyersUpdates(socket, symbols)
