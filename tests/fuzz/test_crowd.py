"""More connections than there are files: nothing breaks, and orders go on."""

from __future__ import annotations

import resource
from contextlib import ExitStack

import pytest

from tests.fuzz.gateway import gateway

FILES, CLIENTS = 256, 600
"""Files that Ordo may have, and clients that come."""


@pytest.fixture
def few_files():
    """Programs started under it may have few files; the test itself more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = CLIENTS + 200 if hard == resource.RLIM_INFINITY else min(hard, CLIENTS + 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


SAID = (b"", b"GET /hea", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")


def test_hundreds_of_connections_that_wait_are_bounded(tmp_path, few_files):
    with ExitStack() as stack:
        at = stack.enter_context(gateway(tmp_path))
        few_files()
        for number in range(CLIENTS):
            sock = stack.enter_context(at.place.tcp())
            sock.send(SAID[number % len(SAID)])
            if number % 100 == 99:
                assert at.well() == []
        assert at.sockets() < FILES // 2 + 60
