"""Look-ups in the instruments of an adapter, over files that are replaced."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.instruments import NO_INSTRUMENTS, Indexes, InstrumentKind
from adapters.instruments.index import KEPT
from adapters.instruments.table import connect
from adapters.instruments.writing import write
from tests.support.masters import an_instrument

AT = datetime(2026, 11, 23, 2, 45, tzinfo=UTC)


def put(path, *instruments):
    write(path, instruments, adapter=path.stem, synced_at=AT, force=True)
    return path


def counted(index):
    """The questions that reach the file, from now on."""
    asked = []
    index._connection.set_trace_callback(asked.append)
    return asked


def test_without_a_file_nothing_is_known_nor_wrong(tmp_path, opened):
    index = opened(tmp_path / "made-up.sqlite")
    assert (index.loaded, index.info, index.problem) == (False, None, None)
    assert index.by_symbol("NSE:SBIN") is None
    assert index.by_key("K-NSE:SBIN") is None
    assert index.by_isin("INE1", "NSE") is None


def test_an_instrument_is_found_by_symbol_and_by_key(tmp_path, opened):
    index = opened(put(tmp_path / "a.sqlite", an_instrument()))
    assert index.loaded
    assert index.by_symbol("NSE:SBIN") == an_instrument()
    assert index.by_key("K-NSE:SBIN") == an_instrument()
    assert index.by_symbol("K-NSE:SBIN") is None
    assert index.by_key("NSE:SBIN") is None


def test_what_was_asked_before_a_no_among_it_is_not_looked_up_again(tmp_path, opened):
    index = opened(put(tmp_path / "a.sqlite", an_instrument()))
    asked = counted(index)
    for _ in range(3):
        index.by_symbol("NSE:SBIN")
        index.by_symbol("NSE:NONE")
    assert len(asked) == 2


def test_memory_for_answers_is_bounded(tmp_path, opened):
    index = opened(put(tmp_path / "a.sqlite", an_instrument()))
    for number in range(KEPT + 100):
        index.by_symbol(f"NSE:N{number}")
    assert index._found.cache_info().currsize == KEPT


def test_a_reader_goes_on_on_the_old_file_until_it_is_told_of_the_new_one(
    tmp_path, opened
):
    path = put(tmp_path / "a.sqlite", an_instrument("NSE:OLD"))
    index = opened(path)
    assert index.by_symbol("NSE:NEW") is None
    put(path, an_instrument("NSE:NEW"))
    assert index.by_key("K-NSE:OLD") == an_instrument("NSE:OLD")
    assert index.by_symbol("NSE:NEW") is None
    index.reload()
    assert index.by_symbol("NSE:NEW") == an_instrument("NSE:NEW")
    assert index.by_key("K-NSE:OLD") is None


def test_a_file_that_came_and_went_is_followed(tmp_path, opened):
    index = opened(tmp_path / "a.sqlite")
    put(index.path, an_instrument())
    index.reload()
    assert index.loaded
    index.path.unlink()
    index.reload()
    assert (index.loaded, index.by_symbol("NSE:SBIN")) == (False, None)


def test_a_file_of_another_version_is_as_good_as_none(tmp_path, opened):
    path = put(tmp_path / "a.sqlite", an_instrument())
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    index = opened(path)
    assert not index.loaded
    assert index.problem == "a.sqlite cannot be read: it is not of this version"


def test_another_programs_database_is_as_good_as_none(tmp_path, opened):
    path = put(tmp_path / "a.sqlite", an_instrument())
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA application_id = 7")
    other.close()
    assert not opened(path).loaded


def test_a_damaged_file_is_as_good_as_none_and_crashes_nobody(tmp_path, opened):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"no database" * 1000)
    index = opened(path)
    assert not index.loaded
    assert index.problem == "a.sqlite cannot be read: file is not a database"


def test_a_file_that_cannot_be_opened_is_let_go_of_at_once(tmp_path):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError) as refusal:
        connect(path)
    connection = refusal.traceback[-1].locals["connection"]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_damage_that_shows_in_a_look_up_ends_the_trust_in_the_file(tmp_path, opened):
    path = put(tmp_path / "a.sqlite", *(an_instrument(f"NSE:N{n}") for n in range(999)))
    raw = bytearray(path.read_bytes())
    with sqlite3.connect(path) as other:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'by_key'"
        ((page,),) = other.execute(query).fetchall()
    other.close()
    raw[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(raw)
    index = opened(path)
    assert index.by_symbol("NSE:N1") is not None
    assert index.by_key("K-NSE:N1") is None
    assert (index.loaded, index.info) == (False, None)
    assert index.problem == "a.sqlite cannot be read: database disk image is malformed"
    assert index.by_symbol("NSE:N2") is None


# ISINs


def share(symbol, isin="INE1", **fields):
    return an_instrument(symbol, isin=isin, **fields)


def test_an_isin_names_the_cash_instrument_of_an_exchange(tmp_path, opened):
    index = opened(
        put(
            tmp_path / "a.sqlite",
            share("NSE:ONE"),
            share("BSE:ONE"),
            share("NSE:FUT", "INE2", kind=InstrumentKind.FUT),
            an_instrument("NSE:TWO"),
        )
    )
    assert index.by_isin("INE1", "NSE").symbol == "NSE:ONE"
    assert index.by_isin("INE1", "BSE").symbol == "BSE:ONE"
    assert index.by_isin("INE1", "MCX") is None
    assert index.by_isin("INE2", "NSE") is None


def test_of_two_of_one_isin_the_one_that_trades_is_meant(tmp_path, opened):
    path = put(tmp_path / "a.sqlite", share("NSE:A", tradable=False), share("NSE:B"))
    assert opened(path).by_isin("INE1", "NSE").symbol == "NSE:B"


def test_an_isin_that_one_master_lacks_is_taken_from_another(tmp_path):
    put(tmp_path / "a.sqlite", an_instrument("NSE:ONE", key="a1"))
    put(tmp_path / "b.sqlite", share("NSE:ONE", key="b1"))
    put(tmp_path / "c.sqlite", share("NSE:ONE", key="c1"), share("NSE:X", "INE9"))
    indexes = Indexes(tmp_path, ["a", "b", "c"])
    assert indexes.of("a").by_isin("INE1", "NSE").key == "b1"
    assert indexes.of("c").by_isin("INE1", "NSE").key == "c1"
    assert indexes.of("b").by_isin("INE9", "NSE").symbol == "NSE:X"
    assert indexes.of("a").by_key("b1") is None
    indexes.close()
    assert not indexes.of("b").loaded


def test_an_adapter_without_masters_has_the_index_that_knows_nothing(tmp_path):
    assert Indexes(tmp_path, []).of("paper") is NO_INSTRUMENTS


def test_numbers_that_are_equal_are_one_object(tmp_path, opened):
    index = opened(
        put(tmp_path / "a.sqlite", an_instrument("NSE:A"), an_instrument("NSE:B"))
    )
    one, two = index.by_symbol("NSE:A"), index.by_symbol("NSE:B")
    assert one.tick_size is two.tick_size
    assert one.tick_size == Decimal("0.05")
