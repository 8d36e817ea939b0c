"""A hundred requests with one key at once, over real sockets."""

import pytest

from tests.crash.storms import REQUESTS, Storms


@pytest.fixture(scope="module")
def storms(tmp_path_factory):
    with Storms(tmp_path_factory.mktemp("storms") / "data", "1") as storms:
        yield storms


def test_a_hundred_requests_with_one_key_make_one_batch(storms):
    end = storms.calm(1)
    assert end.breaches == []
    assert end.answers == {"executed": 1, "replayed": 2 * REQUESTS}


def test_while_the_first_still_runs_the_others_are_told_to_come_again(storms):
    end = storms.calm(2, slow=True)
    assert end.breaches == []
    assert end.answers["executed"] == 1
    assert end.answers["409"] >= REQUESTS // 2


@pytest.mark.crash
@pytest.mark.parametrize("point", ["accept, after its commit", "all of an order sent"])
def test_a_storm_cut_by_kill_9_and_repeated_is_still_one_batch(storms, point):
    end = storms.cut(len(point), point)
    assert end.breaches == []
    assert set(end.answers) == {"replayed"}
