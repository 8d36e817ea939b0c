"""The short form of `make crash`."""

import pytest

from tests.crash.run import crash


@pytest.mark.crash
@pytest.mark.timeout(150)
def test_no_order_is_sent_twice_and_none_is_lost_through_kill_9(tmp_path):
    end = crash(tmp_path, kills=6, clients=8, seed="make test")
    assert end.verdict.breaches == []
    assert end.verdict.acknowledged > 0
    assert end.verdict.replayed == end.verdict.acknowledged
