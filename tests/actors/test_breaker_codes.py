"""Every code of every adapter against the breaker: what counts, what never does."""

import importlib
import importlib.util
import random

import pytest

from actors.breaker import VERDICTS, Breaker, BreakerSettings, CallResult, Verdict
from actors.outcomes import result_of
from actors.windows import Kind
from adapters import (
    LoginRefused,
    NotSent,
    RateLimited,
    Refused,
    SentUnknown,
    SessionExpired,
    catalogue,
)
from adapters.brokers.code_table import CodeRow

ENDS = {
    "refused": lambda row: Refused(row.code, row.text),
    "session_expired": lambda row: SessionExpired(row.text, row.code),
    "rate_limited": lambda row: RateLimited(row.text),
    "not_sent": lambda row: NotSent(row.text),
    "unknown": lambda row: SentUnknown(row.text, row.http_status),
    "login_refused": lambda row: LoginRefused(row.code, row.text),
}
"""What an adapter raises for an outcome of its table; the others are values."""
VALUES = {"rejected": CallResult.REJECTED, "acked": CallResult.ANSWERED}
KINDS = {"place": Kind.PLACE, "modify": Kind.MODIFY, "cancel": Kind.CANCEL}


def rows_of(name: str) -> list[CodeRow]:
    package = catalogue.find(name).factory.partition(":")[0].rpartition(".")[0]
    if importlib.util.find_spec(f"{package}.codes") is None:
        return []
    return list(importlib.import_module(f"{package}.codes").table())


ROWS = [row for name in sorted(catalogue.ADAPTERS) for row in rows_of(name)]


def result(row: CodeRow) -> CallResult:
    if row.outcome in VALUES:
        return VALUES[row.outcome]
    return result_of(ENDS[row.outcome](row))


def opens(row: CodeRow) -> bool:
    """Whether five answers of the kind open a breaker."""
    breaker = Breaker(BreakerSettings(), random.Random(1))
    for now in range(5):
        permit = breaker.admit(KINDS.get(row.call, Kind.READ), now)
        assert permit is not None
        breaker.report(permit, result(row), now)
    return breaker.state(5) != "CLOSED"


def test_there_are_tables_and_each_outcome_in_them_is_known():
    assert {row.broker for row in ROWS} >= {"fyers", "hdfc", "mstock"}
    assert {row.outcome for row in ROWS} <= {*ENDS, *VALUES}


@pytest.mark.parametrize("outcome", ["rejected", "refused", "acked", "login_refused"])
def test_no_answer_in_a_brokers_own_words_opens_a_breaker(outcome):
    told = [row for row in ROWS if row.outcome == outcome]
    assert told
    assert [row for row in told if opens(row)] == []


@pytest.mark.parametrize("outcome", ["rate_limited", "session_expired"])
def test_no_refusal_for_pace_or_of_a_session_opens_a_breaker(outcome):
    told = [row for row in ROWS if row.outcome == outcome]
    assert told
    assert [row for row in told if opens(row)] == []


@pytest.mark.parametrize("status", [401, 429])
def test_nor_does_a_page_that_says_so_though_an_order_is_unknown_by_it(status):
    told = [row for row in ROWS if row.http_status == status]
    assert {row.outcome for row in told} >= {"unknown"}
    assert [row for row in told if opens(row)] == []


def test_everything_else_that_nobody_can_use_opens_it():
    told = [
        row
        for row in ROWS
        if row.outcome in ("unknown", "not_sent") and row.http_status not in (401, 429)
    ]
    assert {row.http_status for row in told} >= {500, 502, 503, 504, 408}
    assert [row for row in told if not opens(row)] == []


def test_every_result_that_counts_is_one_of_the_published_list():
    counts = {each for each, verdict in VERDICTS.items() if verdict is Verdict.FAILED}
    assert counts == {
        CallResult.CONNECT_FAILED,
        CallResult.TIMED_OUT,
        CallResult.SERVER_ERROR,
        CallResult.PROTOCOL_ERROR,
        CallResult.UNREADABLE,
        CallResult.UNKNOWN,
    }
