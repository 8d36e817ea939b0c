"""The FYERS venue keeps the published rate limits where they are switched on."""

import httpx

from .conftest import BOOK, MANY, ONE, Clock, Make, sample
from .fyers import FyersVenue
from .fyers_limits import Limits


async def test_the_eleventh_order_in_a_second_is_refused_with_both_headers(
    venue: FyersVenue, client: httpx.AsyncClient, clock: Clock, order: Make
) -> None:
    venue.rate_limits = True
    for _ in range(10):
        assert (await client.post(ONE, json=order())).status_code == 200
    clock.now += 0.25
    answer = await client.post(ONE, json=order())
    assert (answer.status_code, answer.json()) == (429, sample("error_rate_limit"))
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-Retry-After-Ms"] == "750"
    read = await client.get(BOOK)
    assert read.status_code == 429
    assert "Retry-After" not in read.headers
    clock.now += 0.75
    assert (await client.post(ONE, json=order())).status_code == 200


async def test_a_basket_counts_each_of_its_orders(
    venue: FyersVenue, client: httpx.AsyncClient, order: Make
) -> None:
    venue.rate_limits = True
    assert (await client.post(MANY, json=[order()] * 8)).status_code == 200
    assert (await client.post(MANY, json=[order()] * 3)).status_code == 429
    assert (await client.post(MANY, json=[order()])).status_code == 200
    assert (await client.post(MANY, content=b"no list")).status_code == 400


def test_the_fourth_breach_of_the_minute_limit_blocks_until_midnight() -> None:
    limits = Limits()
    now = 1_796_020_200.0  # 12:00 in India
    for breach in range(1, 5):
        for second in range(20):
            assert all(limits.take(now + second) == 0 for _ in range(10))
        wait = limits.take(now + 20)
        assert limits.breaches == breach
        assert limits.banned is (breach == 4)
        assert wait == (40 if breach < 4 else 12 * 3600 - 20 - 60 * 3)
        assert limits.take(now + 21) > 0
        assert limits.breaches == breach
        now += 60
    midnight = 1_796_020_200 + 12 * 3600
    assert limits.take(midnight - 1) == 1
    assert limits.take(midnight) == 0
