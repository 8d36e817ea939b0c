"""A proxy that loses answers: what was sent arrives, what comes back does not.

The worst moment to lose a connection: the order is at Ordo, and nobody says so.
"""

import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Passes everything on, but the answers on its first *cuts* connections.

    Such an answer is waited for, so that Ordo has done its work, and thrown away; then
    the client's connection is closed. With *reset* it is torn down. `cut` breaks those
    that are there.
    """

    def __init__(self, port: int, *, cuts: int, reset: bool = False) -> None:
        self._target, self._cuts, self._reset = port, cuts, reset
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.lost: list[bytes] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> "CuttingProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join(10)

    def cut(self) -> None:
        """Break every connection of now, in the middle of whatever comes over it."""
        for end in list(self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                cuts, self._cuts = self._cuts > 0, self._cuts - 1
                thread = threading.Thread(target=self._serve, args=(client, cuts))
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket, cuts: bool) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as ordo:
            self._open |= {client, ordo}
            up = threading.Thread(target=_pump, args=(client, ordo))
            up.start()
            if cuts:
                self.lost.append(ordo.recv(65536))
                if self._reset:
                    linger = b"\x01\0\0\0\0\0\0\0"  # close() sends RST
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                with suppress(OSError):
                    ordo.shutdown(socket.SHUT_RDWR)
                    client.shutdown(socket.SHUT_RD)
            else:
                _pump(ordo, client)
            up.join(10)
            self._open -= {client, ordo}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
