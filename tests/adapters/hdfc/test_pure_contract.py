"""HDFC under the first half of the contracts: all that needs no wire."""

import httpx
import pytest

from adapters.brokers.hdfc.answers import order_answer
from adapters.brokers.hdfc.codes import Call
from adapters.reply import Reply
from tests.contracts.pure_contract import *  # noqa: F403

from .support import SETTINGS
from .test_contract import INDEX, ORDER


class HdfcPure:
    """See tests/contracts/pure_subject.py."""

    adapter = "hdfc"
    settings = SETTINGS
    secrets = ("KEY", "SECRET", "hunter2")
    instruments = INDEX
    order = ORDER
    nobody_knows = "NSE:NOSUCH"
    good = b'{"status": "success", "data": {"order_id": "1"}}'
    without_id = b'{"status": "success", "data": {}}'
    refused = b'{"status": "error", "message": "Invalid quantity"}'
    unlisted = b'{"status": "error", "message": "nobody has seen these words"}'

    def order_answer(self, call, status, body):
        reply = Reply(status, httpx.Headers(), body)
        return order_answer(Call(call), reply, None if call == "place" else "1")


@pytest.fixture
def pure():
    return HdfcPure()
