"""`ordo health`: only a live Ordo with the certificate of the settings will do."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ordo import tls
from ordo.cli import main
from tests.support.processes import Ordo, ended, free_port, write_config

ALIVE = b'{"status": "success", "data": {"alive": true}}'


class Answers(BaseHTTPRequestHandler):
    status, body = 200, ALIVE

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us leaves; that is what is tested."""


@contextmanager
def answering(
    context: ssl.SSLContext | None = None, **changes: Any
) -> Iterator[tuple[str, int]]:
    """A server on loopback that answers as a live Ordo, but for *changes*."""
    with Server(("127.0.0.1", 0), type("Other", (Answers,), changes)) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[:2]
        finally:
            server.shutdown()
            thread.join()


def shown(directory: Path) -> ssl.SSLContext:
    """A server's side with a certificate of its own in *directory*."""
    files = tls.ensure(directory, "127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    return context


def health(at: tuple[str, int], *words: str, **environ: str) -> tuple[int, str]:
    """The exit status, and what was said."""
    place = {"ORDO_SERVER__BIND": "{}:{}".format(*at), "ORDO_DATA__DIR": "var"}
    result = CliRunner().invoke(main, ["health", *words], env=place | environ)
    return result.exit_code, result.output.strip()


@pytest.fixture(autouse=True)
def nothing_else_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORDO_CONFIG", raising=False)


def test_a_live_one_without_tls_is_well():
    with answering() as at:
        assert health(at, ORDO_SERVER__TLS="off") == (
            0,
            f"ordo answers at 127.0.0.1:{at[1]}",
        )


def test_one_that_listens_everywhere_is_asked_on_loopback():
    with answering() as at:
        everywhere = ("0.0.0.0", at[1])  # noqa: S104 -- a setting, nothing binds it
        assert health(everywhere, ORDO_SERVER__TLS="proxy") == (
            0,
            f"ordo answers at 127.0.0.1:{at[1]}",
        )


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"status": 503}, "HTTP 503"),
        ({"body": b"welcome"}, "HTTP 200"),
        ({"body": b'{"data": {"alive": "yes"}}'}, "HTTP 200"),
        ({"body": b"[]"}, "HTTP 200"),
    ],
)
def test_what_does_not_answer_as_ordo_is_not_well(changes, found):
    with answering(**changes) as at:
        assert health(at, ORDO_SERVER__TLS="off") == (
            1,
            f"ordo: 127.0.0.1:{at[1]}: {found}, and not as a live Ordo answers",
        )


def test_where_nothing_listens_nothing_is_well():
    port = free_port()
    assert health(("127.0.0.1", port), ORDO_SERVER__TLS="off") == (
        1,
        f"ordo: 127.0.0.1:{port}: no answer: Connection refused",
    )


def test_one_that_accepts_and_says_nothing_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = silent.getsockname()
        assert health(at, "--timeout", "0.05", ORDO_SERVER__TLS="off") == (
            1,
            f"ordo: 127.0.0.1:{at[1]}: no answer in 0.05 s",
        )


def test_the_own_ca_is_trusted_and_no_other():
    with answering(shown(Path("var/tls"))) as at:
        assert health(at)[0] == 0
    with answering(shown(Path("other"))) as at:
        code, said = health(at)
    assert code == 1
    assert said.startswith(
        f"ordo: 127.0.0.1:{at[1]}: wanted the certificate of these settings,"
        " found another: "
    )


def test_a_data_directory_that_never_served_is_told():
    code, said = health(("127.0.0.1", 1))
    assert (code, said) == (
        1,
        "ordo: var/tls/ca.pem: wanted the certificate to trust, found: No such file or"
        " directory; is this the data directory of an Ordo that was started?",
    )


def test_a_certificate_of_the_settings_counts_whatever_name_it_is_for():
    files = tls.ensure(Path("mine"), "ordo.example")
    own = {"ORDO_SERVER__TLS": "files", "ORDO_SERVER__CERT": str(files.cert)}
    own["ORDO_SERVER__KEY"] = str(files.key)
    with answering(shown(Path("mine"))) as at:
        assert health(at, **own)[0] == 0
    with answering(shown(Path("other"))) as at:
        assert health(at, **own)[0] == 1


def test_a_real_one_is_well_and_one_that_wants_certificates_of_clients_too(tmp_path):
    authority = tls.ensure(tmp_path / "clients", "127.0.0.1").ca
    for client_ca in ("", str(authority)):
        directory = tmp_path / f"of{len(client_ca)}"
        directory.mkdir()
        config = write_config(directory, {"paper": {"adapter": "paper"}}, tls="auto")
        environ = {"ORDO_SERVER__CLIENT_CA": client_ca}
        with ended(Ordo(config, **environ)):
            done = CliRunner().invoke(
                main, ["--config", str(config), "health"], env=environ
            )
            assert (done.exit_code, done.output.partition(" at")[0]) == (
                0,
                "ordo answers",
            ), done.output
