"""An event stream on a real socket: says what a script says, and hangs up."""

import socket
import threading
from contextlib import suppress

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
STAY = b"stay"
"""In a script: say no more, and keep the connection until the client leaves."""


def event(number):
    """One event in the stream's own words."""
    data = (
        f'{{"id": {number}, "version": 1, "type": "order.acked", "broker": "one", '
        f'"at": "2026-11-21T09:15:00.000Z", "batch_id": null, "order_id": "O{number}", '
        '"by": "broker:one", "data": {}, "new": 1}'
    )
    return f"id: {number}\nevent: order.acked\ndata: {data}\n\n".encode()


class StreamStub:
    """Each connection gets the next script; the parts go out one by one."""

    def __init__(self, *scripts):
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked = []
        self.left = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    @property
    def resumed_from(self):
        """The `Last-Event-ID` of each connection."""
        return [headers.get("last-event-id") for headers in self.asked]

    def _serve(self):
        with suppress(OSError):
            for script in self._scripts:
                connection, _ = self._listener.accept()
                with connection:
                    self._say(connection, script)

    def _say(self, connection, script):
        lines = connection.makefile("rb")
        first = lines.readline().decode()
        headers = {"": first}
        while (line := lines.readline().decode().strip()) != "":
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        self.asked.append(headers)
        for part in script:
            if part is STAY:
                with suppress(OSError):  # it may leave with a reset
                    lines.read()
                self.left.set()
            else:
                connection.sendall(part)
