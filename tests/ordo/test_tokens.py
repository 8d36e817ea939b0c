"""Bearer tokens: which are good, for what, and how soon a change holds."""

import hashlib
import json
import os
import re
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters import StoreUnusable
from ordo import tokens
from ordo.config import Secret
from ordo.tokens import Principal, Scope, StoredToken, TokenBook

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FORM = re.compile(r"ordo_([0-9a-f]{10})_[A-Za-z0-9_-]{43}")


def make_book(directory: Path, configured: Secret | None = None) -> TokenBook:
    return TokenBook(directory / "tokens.json", configured, now=lambda: NOW)


def id_of(token: str) -> str:
    form = FORM.fullmatch(token)
    assert form is not None
    return form[1]


def test_a_new_token_is_good_for_its_scope(tmp_path: Path):
    book = make_book(tmp_path)
    token = book.new(Scope.TRADE)
    assert book.principal(token) == Principal(
        id=f"token:{id_of(token)}", scope=Scope.TRADE
    )


def test_only_the_hash_of_a_token_is_kept_and_only_for_the_owner(tmp_path: Path):
    token = make_book(tmp_path).new(Scope.READ, name="bench", expires=NOW)
    file = tmp_path / "tokens.json"
    assert json.loads(file.read_text()) == [
        {
            "id": id_of(token),
            "scope": "read",
            "sha256": hashlib.sha256(token.encode()).hexdigest(),
            "created": "2026-11-21T12:00:00Z",
            "name": "bench",
            "expires": "2026-11-21T12:00:00Z",
        }
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_two_tokens_differ_in_id_and_secret(tmp_path: Path):
    book = make_book(tmp_path)
    first, second = book.new(Scope.READ), book.new(Scope.READ)
    assert id_of(first) != id_of(second)
    assert first.split("_", 2)[2] != second.split("_", 2)[2]


def test_a_right_id_with_a_wrong_secret_is_nobody(tmp_path: Path):
    book = make_book(tmp_path)
    mine, other = book.new(Scope.READ), book.new(Scope.ADMIN)
    forged = f"ordo_{id_of(other)}_{mine.split('_', 2)[2]}"
    assert book.principal(forged) is None


@pytest.mark.parametrize("token", ["", "ordo", "ordo__", "Bearer x", "ordo_é_\udcff"])
def test_what_is_no_token_is_nobody(tmp_path: Path, token: str):
    book = make_book(tmp_path, Secret("configured"))
    book.new(Scope.ADMIN)
    assert book.principal(token) is None


def test_the_configured_token_is_the_admin(tmp_path: Path):
    book = make_book(tmp_path, Secret("configured"))
    assert book.principal("configured") == Principal(
        id="token:config", scope=Scope.ADMIN
    )
    assert book.principal("configure") is None


def test_without_a_configured_token_nothing_passes_for_it(tmp_path: Path):
    assert make_book(tmp_path).principal("") is None


def test_a_token_is_good_until_the_moment_it_expires(tmp_path: Path):
    book = make_book(tmp_path)
    past = book.new(Scope.READ, expires=NOW)
    future = book.new(Scope.READ, expires=NOW + timedelta(microseconds=1))
    assert book.principal(past) is None
    assert book.principal(future) is not None


def test_a_token_that_a_command_makes_or_revokes_holds_at_once(tmp_path: Path):
    server, command = make_book(tmp_path), make_book(tmp_path)
    assert server.principal("ordo_0_0") is None
    token = command.new(Scope.READ)
    assert server.principal(token) is not None
    assert command.revoke(id_of(token)) is True
    assert server.principal(token) is None
    assert command.revoke(id_of(token)) is False


def test_a_file_that_is_gone_takes_its_tokens_with_it(tmp_path: Path):
    book = make_book(tmp_path)
    token = book.new(Scope.READ)
    assert book.principal(token) is not None
    (tmp_path / "tokens.json").unlink()
    assert book.principal(token) is None


def test_a_replaced_file_is_read_even_at_the_same_size_and_time(tmp_path: Path):
    book, file = make_book(tmp_path), tmp_path / "tokens.json"
    first = book.new(Scope.READ)
    assert book.principal(first) is not None
    before = file.stat()
    book.revoke(id_of(first))
    second = book.new(Scope.READ)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert book.principal(first) is None
    assert book.principal(second) is not None


def test_a_file_that_did_not_change_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    book, read = make_book(tmp_path), tokens._read
    token = book.new(Scope.READ)
    reads = []
    monkeypatch.setattr(tokens, "_read", lambda path: reads.append(path) or read(path))
    for _ in range(3):
        assert book.principal(token) is not None
    assert reads == [tmp_path / "tokens.json"]


def test_tokens_that_cannot_be_read_are_nobodys_and_stay_as_they_are(tmp_path: Path):
    book = make_book(tmp_path, Secret("configured"))
    token = book.new(Scope.READ)
    assert book.principal(token) is not None
    (tmp_path / "tokens.json").write_text("[{")
    assert book.principal(token) is None
    assert book.principal("configured") is not None
    with pytest.raises(StoreUnusable):
        book.new(Scope.READ)
    assert (tmp_path / "tokens.json").read_text() == "[{"


def test_tokens_made_at_the_same_time_are_all_kept(tmp_path: Path):
    together = threading.Barrier(8)

    def make() -> None:
        book = make_book(tmp_path)
        together.wait()
        for _ in range(4):
            book.new(Scope.READ)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(make_book(tmp_path).stored()) == 32


def test_nothing_is_left_behind_but_the_book_and_its_lock(tmp_path: Path):
    book = make_book(tmp_path)
    book.revoke(id_of(book.new(Scope.READ)))
    assert sorted(os.listdir(tmp_path)) == ["tokens.json", "tokens.lock"]


def test_the_list_is_oldest_first(tmp_path: Path):
    book = make_book(tmp_path)
    made = [id_of(book.new(scope)) for scope in Scope]
    assert [stored.id for stored in book.stored()] == made
    assert all(isinstance(stored, StoredToken) for stored in book.stored())


@pytest.mark.parametrize(
    ("scope", "reads", "trades", "administers"),
    [
        (Scope.READ, True, False, False),
        (Scope.TRADE, True, True, False),
        (Scope.ADMIN, True, True, True),
    ],
)
def test_a_scope_holds_those_below_it(
    scope: Scope, reads: bool, trades: bool, administers: bool
):
    assert [scope.allows(wanted) for wanted in Scope] == [reads, trades, administers]
