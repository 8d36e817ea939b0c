"""FYERS under the first half of the contracts: all that needs no wire."""

import httpx
import pytest

from adapters.brokers.fyers import FyersSettings
from adapters.brokers.fyers.answers import order_answer
from adapters.brokers.fyers.codes import Call
from adapters.instruments import NO_INSTRUMENTS
from adapters.reply import Reply
from adapters.secret import Secret
from tests.contracts.pure_contract import *  # noqa: F403

from .conftest import ORDER


class FyersPure:
    """See tests/contracts/pure_subject.py."""

    adapter = "fyers"
    settings = FyersSettings(app_id="DEMO12EFGH-100", secret=Secret("hunter2"))
    secrets = ("hunter2",)
    instruments = NO_INSTRUMENTS
    order = ORDER
    nobody_knows = "NFO:NOSUCH26NOV26FUT"
    good = b'{"s": "ok", "code": 1101, "message": "submitted", "id": "1"}'
    without_id = b'{"s": "ok", "code": 1101, "message": "submitted"}'
    refused = b'{"s": "error", "code": -50, "message": "invalid quantity"}'
    unlisted = b'{"s": "error", "code": -98765, "message": "never seen"}'

    def order_answer(self, call, status, body):
        reply = Reply(status, httpx.Headers(), body)
        return order_answer(Call(call), reply, None if call == "place" else "1")


@pytest.fixture
def pure():
    return FyersPure()
