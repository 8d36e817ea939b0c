"""HTTP/1.1 from the bytes up: refused in the envelope, and nobody else notices."""

from __future__ import annotations

import pytest

from tests.fuzz.http1_cases import CASES
from tests.support.processes import TOKEN
from tests.support.waiting import until


@pytest.mark.parametrize("tls", ["off", "auto"])
@pytest.mark.parametrize("name", CASES)
def test_bytes_that_no_client_sends_harm_nobody(gateways, tls, name):
    at = gateways[tls]
    assert list(CASES[name](at.place, TOKEN.encode())) == []
    assert at.well() == []


@pytest.mark.parametrize("tls", ["off", "auto"])
def test_connections_that_ended_in_any_way_hold_no_socket(gateways, tls):
    at = gateways[tls]
    before = at.sockets()
    for name in ("gone in the middle", "half closed", "the other protocol"):
        list(CASES[name](at.place, TOKEN.encode()))
    assert at.well() == []
    until(lambda: at.sockets() <= before, 5)
