"""HDFC's codes, words and statuses one by one, and what is read out of a row."""

from datetime import date
from decimal import Decimal

import pytest

from adapters.brokers.code_table import CodeRow
from adapters.brokers.hdfc.codes import KNOWN, Call, Meaning, meaning_of, outcome, table
from adapters.brokers.hdfc.symbols import day_of, of_terms
from adapters.brokers.hdfc.translate import status_of, tag_of
from adapters.brokers.hdfc.wire import OrderRow
from adapters.model import BookStatus

ROW = {
    "order_id": "1",
    "exchange": "NSE",
    "security_id": "X",
    "instrument_segment": "EQUITY",
    "transaction_type": "Buy",
    "product": "DELIVERY",
    "order_type": "LIMIT",
    "quantity": Decimal(10),
}


@pytest.mark.parametrize(
    ("text", "filled", "pending", "cancelled", "expected"),
    [
        ("Pending", 0, 10, 0, BookStatus.OPEN),
        ("Traded", 10, 0, 0, BookStatus.FILLED),
        ("Pending", 10, 0, 0, BookStatus.FILLED),
        ("Traded", 4, 6, 0, BookStatus.OPEN),
        ("PARTIALLY_TRADED", 4, 6, 0, BookStatus.OPEN),
        ("CANCELLED", 4, 0, 6, BookStatus.CANCELLED),
        ("Rejected", 0, 0, 0, BookStatus.REJECTED),
        ("Rejected", 4, 0, 0, BookStatus.UNCLEAR),
        ("Cancel-Rejected", 0, 10, 0, BookStatus.OPEN),
        ("Something new", 0, 10, 0, BookStatus.OPEN),
        ("Something new", 2, 0, 8, BookStatus.CANCELLED),
        ("Something new", 0, 0, 0, BookStatus.UNCLEAR),
        ("EXPIRED", 0, 0, 10, BookStatus.EXPIRED),
    ],
)
def test_quantities_are_stronger_than_the_text(
    text, filled, pending, cancelled, expected
):
    row = OrderRow(
        **ROW,
        status=text,
        filled_quantity=Decimal(filled),
        pending_quantity=Decimal(pending),
        cancelled_quantity=Decimal(cancelled),
    )
    assert status_of(row) is expected


@pytest.mark.parametrize(
    "text", ["30 SEP 2026", "30-SEP-26", "20260930", "2026-09-30", "30-Sep-2026"]
)
def test_a_date_is_read_however_it_is_written(text):
    assert day_of(text) == date(2026, 9, 30)


@pytest.mark.parametrize("text", ["", None, "soon", "31 FEB 2026", "1-2-3-4"])
def test_what_is_no_date_is_none(text):
    assert day_of(text) is None


def test_a_contract_is_named_by_its_terms():
    terms = ("BANKNIFTY", "29-DEC-26", Decimal(58000), "Call")
    assert of_terms("NSE", "OPTIDX", *terms) == "NFO:BANKNIFTY29DEC2658000CE"
    assert of_terms("NSE", "FUTIDX", *terms) == "NFO:BANKNIFTY29DEC26FUT"
    assert of_terms("MCX", "FUTCOM", *terms) is None


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.text)
def test_every_code_of_the_list_means_what_the_table_says(known):
    for code in known.codes:
        place = meaning_of(Call.PLACE, 200, str(code), "words")
        cancel = meaning_of(Call.CANCEL, 200, str(code), "words")
        if known.meaning is Meaning.TOO_LATE:  # no answer to a new order
            assert (place, cancel) == (None, Meaning.REJECTED)
        else:
            assert place is cancel is known.meaning


def test_the_table_has_an_outcome_for_every_code_on_every_kind_of_call():
    rows = list(table())
    codes = {code for known in KNOWN for code in known.codes}
    for call in Call:
        listed = {int(row.code) for row in rows if row.call == call and row.code}
        assert codes <= listed
    assert {row.outcome for row in rows} == {
        *("rejected", "refused", "session_expired", "rate_limited", "unknown"),
        *("login_refused", "acked"),
    }
    assert outcome(Call.PLACE, None) == "unknown"


@pytest.mark.parametrize(
    ("text", "place", "read"),
    [
        ("invalid credentials", "session_expired", "session_expired"),
        ("Full authentication is required to access this", *["session_expired"] * 2),
        ("Access token expired", "session_expired", "session_expired"),
        ("INVALID_APIKEY", "session_expired", "session_expired"),
        ("merchantKeyRateLimit - too many requests", *["rate_limited"] * 2),
        ("IP address is not whitelisted", "rejected", "refused"),
        ("Invalid price.", "rejected", "refused"),
        ("Market  closed", "rejected", "refused"),
        ("Order already present", "unknown", "unknown"),
        ("16198: duplicate", "unknown", "unknown"),
        ("[16283] tick", "rejected", "refused"),
        ("20100 throttle", "rate_limited", "rate_limited"),
        ("208 shares are on their way", "unknown", "refused"),
        ("9" * 400 + " is a long number", "unknown", "refused"),
        ("the market closed late and your order is in", "unknown", "refused"),
    ],
)
def test_words_under_http_200(text, place, read):
    found = {call: outcome(call, meaning_of(call, 200, "", text)) for call in Call}
    assert found[Call.PLACE] == place
    assert found[Call.READ] == read


@pytest.mark.parametrize(
    ("status", "place"),
    [
        (400, "rejected"),
        (401, "session_expired"),
        (403, "rejected"),
        (404, "rejected"),
        (409, "unknown"),
        (422, "rejected"),
        (429, "rate_limited"),
    ],
)
def test_what_http_says_where_the_words_say_nothing(status, place):
    assert outcome(Call.PLACE, meaning_of(Call.PLACE, status, "", "words")) == place


def test_a_doubt_in_the_words_is_stronger_than_http():
    assert meaning_of(Call.PLACE, 422, "", "Duplicate request") is Meaning.UNKNOWN
    assert meaning_of(Call.PLACE, 400, "20104", "") is Meaning.UNKNOWN


def test_the_empty_demat_stands_in_the_table():
    text = "Your Portfolio Holding is Null"
    row = CodeRow("hdfc", Call.READ, 422, "60014", text, "acked", "peer")
    assert row in list(table())


@pytest.mark.parametrize(
    ("shown", "tag"),
    [
        ("179460000000017", "179460000000017"),
        (179460000000017, "179460000000017"),
        (" 17 ", "17"),
        ("STAPI00000001", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reference_that_hdfc_made_is_no_tag_of_ours(shown, tag):
    row = OrderRow(
        **ROW,
        status="Pending",
        filled_quantity=Decimal(0),
        pending_quantity=Decimal(10),
        external_reference_number=shown,
    )
    assert tag_of(row) == tag
