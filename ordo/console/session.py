"""One console: frames in, frames out, for as long as its token is good.

It has a bound for everything: frames a second, messages under way, quiet. Who leaves
takes nothing along: what was delivered lives in the actors.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import trio
from msgspec.structs import replace

from actors.writer import tell
from adapters import AuditEntry, Note, StoreFailed
from ordo.console import completing, frames, helping
from ordo.console.delivery import Unconfirmed, Wanted, deliver
from ordo.console.tree import branches
from ordo.console.watching import watch
from ordo.http.call import Call
from ordo.http.errors import ApiError
from ordo.version import __version__

log = logging.getLogger("ordo.console")

LOOK_EVERY = 1.0
"""Seconds between looks whether the token is still good."""
MOST_QUIET = 900.0
"""Seconds without a frame; a client that only watches pings."""
MOST_UNDER_WAY = 16
BURST, FRAMES_A_SECOND = 100.0, 50.0
"""Frames are read no faster: a person types two, a completion three."""
OUT_ROOM = 64
"""Answers that wait to be sent; whoever has one more waits with it."""

GOING_AWAY, POLICY, NORMAL = 1001, 1008, 1000
"""Codes of a close. Source: RFC 6455, section 7.4.1."""


class Ending(NamedTuple):
    """Why it is over: a code and words of a close."""

    code: int
    reason: str


class Session:
    """Serves one console.

    Args:
        call: who opened it, and from where.
        is_good: whether the token still is.
        receive: gives the next frame.
        send: sends one.
    """

    def __init__(
        self,
        call: Call,
        is_good: Callable[[], bool],
        receive: Callable[[], Awaitable[str | bytes]],
        send: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._call, self._system = call, call.system
        self._is_good = is_good
        self._receive, self._send = receive, send
        self._under_way: dict[frames.Id, trio.CancelScope] = {}
        self._heard = trio.current_time()
        self._left, self._counted_at = BURST, trio.current_time()
        self._taking = trio.CancelScope()
        self._life = trio.CancelScope()
        self._ending = Ending(NORMAL, "the console was closed")
        self._out, self._to_send = trio.open_memory_channel[bytes](OUT_ROOM)

    async def run(self) -> Ending:
        """Serve until the client leaves (then this is cancelled), or it has to end."""
        self._note("console.opened")
        try:
            with self._life:
                async with trio.open_nursery() as around:
                    around.start_soon(self._watch_token)
                    around.start_soon(self._watch_stop)
                    await self._serve()
                    around.cancel_scope.cancel(reason="the console is over")
        finally:
            self._note("console.closed")
        return self._ending

    async def _serve(self) -> None:
        """Take frames until told not to; then what is under way comes to its end."""
        async with trio.open_nursery() as writing:
            writing.start_soon(self._write)
            async with self._out:
                principal, secrets = self._call.principal.id, helping.secret_fields()
                await self._out.send(frames.hello(__version__, principal, secrets))
                async with trio.open_nursery() as tasks:
                    with self._taking:
                        await self._read(tasks)

    async def _write(self) -> None:
        async for frame in self._to_send:
            await self._send(frame)

    async def _read(self, tasks: trio.Nursery) -> None:
        while True:
            await self._pace()
            raw = await self._receive()
            self._heard = trio.current_time()
            await self._take(raw, tasks)

    async def _pace(self) -> None:
        """Wait where frames come too fast: the client's own socket fills then."""
        now = trio.current_time()
        gained = (now - self._counted_at) * FRAMES_A_SECOND
        self._left, self._counted_at = min(BURST, self._left + gained) - 1.0, now
        if self._left < 0:
            await trio.sleep(-self._left / FRAMES_A_SECOND)

    # Its end --------------------------------------------------------------------------

    async def _watch_token(self) -> None:
        while True:
            await trio.sleep(LOOK_EVERY)
            self._check_token()
            if trio.current_time() - self._heard > MOST_QUIET:
                self._end(Ending(NORMAL, f"quiet for {MOST_QUIET / 60:g} minutes"))

    async def _watch_stop(self) -> None:
        """Ordo stops: take nothing new, as HTTP does. Watches end by themselves."""
        feed = self._system.feed
        while not feed.closed:
            await feed.news.wait()
        self._ending = Ending(GOING_AWAY, "Ordo stops")
        self._taking.cancel(reason="Ordo stops")

    def _check_token(self) -> None:
        if not self._is_good():
            self._end(Ending(POLICY, "the token is revoked or expired"))

    def _end(self, ending: Ending) -> None:
        self._ending = ending
        self._life.cancel(reason=ending.reason)

    def _note(self, action: str) -> None:
        entry = AuditEntry(
            actor=self._call.principal.id,
            action=action,
            request_id=self._call.request_id,
            detail={"address": self._call.address},
        )
        tell(self._system.writer, Note(audit=(entry,)))

    # Frames ---------------------------------------------------------------------------

    async def _take(self, raw: str | bytes, tasks: trio.Nursery) -> None:
        """Begin what a frame wants."""
        frame_id = None
        try:
            frame_id = frames.id_in(raw)
            frame = frames.decode(raw)
            self._check_room(frame)
        except ApiError as error:
            await self._out.send(frames.failed(frame_id, error, self._call.request_id))
            return
        if isinstance(frame, frames.Stop):  # at once: it must not wait for its turn
            await self._out.send(frames.plain(frame.id, "Stopped", self._stop(frame)))
            return
        scope = self._under_way[frame.id] = trio.CancelScope()
        tasks.start_soon(self._handle, frame, scope)

    def _check_room(self, frame: frames.Frame) -> None:
        if isinstance(frame, frames.Stop):
            return
        if frame.id in self._under_way:
            raise ApiError("bad_request", f"the id {frame.id!r} is under way")
        if len(self._under_way) >= MOST_UNDER_WAY:
            words = f"{MOST_UNDER_WAY} messages are under way, the limit"
            raise ApiError("overloaded", words)

    def _stop(self, frame: frames.Stop) -> dict[str, bool]:
        scope = self._under_way.get(frame.what)
        if scope is not None:
            scope.cancel(reason="the client no longer waits for it")
        return {"found": scope is not None}

    async def _handle(self, frame: frames.Frame, scope: trio.CancelScope) -> None:
        call = replace(self._call, request_id=self._system.clockwork.ids.new())
        answer = frames.stopped(frame.id)
        with scope:
            answer = await self._answered(frame, call)
        del self._under_way[frame.id]
        await self._out.send(answer)

    async def _answered(self, frame: frames.Frame, call: Call) -> bytes:
        """What a frame is answered with, whatever goes wrong."""
        try:
            return await self._answer(frame, call)
        except Unconfirmed as second_look:
            return frames.unconfirmed(frame.id, second_look.words)
        except ApiError as error:
            return frames.failed(frame.id, error, call.request_id)
        except StoreFailed as failed:
            down = ApiError("storage_unavailable", f"the store failed: {failed}")
            return frames.failed(frame.id, down, call.request_id)
        except Exception:
            log.exception(
                "a frame of the console failed",
                extra={"event": "console.failed", "request_id": call.request_id},
            )
            bug = ApiError("internal", "a bug in Ordo; its log has it by request_id")
            return frames.failed(frame.id, bug, call.request_id)

    async def _answer(self, frame: frames.Frame, call: Call) -> bytes:
        match frame:
            case frames.Send():
                self._check_token()
                await trio.lowlevel.checkpoint()  # a bad token ends it right here
                shown = await deliver(call, wanted_of(frame))
                return frames.done(frame.id, shown, call.request_id)
            case frames.Watch():
                return await watch(call, frame, self._out.send)
            case frames.Ls():
                return frames.plain(frame.id, "Tree", branches(self._system))
            case frames.Help(message=str(name)):
                return frames.plain(frame.id, "Help", helping.of_message(name))
            case frames.Help():
                found = helping.overview(self._system)
                return frames.plain(frame.id, "Overview", found)
            case frames.Complete(line=line):
                words = await completing.complete(self._system, line)
                return frames.plain(frame.id, "Words", words)
        return frames.plain(frame.id, "Pong", {})


def wanted_of(frame: frames.Send) -> Wanted:
    """The message that a frame wants sent."""
    return Wanted(
        way="tell" if isinstance(frame, frames.TellFrame) else "ask",
        to=frame.to,
        message=frame.message,
        args=frame.args,
        fields=frame.fields,
        seconds=frame.seconds,
        confirmed=frame.confirmed,
    )
