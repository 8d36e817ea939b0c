"""The client that waits: tries, time-outs, settings, TLS, and no secret shown."""

import inspect
import ssl
import subprocess
import sys

import httpx
import pytest

from ordo_client import (
    Ordo,
    OrdoError,
    Overloaded,
    Unauthorized,
    Unreachable,
    calls,
)
from tests.sdk_client.stub import SBIN, TOKEN, URL, Stub, batch, envelope, refused
from tests.support.processes import ROOT, free_port

BUSY = refused("overloaded", 503, retry_after="0")


def test_all_tries_of_an_order_have_one_key_and_one_body():
    stub = Stub(BUSY, httpx.ReadTimeout("late"), batch("acked"))
    with stub.client() as ordo:
        assert ordo.place(SBIN, "b0").ok is True
    assert len(stub.asked) == 3
    assert len(set(stub.keys)) == 1
    assert len({request.content for request in stub.asked}) == 1
    assert len({request.headers["X-Request-ID"] for request in stub.asked}) == 1


def test_each_order_has_a_key_of_its_own():
    stub = Stub(batch("acked"))
    with stub.client() as ordo:
        first, second = ordo.place(SBIN, "b0"), ordo.place(SBIN, "b0")
    assert (first.ok, second.ok) == (True, True)
    assert len(set(stub.keys)) == 2


def test_an_answer_without_a_key_is_given_the_one_that_was_sent():
    stub = Stub(envelope({"batch_id": None, "idempotency_key": None, "dry_run": True}))
    with stub.client() as ordo:
        result = ordo.place(SBIN, "b0", dry_run=True)
    assert result.idempotency_key == stub.keys[0]


def test_reads_are_tried_again_too():
    stub = Stub(BUSY, httpx.ConnectError("refused"), envelope({"positions": []}))
    with stub.client() as ordo:
        assert list(ordo.positions()) == []
    assert len(stub.asked) == 3


def test_a_log_in_is_asked_for_once_even_if_it_never_left():
    stub = Stub(httpx.ConnectError("refused"))
    with stub.client() as ordo, pytest.raises(Unreachable) as raised:
        ordo.login("b0")
    assert len(stub.asked) == 1
    assert raised.value.may_have_arrived is False


def test_a_release_of_the_kill_switch_is_asked_for_once():
    stub = Stub(BUSY)
    with stub.client() as ordo, pytest.raises(Overloaded):
        ordo.release()
    assert len(stub.asked) == 1


def test_an_answer_is_waited_for_as_long_as_the_call_may_take():
    stub = Stub(batch("acked"))
    with stub.client(timeout=3) as ordo:
        ordo.place(SBIN, "b0", deadline_ms=30_000)
        ordo.place(SBIN, "b0", deadline_ms=500)
    waits = [request.extensions["timeout"] for request in stub.asked]
    assert [wait["read"] for wait in waits] == [32.0, 3]
    assert [wait["connect"] for wait in waits] == [3, 3]


def test_nobody_there_is_told_with_the_address():
    port = free_port()
    with (
        Ordo(f"http://127.0.0.1:{port}", TOKEN, retry_for=0) as ordo,
        pytest.raises(Unreachable, match=f"no Ordo answers at .*:{port}") as raised,
    ):
        ordo.status()
    assert raised.value.may_have_arrived is False


def test_settings_come_from_the_environment_where_none_are_given(monkeypatch, secure):
    monkeypatch.setenv("ORDO_URL", secure.url)
    monkeypatch.setenv("ORDO_API_TOKEN", secure.token)
    monkeypatch.setenv("ORDO_CA", str(secure.ca))
    with Ordo() as ordo:
        assert ordo.status().health == "ok"
    with Ordo(token="another") as ordo, pytest.raises(Unauthorized):
        ordo.status()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "wanted url= or ORDO_URL such as"),
        ({"url": "127.0.0.1:8443"}, "wanted url= or ORDO_URL such as"),
        ({"url": "ftp://x"}, "wanted url= or ORDO_URL such as"),
        ({"url": "https://me:pw@x"}, "wanted no user and password"),
        ({"url": URL}, "wanted token= or ORDO_API_TOKEN"),
        ({"url": URL, "token": "a\nb"}, "token: wanted printable ASCII"),
        ({"url": URL, "token": "t", "ca": "/nowhere"}, "no file /nowhere"),
        ({"url": URL, "token": "t", "ca": __file__}, "no certificates in"),
    ],
)
def test_a_setting_that_will_not_do_is_named(monkeypatch, given, wanted):
    for name in ("ORDO_URL", "ORDO_API_TOKEN", "ORDO_CA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=wanted) as raised:
        Ordo(**given)
    assert "a\nb" not in str(raised.value)
    assert "pw" not in str(raised.value)


def test_a_certificate_of_another_ca_is_refused_at_once(secure):
    with (
        Ordo(secure.url, secure.token) as ordo,
        pytest.raises(Unreachable, match="name the right one by ca=") as raised,
    ):
        ordo.status()
    assert (raised.value.lasting, raised.value.may_have_arrived) == (True, False)


def test_a_context_for_tls_can_be_brought_along(secure):
    own = ssl.create_default_context(cafile=secure.ca)
    with Ordo(secure.url, secure.token, own) as ordo:
        assert ordo.health().alive is True


def test_the_token_is_in_no_text_about_the_client_or_its_errors():
    with Stub(httpx.ReadTimeout("late")).client(retry_for=0) as ordo:
        with pytest.raises(OrdoError) as raised:
            ordo.status()
        said = [repr(ordo), str(ordo), repr(raised.value), str(raised.value)]
    assert repr(ordo) == f"Ordo('{URL}')"
    assert TOKEN not in "".join(said)


def test_help_and_editors_see_each_methods_own_signature_and_words():
    with Stub(BUSY).client() as ordo:
        signature = str(inspect.signature(ordo.cancel))
    assert signature == "(order_id: 'str') -> 'OrderRecord'"
    assert Ordo.place.__doc__ == calls.place.__doc__


@pytest.mark.timeout(120)
def test_types_are_told_to_checkers(tmp_path):
    program = tmp_path / "trader.py"
    program.write_text(
        "from ordo_client import AsyncOrdo, Ordo\n"
        "Ordo().place(10, ['alpha'])\n"
        "reveal_type(Ordo().positions())\n"
        "async def main(ordo: AsyncOrdo) -> None:\n"
        "    reveal_type(await ordo.cancel('O'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT / "sdk" / "src")},
        timeout=110,
    )
    wrong, positions, order = done.stdout.splitlines()[:3]
    assert 'py:2: error: Argument 1 has incompatible type "int"' in wrong
    assert 'type is "ordo_client.answers.Rows[ordo_client.accounts.Pos' in positions
    assert 'type is "ordo_client.orders.OrderRecord"' in order
