"""Rows are put in by the dozen, all of them and in their order."""

import sqlite3
from contextlib import closing

import pytest

from adapters.stores.inserting import SIZES, Insert


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 15, 16, 17, 37])
def test_every_row_is_put_once_and_in_its_order(count):
    rows = [(number, f"row {number}") for number in range(count)]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (a, b)")
        Insert("t", 2).put(database.cursor(), rows)
        assert database.execute("SELECT a, b FROM t ORDER BY rowid").fetchall() == rows


def test_many_rows_take_few_statements():
    steps = []
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (a)")
        database.set_trace_callback(steps.append)
        Insert("t", 1).put(database.cursor(), [(number,) for number in range(37)])
    inserts = [step for step in steps if step.startswith("INSERT")]
    assert SIZES == (16, 4, 1)
    assert len(inserts) == 2 + 1 + 1


def test_columns_can_be_named():
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b, c)")
        Insert("t (c, b)", 2).put(database.cursor(), [("c", "b")])
        assert database.execute("SELECT b, c FROM t").fetchall() == [("b", "c")]
