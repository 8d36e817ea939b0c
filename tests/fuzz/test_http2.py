"""HTTP/2 from the frames up: floods are cut off, and nobody else notices."""

from __future__ import annotations

import pytest

from tests.fuzz.http2_cases import CASES
from tests.support.processes import TOKEN
from tests.support.waiting import until


@pytest.mark.parametrize("tls", ["off", "auto"])
@pytest.mark.parametrize("name", CASES)
def test_frames_that_no_client_sends_harm_nobody(gateways, tls, name):
    at = gateways[tls]
    assert list(CASES[name](at.place, TOKEN.encode())) == []
    assert at.well() == []


@pytest.mark.parametrize("tls", ["off", "auto"])
def test_connections_that_ended_with_streams_open_hold_no_socket(gateways, tls):
    at = gateways[tls]
    before = at.sockets()
    for name in ("gone in the middle", "after a goodbye", "rapid resets"):
        list(CASES[name](at.place, TOKEN.encode()))
    assert at.well() == []
    until(lambda: at.sockets() <= before, 5)
