"""The console's socket, kept by a thread of its own.

The main thread reads lines and gets its Ctrl-C; Trio runs beside it, so that the socket
lives while nobody types. Between them go whole frames, and nothing else.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from decimal import Decimal
from types import TracebackType
from typing import Any

import httpx
import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    wrap_client_stream,
)

from ordo.cli.client import Target
from ordo.cli.failure import Failure
from ordo.cli.shell.reaching import CONNECT_SECONDS, Stream, connected, reason_of

PATH = "/api/v1/console"
PING_EVERY, PONG_SECONDS = 20.0, 20.0
"""Seconds: a server that is gone without a word is noticed."""
STILL_HERE = 300.0
"""Seconds between signs of life while something is watched: Ordo ends a console that
was quiet for 15 minutes."""
MOST_ANSWER = 64 * 2**20
"""Bytes of one answer: a whole order book of a busy day is some megabytes."""
ROOM = 100

Frame = dict[str, Any]
DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


class Ended(Exception):
    """The console ended while an answer was waited for; it may have been done."""


class Answers:
    """What comes back for one frame. Iterate, or take `next`."""

    def __init__(self, link: Link, number: int) -> None:
        self._link, self.number = link, number
        self._came: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()

    def put(self, frame: Frame | None) -> None:
        """One came; None: no more will."""
        self._came.put(frame)

    def next(self, timeout: float | None = None) -> Frame:
        """The next one, waited for; a Ctrl-C gets through.

        Raises:
            Ended: there will be none.
            queue.Empty: not within *timeout* seconds.
        """
        frame = self._came.get(timeout=timeout)
        if frame is None:
            raise Ended(self._link.gone or "the console ended")
        return frame

    def stop(self) -> None:
        """Have Ordo no longer wait for it."""
        self._link.forget(self)
        if self._link.gone is None:
            self._link.ask({"do": "stop", "what": self.number})


class Link:
    """A console of a running Ordo, open inside ``with``.

    Attributes:
        gone: why it ended; None while it is open.
        hello: how Ordo greeted.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.gone: str | None = "it was not opened"
        self.hello: Frame = {}
        self._waiting: dict[int, Answers] = {}
        self._last = 0
        self._thread: threading.Thread | None = None
        self._loop: trio.lowlevel.TrioToken
        self._scope: trio.CancelScope
        self._outbox: trio.MemorySendChannel[Frame]

    def __enter__(self) -> Link:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Open it, again where it had ended.

        Raises:
            Failure: it cannot be opened; says why.
        """
        self.close()
        opened: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.gone = None
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name="console", daemon=True
        )
        self._thread.start()
        opened.get()
        self._check_open()

    def _check_open(self) -> None:
        if self.gone is not None:
            reason = self.gone
            self.close()
            raise Failure(reason)

    def close(self) -> None:
        """End it, and the thread."""
        if self._thread is None:
            return
        if self.gone is None:
            with suppress(trio.RunFinishedError):  # it may have ended just now
                self._loop.run_sync_soon(self._scope.cancel)
        self._thread.join()
        self._thread = None
        self.gone = self.gone or "it was closed"

    def ask(self, frame: Frame) -> Answers:
        """Send a frame; its answers.

        Raises:
            Ended: the console has ended; nothing was sent.
        """
        self._last += 1
        answers = self._waiting[self._last] = Answers(self, self._last)
        if self.gone is None:
            with suppress(trio.RunFinishedError):
                numbered = {"id": self._last, **frame}
                self._loop.run_sync_soon(self._outbox.send_nowait, numbered)
                return answers
        self.forget(answers)
        raise Ended(self.gone or "the console ended")

    def forget(self, answers: Answers) -> None:
        """Nobody waits for these any more."""
        self._waiting.pop(answers.number, None)

    # In the thread --------------------------------------------------------------------

    def _run(self, opened: queue.SimpleQueue[None]) -> None:
        reason = "the console ended"
        try:
            reason = trio.run(self._talk, opened)
        except Exception as exc:  # told to the thread that waits, as one line
            reason = reason_of(self._target.url, exc)
        finally:
            self.gone = reason
            for answers in tuple(self._waiting.values()):
                answers.put(None)
            opened.put(None)

    async def _talk(self, opened: queue.SimpleQueue[None]) -> str:
        with trio.CancelScope() as self._scope:
            async with trio.open_nursery() as tasks:
                with trio.fail_after(CONNECT_SECONDS):
                    stream = await connected(self._target)
                try:
                    return await self._served(stream, tasks, opened)
                finally:
                    # trio-websocket leaves it open where the server closed first.
                    await trio.aclose_forcefully(stream)
                    tasks.cancel_scope.cancel(reason="it ended")
        return "it was closed"

    async def _served(
        self,
        stream: Stream,
        tasks: trio.Nursery,
        opened: queue.SimpleQueue[None],
    ) -> str:
        """Talk until it ends; the reason of the end."""
        token, shown = self._target.token, []
        if token is not None:
            shown = [(b"Authorization", f"Bearer {token.reveal()}".encode())]
        with trio.fail_after(CONNECT_SECONDS):
            socket = await wrap_client_stream(
                tasks,
                stream,
                httpx.URL(self._target.url).netloc.decode(),
                PATH,
                extra_headers=shown,
                message_queue_size=ROOM,
                max_message_size=MOST_ANSWER,
            )
            self.hello = DECODER.decode(await socket.get_message())["hello"]
        self._loop = trio.lowlevel.current_trio_token()
        self._outbox, outbox = trio.open_memory_channel[Frame](ROOM)
        tasks.start_soon(self._write, socket, outbox)
        tasks.start_soon(self._keep, socket)
        opened.put(None)
        return await self._read(socket)

    async def _read(self, socket: WebSocketConnection) -> str:
        """Hand out what comes; returns the reason of the end."""
        try:
            while True:
                frame = DECODER.decode(await socket.get_message())
                answers = self._waiting.get(frame.get("id"))
                if answers is not None:
                    answers.put(frame)
        except ConnectionClosed as closed:
            reason = closed.reason.reason if closed.reason else None
            return f"the console ended: {reason or 'the connection was lost'}"

    async def _write(
        self, socket: WebSocketConnection, outbox: trio.MemoryReceiveChannel[Frame]
    ) -> None:
        async for frame in outbox:
            try:
                await socket.send_message(msgspec.json.encode(frame).decode())
            except ConnectionClosed:
                return  # the reader tells

    async def _keep(self, socket: WebSocketConnection) -> None:
        """Notice a server that is gone; and be heard of while something is watched."""
        heard = trio.current_time()
        while True:
            await trio.sleep(PING_EVERY)
            try:
                with trio.fail_after(PONG_SECONDS):
                    await socket.ping()
                if self._waiting and trio.current_time() > heard + STILL_HERE:
                    heard = trio.current_time()
                    await socket.send_message('{"id": 0, "do": "ping"}')
            except ConnectionClosed:
                return
            except trio.TooSlowError:
                self._scope.cancel(reason="Ordo does not answer")
                return
