"""Stored sessions are counted beside whoever writes them, in old databases too."""

import pytest

from adapters import SaveSession, StoreUnusable
from adapters.stores import schema
from adapters.stores.opening import open_writer
from adapters.stores.stored_sessions import count_sessions
from tests.contracts.sqlite_kept import Kept


@pytest.fixture
def kept(tmp_path):
    kept = Kept(tmp_path)
    yield kept
    kept.store.close()


def save(broker, sealed):
    return SaveSession(broker=broker, sealed=sealed, audit=())


def test_those_that_are_there_are_counted_while_the_store_is_open(kept):
    assert count_sessions(kept.path) == 0
    kept.store.commit([save("a", "S1"), save("b", "S2")])
    kept.store.commit([save("a", None)])
    assert count_sessions(kept.path) == 1


def test_where_there_is_no_database_there_are_none_and_none_is_made(tmp_path):
    assert count_sessions(tmp_path / "ordo.db") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_before_has_none_and_keeps_them_once_it_is_opened(tmp_path):
    path = tmp_path / "ordo.db"
    connection = open_writer(path)
    schema.migrate(connection, schema.MIGRATIONS[:1])
    connection.close()
    assert count_sessions(path) == 0
    kept = Kept(tmp_path)
    kept.store.commit([save("a", "S1")])
    kept.store.close()
    assert count_sessions(path) == 1


def test_what_is_no_database_of_ours_is_refused(tmp_path):
    path = tmp_path / "ordo.db"
    path.write_text("hunter2" * 100)
    with pytest.raises(StoreUnusable, match="cannot be read"):
        count_sessions(path)
