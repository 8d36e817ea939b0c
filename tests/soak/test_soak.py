"""The short form of `make soak`: seconds of a steady load, then a burst."""

import pytest

from tests.soak.run import Soak


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    soak = Soak(tmp_path_factory.mktemp("soak"), legs=3, seconds=300)
    yield soak
    soak.close()


@pytest.mark.timeout(120)
def test_a_steady_load_is_taken_whole_and_reaches_its_venues_once(soak):
    stage = soak.stage("steady", rate=25, seconds=5)
    assert stage.lost == []
    assert stage.answers == {"200": 125}


@pytest.mark.timeout(120)
def test_of_more_than_it_can_take_nothing_is_lost_or_doubled(soak):
    stage = soak.stage("burst", rate=400, seconds=1)
    assert stage.lost == []
    assert stage.answers.total() == 400
    assert stage.answers["200"] > 0
    assert stage.shed_without_retry_after == 0
