"""The measurement in small: every change is told, and memory and pace are kept."""

from tests.support.three import LIFTED
from tests.tracking.run import measure


def test_every_change_of_many_open_orders_is_told_within_memory_and_pace(tmp_path):
    tracked = measure(tmp_path, 300, 0.5, rate=60.0, limits=LIFTED, hurry=True)
    told = sum(len(delays) for delays in tracked.delays.values())
    assert (told, tracked.never) == (30, 0)
    assert all(tracked.delays.values())
    assert tracked.live == {"fyers", "mstock"}
    assert tracked.within_limits
    assert tracked.rss < 200
