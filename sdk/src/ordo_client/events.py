"""The event stream for programs that wait for each event."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType

import httpx

from ordo_client.connecting import request_of, unreachable
from ordo_client.errors import OrdoError
from ordo_client.following import Following
from ordo_client.gateway import Event


class Events:
    """Yields each event once and in order; connects again by itself.

    Closed by `with`, by `close()`, or with its client. For one thread.

    Attributes:
        last_id: of the last event given out: what to pass as `after` another day.

    Raises:
        OrdoError: Ordo refuses, or nothing came for longer than was wanted.
    """

    def __init__(self, http: httpx.Client, url: str, following: Following) -> None:
        self.last_id: int | None = None
        self._http, self._url, self._following = http, url, following
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] | None = None
        self._waiting: deque[Event] = deque()
        self._closed = False

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        while not self._waiting:
            if self._closed:
                raise StopIteration
            self._more()
        event = self._waiting.popleft()
        self.last_id = event.id
        return event

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; iterating ends after what has come already."""
        self._closed = True
        self._hang_up()

    def _more(self) -> None:
        """Take what comes next: some events, none, or a reason to connect again."""
        try:
            chunk = next(self._chunks or self._connect(), b"")
            self._waiting.extend(self._following.received(chunk))
            return
        except httpx.HTTPError as exc:
            lost: OrdoError = unreachable(self._url, exc)
        except OrdoError as refused:
            lost = refused
        self._hang_up()
        time.sleep(self._following.lost(lost))

    def _connect(self) -> Iterator[bytes]:
        request = request_of(self._http, self._following.connect())
        self._response = response = self._http.send(request, stream=True)
        content = b"" if response.status_code == httpx.codes.OK else response.read()
        self._following.check(response.status_code, response.headers, content)
        self._chunks = response.iter_bytes()
        return self._chunks

    def _hang_up(self) -> None:
        response, self._response, self._chunks = self._response, None, None
        if response is not None:
            response.close()
