"""Server-Sent Events by the standard's own rules, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordo_client.sse import Message, Parser


def parsed(*chunks):
    parser = Parser()
    return [message for chunk in chunks for message in parser.feed(chunk)], parser


# The examples of the HTML standard, 9.2.6.
STANDARD = [
    (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
     b"data:  third event\n",
     [("message", "first event", "1"), ("message", "second event", "")]),
    (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
    (b"data:test\n\ndata: test\n\n", [("message", "test", "")] * 2),
    (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), STANDARD)
def test_the_standards_own_examples(text, wanted):
    assert parsed(text)[0] == wanted


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_each_of_the_three_line_ends_will_do(end):
    lines = (b"event: a", b"data: x", b"", b"data: y", b"")
    text = end.join((*lines, b""))
    assert parsed(text)[0] == [("a", "x", ""), ("message", "y", "")]


def test_an_event_is_there_with_its_last_byte_and_not_with_the_next_events_first():
    assert parsed(b"data: x\r", b"\n\r")[0] == [("message", "x", "")]


def test_a_line_end_that_is_cut_in_two_is_one_line_end():
    chunks = (b"data: a\r", b"\ndata: b\r", b"", b"\n\r\n")
    assert parsed(*chunks)[0] == [("message", "a\nb", "")]


def test_other_separators_of_lines_are_text():
    text = "data: a\u2028b\x0bc\x85d\n\n"
    assert parsed(text.encode())[0] == [("message", "a\u2028b\x0bc\x85d", "")]


def test_a_byte_order_mark_is_passed_over():
    assert parsed(b"\xef\xbb", b"\xbfdata: x\n\n")[0] == [("message", "x", "")]


def test_an_id_without_data_is_what_to_resume_from():
    messages, parser = parsed(b"id: 7\n\n: quiet\n\n")
    assert (messages, parser.last_id) == ([], "7")


def test_an_id_counts_once_its_event_is_whole():
    assert parsed(b"id: 7\ndata: x\n")[1].last_id == ""


def test_an_id_with_a_null_and_a_retry_that_is_no_number_are_let_be():
    _, parser = parsed(b"id: 7\n\nid: 8\0\nretry: 1s\n\n")
    assert (parser.last_id, parser.retry) == ("7", None)


def test_retry_is_milliseconds():
    assert parsed(b"retry: 2000\n\n")[1].retry == 2.0


TEXT = (
    "\ufeffretry: 2000\r\n: ₹\r\n\r\nid: 1\nevent: order.acked\ndata: ₹ 1\n\n"
    "data: two\rdata: lines\r\rid: 2\r\n\r\ndata: x\n\ndata: lost"
).encode()


@given(st.lists(st.integers(0, len(TEXT))))
def test_where_the_bytes_are_cut_makes_no_difference(cuts):
    places = sorted({0, *cuts, len(TEXT)})
    parts = [TEXT[a:b] for a, b in pairwise(places)]
    messages, parser = parsed(*parts)
    assert messages == [
        Message("order.acked", "₹ 1", "1"),
        Message("message", "two\nlines", "1"),
        Message("message", "x", "2"),
    ]
    assert (parser.last_id, parser.retry) == ("2", 2.0)
