"""Reading an account: which call answers which question, and how it went."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import trio

from actors.line import Line, Tries, denial_of
from actors.mailbox import Request
from actors.messages import (
    Denial,
    Downloaded,
    DownloadMaster,
    Fetch,
    Fetched,
    FetchFailed,
)
from actors.windows import Kind
from adapters import (
    BookOrder,
    BrokerError,
    BrokerPort,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    Unsupported,
)

Reading = Callable[[], Awaitable[tuple[Any, ...]]]

ONE_ROW = frozenset({"funds", "margin", "depth"})
"""Kinds whose answer is a single row."""


class Reads:
    """Answers reads of one broker.

    Args:
        line: to the broker.
        failed: called after a read that gave nothing.
        owned: tells of each row of the book whose order it is.
    """

    def __init__(
        self,
        line: Line,
        failed: Callable[[], None],
        owned: Callable[[Sequence[BookOrder]], tuple[Any, ...]] = tuple,
    ) -> None:
        self._line = line
        self._failed = failed
        self._owned = owned

    async def answer(self, request: Request) -> None:
        """Read what the request's `Fetch` asks for, inside its deadline."""
        with request:
            tries = Tries()
            try:
                call = reading(self._line.port, request.message)
                with trio.fail_at(request.deadline):
                    rows = await self._line.read(Kind.READ, call, tries)
                if request.message.kind == "orderbook":
                    rows = self._owned(rows)
            except (BrokerError, trio.TooSlowError) as error:
                request.reply(failure(self._line.name, error, tries))
                self._failed()
            else:
                request.reply(
                    Fetched(
                        broker=self._line.name,
                        rows=rows,
                        attempts=tries.made,
                        latency_ms=millis(tries),
                    )
                )

    async def download(self, request: Request) -> None:
        """Fetch the instrument files, inside the deadline; a failure is no news."""
        with request:
            message: DownloadMaster = request.message
            tries, began = Tries(), trio.current_time()

            async def fetch() -> tuple[Path, ...]:
                tries.made = 1
                return tuple(await self._line.port.download_master(message.directory))

            try:
                with trio.fail_at(request.deadline):
                    files = await self._line.download(fetch)
            except (BrokerError, trio.TooSlowError) as error:
                request.reply(failure(self._line.name, error, tries))
            except OSError as error:
                words = f"the files cannot be kept: {error}"
                denial = Denial(code="storage_unavailable", message=words)
                request.reply(FetchFailed(broker=self._line.name, denial=denial))
            else:
                request.reply(
                    Downloaded(
                        broker=self._line.name,
                        files=files,
                        seconds=round(trio.current_time() - began, 3),
                    )
                )


def failure(
    broker: str, error: BrokerError | trio.TooSlowError, tries: Tries
) -> FetchFailed:
    """What clients are told of a read that gave nothing to use."""
    denial = Denial(code="deadline_exceeded", message="no answer in time")
    code = text = status = None
    if isinstance(error, BrokerError):
        denial = denial_of(error)
    if isinstance(error, Refused | SessionExpired):
        code, text = error.code, getattr(error, "text", str(error))
    if isinstance(error, Refused | SessionExpired | RateLimited | SentUnknown):
        status = error.http_status
    return FetchFailed(
        broker=broker,
        denial=denial,
        broker_code=code,
        broker_message=text,
        http_status=status,
        attempts=tries.made,
        latency_ms=millis(tries),
    )


def reading(port: BrokerPort, message: Fetch) -> Reading:
    """The call that answers *message* with a tuple of model rows.

    Raises:
        Unsupported: no adapter reads that yet.
    """
    if message.kind == "depth" and len(message.symbols) != 1:
        raise Unsupported(f"depth is of one symbol, was {len(message.symbols)}")
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "orderbook": port.order_book,
        "trades": port.trades,
        "positions": port.positions,
        "holdings": port.holdings,
        "funds": port.funds,
        "quotes": lambda: port.quotes(message.symbols),
        "margin": lambda: port.margin(message.orders),
        "depth": lambda: port.depth(message.symbols[0]),
    }
    call = calls.get(message.kind)
    if call is None:
        raise Unsupported(f"{message.kind} cannot be read here")

    async def read() -> tuple[Any, ...]:
        answer = await call()
        return (answer,) if message.kind in ONE_ROW else tuple(answer)

    return read


def millis(tries: Tries) -> float:
    """The last try's time at the broker."""
    return round(tries.latency * 1000, 3)
