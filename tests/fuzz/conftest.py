"""Fixtures: a gateway without TLS and one with, for all raw cases of a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.fuzz.gateway import Gateway, gateway


@pytest.fixture(scope="session")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    with ExitStack() as stack:
        yield {
            tls: stack.enter_context(gateway(tmp_path_factory.mktemp(tls), tls))
            for tls in ("off", "auto")
        }
