"""The chain itself, and the key that seals it."""

import hashlib
import hmac
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import AuditEntry, StoreUnusable
from adapters.stores import GENESIS, Head, load_key, load_or_make_key, verify_lines
from adapters.stores.audit_chain import fault, is_sealed, read, seal, written

KEY = b"k" * 32
AT = "2026-03-02T04:15:00.123456Z"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
PROPERTY = settings(max_examples=30, deadline=None, derandomize=True, database=None)


def chain(*details, key=KEY):
    """Lines 1, 2, ... with these details."""
    lines, head = [], GENESIS
    for detail in details:
        entry = AuditEntry(actor="ordo", action="test.noted", detail=detail)
        lines.append(seal(key, head, at=AT, boot="b1", entry=entry))
        head = lines[-1].head
    return lines


def texts(count):
    return [written(line) for line in chain(*({"n": n} for n in range(count)))]


def test_a_record_is_written_as_canonical_json():
    entry = AuditEntry(
        actor="token:1", action="order.accepted", detail={"b": 1, "a": "é"}
    )
    line = seal(KEY, GENESIS, at=AT, boot="b1", entry=entry)
    body = (
        '{"at":"2026-03-02T04:15:00.123456Z","boot":"b1","entry":{"action":'
        '"order.accepted","actor":"token:1","batch_id":null,"broker":null,"detail":'
        '{"a":"é","b":1},"order_id":null,"request_id":null},"seq":1}'
    )
    wanted = hmac.new(KEY, b"0" * 64 + body.encode(), hashlib.sha256).hexdigest()
    assert line.hash == wanted
    assert (
        written(line)
        == (body[:-9] + f',"hash":"{wanted}","prev":"{"0" * 64}","seq":1}}\n').encode()
    )


def test_anybody_with_the_key_can_check_a_line_with_json_and_hmac_alone():
    prev = "0" * 64
    for text in texts(3):
        fields = json.loads(text)
        found, before = fields.pop("hash"), fields.pop("prev")
        body = json.dumps(
            fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        wanted = hmac.new(KEY, (before + body).encode(), hashlib.sha256).hexdigest()
        assert (found, before) == (wanted, prev)
        prev = found


def test_a_whole_chain_is_good_to_its_end():
    lines = texts(5)
    found = verify_lines(lines, KEY)
    assert found == (read(lines[-1]).head, 5, None)
    assert verify_lines(lines[2:], KEY, read(lines[1]).head).fault is None
    assert verify_lines([], KEY) == (GENESIS, 0, None)


@PROPERTY
@given(JSON)
def test_whatever_a_record_holds_it_is_read_as_it_was_written(detail):
    (line,) = chain({"any": detail})
    assert read(written(line)) == line
    assert written(line).count(b"\n") == 1
    assert is_sealed(KEY, line)


@pytest.mark.parametrize(
    ("spoil", "number", "what"),
    [
        (lambda x: [x[0], x[1], x[3], x[4]], 3, "record 3 was wanted, found 4"),
        (lambda x: [x[0], x[2], x[1], *x[3:]], 2, "record 2 was wanted, found 3"),
        (lambda x: [x[0], x[0], *x[1:]], 2, "record 2 was wanted, found 1"),
        (lambda x: x[1:], 1, "record 1 was wanted, found 2"),
        (
            lambda x: [x[0], x[1].replace(b'{"n":1}', b'{"n":9}'), *x[2:]],
            2,
            "its content is not what was sealed",
        ),
        (
            lambda x: [x[0], x[1].replace(b'"boot":', b'"boot": '), *x[2:]],
            2,
            "it is not a record as Ordo writes them",
        ),
        (
            lambda x: [x[0], x[1].replace(b'"boot"', b'"more":1,"boot"'), *x[2:]],
            2,
            "it is not a record as Ordo writes them",
        ),
        (lambda x: [x[0], b"\n"], 2, "it is not a record as Ordo writes them"),
        (lambda x: [x[0], b"\xff\n"], 2, "it is not a record as Ordo writes them"),
        (lambda x: [x[0], x[1][:-1]], 2, "it is not a record as Ordo writes them"),
    ],
)
def test_the_first_bad_line_is_named(spoil, number, what):
    lines = texts(5)
    found = verify_lines(spoil(lines), KEY)
    assert (found.number, found.fault) == (number, what)
    assert found.head == (read(lines[number - 2]).head if number > 1 else GENESIS)


def test_a_record_sealed_with_another_key_is_none_of_ours():
    (line,) = chain({}, key=b"x" * 32)
    assert fault(KEY, GENESIS, line) == "its content is not what was sealed"


def test_a_record_of_another_chain_does_not_fit():
    first, second = chain({"n": 1}, {"n": 2})
    assert fault(KEY, first.head, second) is None
    stranger = Head(1, chain({"n": 3})[0].hash)
    assert fault(KEY, stranger, second) == "it does not follow the record before it"


# The key


def test_a_key_is_made_once_and_read_from_then_on(tmp_path):
    path = tmp_path / "audit.key"
    key = load_or_make_key(path)
    assert len(key) == 32
    assert load_or_make_key(path) == key
    assert path.read_bytes() == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["audit.key"]
    assert load_or_make_key(tmp_path / "other.key") != key


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"k" * 31, 0o600, "must be 32 bytes, was 31"),
        (b"k" * 33, 0o600, "must be 32 bytes, was 33"),
        (b"", 0o600, "must be 32 bytes, was 0"),
        (b"k" * 32, 0o640, "its mode must be 0600, was 0640"),
        (b"k" * 32, 0o604, "its mode must be 0600, was 0604"),
    ],
)
def test_a_key_that_is_not_whole_or_not_secret_is_refused(
    tmp_path, content, mode, words
):
    path = tmp_path / "audit.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(StoreUnusable, match=words):
        load_or_make_key(path)
    assert path.read_bytes() == content


def test_a_key_that_cannot_be_made_or_read_is_refused(tmp_path):
    with pytest.raises(StoreUnusable, match="cannot be made: No such file"):
        load_or_make_key(tmp_path / "nowhere" / "audit.key")
    with pytest.raises(StoreUnusable, match="cannot be read: Is a directory"):
        load_or_make_key(tmp_path)
    with pytest.raises(StoreUnusable, match="cannot be read: No such file"):
        load_key(tmp_path / "audit.key")
    assert list(tmp_path.iterdir()) == []


def test_of_two_who_make_the_key_at_once_both_get_the_first_one(tmp_path, monkeypatch):
    path = tmp_path / "audit.key"
    link = os.link

    def too_late(source, target):
        path.write_bytes(b"f" * 32)
        path.chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", too_late)
    assert load_or_make_key(path) == b"f" * 32
    assert [one.name for one in tmp_path.iterdir()] == ["audit.key"]
