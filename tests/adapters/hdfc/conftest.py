"""HDFC's adapter with mocked HTTP."""

import pytest

from adapters.brokers.hdfc import HdfcBroker
from adapters.http import BrokerHttp
from adapters.secret import Secret
from tests.support.web import broker_web

from .support import SETTINGS, TLS
from .test_contract import INDEX, NOON, TOKEN


@pytest.fixture
async def broker():
    made = HdfcBroker(SETTINGS, BrokerHttp(tls=TLS), INDEX, wall=lambda: NOON)
    made.use(made.login.adopt(Secret(TOKEN), NOON))
    yield made
    await made.aclose()


@pytest.fixture
def hdfc():
    with broker_web(assert_all_called=False) as mock:
        yield mock
