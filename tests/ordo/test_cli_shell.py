"""The shell's own parts: lines, what of them is kept, how answers look."""

import stat

import pytest

from ordo.cli.failure import Failure
from ordo.cli.shell.history import MOST_LINES, History
from ordo.cli.shell.lines import frame_of, kept
from ordo.cli.shell.script import status_of
from ordo.cli.shell.shown import event_line, lines_of

SECRETS = {"VerifyLogin": ["answers"]}


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("", None),
        ("# a comment", None),
        ("ls", {"do": "ls"}),
        ("help", {"do": "help"}),
        ("help Fetch", {"do": "help", "message": "Fetch"}),
        ("watch events", {"do": "watch"}),
        (
            "watch events after=7 brokers=a,b",
            {"do": "watch", "after": 7, "brokers": ["a", "b"]},
        ),
        (
            "ask broker:a ReadBroker",
            {"do": "ask", "to": "broker:a", "message": "ReadBroker", "args": []},
        ),
        (
            "ask broker:a GetQuotes symbols=NSE:SBIN within=2.5",
            {
                "do": "ask",
                "to": "broker:a",
                "message": "GetQuotes",
                "args": ["symbols=NSE:SBIN"],
                "seconds": 2.5,
            },
        ),
        (
            "tell kill-switch EngageSwitch reason='two words'",
            {
                "do": "tell",
                "to": "kill-switch",
                "message": "EngageSwitch",
                "args": ["reason=two words"],
            },
        ),
        (
            'ask router PlaceBatch {"brokers": ["a b"]}',
            {
                "do": "ask",
                "to": "router",
                "message": "PlaceBatch",
                "args": ['{"brokers": ["a b"]}'],
            },
        ),
    ],
)
def test_a_line_is_a_frame(line, frame):
    assert frame_of(line) == frame


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ask", "wanted ask ACTOR MESSAGE"),
        ("tell router", "wanted tell ACTOR MESSAGE"),
        ("nope", "wanted ls, ask, tell, watch events, help or exit, found 'nope'"),
        ("ask a B reason='open", "the line cannot be read: No closing quotation"),
        ("ask a B within=soon", "within=: wanted seconds, found 'soon'"),
        ("watch events since=1", "wanted brokers=A,B or after=ID, found 'since=1'"),
    ],
)
def test_what_is_no_line_is_told(line, words):
    with pytest.raises(Failure) as failure:
        frame_of(line)
    assert failure.value.message.startswith(words)


@pytest.mark.parametrize(
    ("line", "what_is_kept"),
    [
        ("ask broker:a GetFunds", "ask broker:a GetFunds"),
        (
            "ask broker:a VerifyLogin challenge_id=1 answers.otp=123456 x",
            "ask broker:a VerifyLogin challenge_id=1",
        ),
        ("ask broker:a VerifyLogn answers.otp=123456", "ask broker:a VerifyLogn"),
        ("ask broker:a VerifyLogin 'answers={}'", "ask broker:a VerifyLogin"),
        (
            'ask broker:a VerifyLogin {"a":1,"answers":{"otp":"123456"}}',
            "ask broker:a VerifyLogin",
        ),
        ('ask broker:a Nope {"answers": {"otp": "1"}}', "ask broker:a Nope"),
        ("ask broker:a Nope challenge=answers", "ask broker:a Nope challenge=answers"),
    ],
)
def test_a_secret_is_not_kept(line, what_is_kept):
    assert kept(line, SECRETS) == what_is_kept


def test_history_is_for_its_owner_and_does_not_grow_for_ever(tmp_path):
    file = tmp_path / "state" / "history"
    history = History(file)
    assert history.lines() == []
    for number in range(2 * MOST_LINES + 1):
        history.add(f"line {number}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    history.trim()
    assert len(file.read_text().splitlines()) == MOST_LINES
    assert history.lines()[-1] == f"line {2 * MOST_LINES}"


def test_history_that_others_could_read_is_made_ours_and_a_link_is_not_followed(
    tmp_path,
):
    file = tmp_path / "history"
    file.touch(mode=0o644)
    History(file).add("ls")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    History(link).add("ls")
    assert not (tmp_path / "elsewhere").exists()


def test_rows_are_a_table_and_what_is_empty_is_left_out():
    rows = [
        {"symbol": "NSE:SBIN", "bid": 811.95, "volume": None},
        {"symbol": "NSE:INFY", "bid": None, "volume": None},
    ]
    frame = {"type": "Fetched", "reply": {"broker": "a", "rows": rows}}
    assert lines_of(frame) == [
        "Fetched:",
        "  broker  a",
        "  rows:",
        "    SYMBOL    BID",
        "    NSE:SBIN  811.95",
        "    NSE:INFY  -",
    ]


def test_several_replies_each_have_their_name():
    frame = {"type": ["Fetched", "FetchFailed"], "reply": [{"broker": "a"}, {}]}
    assert lines_of(frame) == ["Fetched:", "  broker  a", "FetchFailed:", "  done"]


def test_a_row_wider_than_the_terminal_stands_upright(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    row = {"order_id": "0" * 16, "order": {"price": 1, "symbol": "NSE:SBIN" * 3}}
    frame = {"type": "BatchDone", "reply": {"orders": [row]}}
    assert lines_of(frame) == [
        "BatchDone:",
        "  orders:",
        "  - order_id  0000000000000000",
        "    price     1",
        "    symbol    NSE:SBINNSE:SBINNSE:SBIN",
    ]


def test_what_a_broker_says_moves_no_cursor():
    frame = {"type": "Denial", "reply": {"message": "no\x1b[2J\x07 money\u202e"}}
    assert lines_of(frame) == ["Denial:", "  message  no?[2J? money?"]
    event = {"id": 1, "type": "order.rejected", "data": {"message": "\x1b[31m"}}
    assert event_line(event) == "1  order.rejected  message=?[31m"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": "success"}, 0),
        ({"end": "Ordo stops"}, 0),
        ({"status": "partial"}, 1),
        ({"status": "error"}, 1),
        ({"status": "pending"}, 3),
        ({"status": "error", "error": {"code": "not_found", "data": {}}}, 1),
        ({"status": "error", "error": {"code": "x", "data": {"may_be_done": True}}}, 3),
        (
            {"status": "error", "error": {"code": "x", "data": {"idempotency_key": 1}}},
            3,
        ),
    ],
)
def test_the_status_tells_not_done_from_may_be_done(answer, status):
    assert status_of(answer) == status
