"""A time server on loopback, whose clock is off as a test wants it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from adapters.sntp import ERA, PACKET, TO_1970


@contextmanager
def time_server(
    ahead: float = 0.0, *, answer: Callable[[bytes], bytes] | None = None
) -> Iterator[str]:
    """Serve a clock that is *ahead* of ours, in seconds; gives its HOST:PORT.

    Args:
        answer: makes something else of the right answer.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        host, port = server.getsockname()

        def serve() -> None:
            while True:
                question, asker = server.recvfrom(512)
                if not question:
                    return
                told = answered(question, time.time() + ahead)
                server.sendto(told if answer is None else answer(told), asker)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (host, port))
            thread.join()


def answered(question: bytes, now: float) -> bytes:
    """The answer of a good server whose clock says *now*, seconds since 1970."""
    nonce = PACKET.unpack(question)[-2:]
    whole, fraction = divmod(int((now + TO_1970) * ERA), ERA)
    moment = (whole % ERA, fraction)
    flags = 4 << 3 | 4
    return PACKET.pack(flags, 2, 0, -20, 0, 0, 0, 0, 0, *nonce, *moment, *moment)
