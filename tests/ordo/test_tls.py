"""Our own CA and certificate: who trusts it, when it is renewed, who may read keys."""

import hashlib
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from cryptography import x509

from adapters import ConfigError
from ordo import tls

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ensure(directory: Path, host: str = "127.0.0.1", *, at: datetime = NOW):
    return tls.ensure(directory, host, now=lambda: at)


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def shake_hands(files: tls.ServerFiles, ca: Path, host: str) -> str:
    """Serve once over loopback; what a client that trusts *ca* reads, or objects to."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.cert, files.key)
    trusting = ssl.create_default_context(cafile=ca)

    async def answer(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.send_all(b"hello")
        except trio.BrokenResourceError:
            return  # the client did not trust us and left

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, answer, listeners)
        port = listeners[0].transport_listener.socket.getsockname()[1]
        raw = await trio.open_tcp_stream("127.0.0.1", port)
        client = trio.SSLStream(raw, trusting, server_hostname=host)
        try:
            return (await client.receive_some(5)).decode()
        except trio.BrokenResourceError as exc:
            return str(getattr(exc.__cause__, "verify_message", exc))
        finally:
            await trio.aclose_forcefully(client)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "10.1.2.3"])
async def test_a_client_that_trusts_the_ca_is_served_by_every_name(
    tmp_path: Path, host: str
):
    files = tls.ensure(tmp_path, "10.1.2.3")
    assert await shake_hands(files, files.ca, host) == "hello"


async def test_a_client_that_trusts_another_ca_is_not_served(tmp_path: Path):
    files = tls.ensure(tmp_path / "ours", "127.0.0.1")
    other = tls.ensure(tmp_path / "other", "127.0.0.1")
    seen = await shake_hands(files, other.ca, "127.0.0.1")
    assert seen in (
        "unable to get local issuer certificate",
        "certificate signature failure",  # both CAs bear this machine's name
    )


async def test_a_name_that_is_not_ours_is_not_served(tmp_path: Path):
    files = tls.ensure(tmp_path, "127.0.0.1")
    seen = await shake_hands(files, files.ca, "elsewhere.example")
    assert seen == (
        "Hostname mismatch, certificate is not valid for 'elsewhere.example'."
    )


def test_the_strictest_check_of_the_chain_passes(tmp_path: Path):
    files = ensure(tmp_path)
    context = ssl.create_default_context(cafile=files.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    ca = certificate(files.ca)
    certificate(files.cert).verify_directly_issued_by(ca)
    basic = ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.value.ca, basic.value.path_length, basic.critical) == (True, 0, True)


def test_keys_are_for_their_owner_alone(tmp_path: Path):
    ensure(tmp_path / "tls")
    assert mode(tmp_path / "tls") == 0o700
    assert mode(tmp_path / "tls/ca.key") == 0o600
    assert mode(tmp_path / "tls/server.key") == 0o600
    assert mode(tmp_path / "tls/ca.pem") == 0o644
    assert sorted(p.name for p in (tmp_path / "tls").iterdir()) == [
        "ca.key",
        "ca.pem",
        "server.key",
        "server.pem",
    ]


def test_a_key_that_others_could_read_is_taken_back(tmp_path: Path):
    ensure(tmp_path)
    (tmp_path / "server.key").chmod(0o644)
    ensure(tmp_path)
    assert mode(tmp_path / "server.key") == 0o600


def test_the_server_certificate_lasts_397_days(tmp_path: Path):
    files = ensure(tmp_path)
    made = certificate(files.cert)
    lasts = made.not_valid_after_utc - made.not_valid_before_utc
    assert lasts == timedelta(days=397)
    assert (
        files.expires == made.not_valid_after_utc == NOW + timedelta(days=397, hours=-1)
    )


def test_a_good_certificate_is_kept_as_it_is(tmp_path: Path):
    first = ensure(tmp_path)
    before = (first.cert.read_bytes(), first.key.read_bytes(), first.ca.read_bytes())
    second = ensure(tmp_path)
    assert (first.issued, second.issued) == (True, False)
    assert second.fingerprint == first.fingerprint
    assert before == (
        second.cert.read_bytes(),
        second.key.read_bytes(),
        second.ca.read_bytes(),
    )


def test_the_fingerprint_is_the_cas_as_openssl_prints_it(tmp_path: Path):
    files = ensure(tmp_path)
    der = ssl.PEM_cert_to_DER_cert(files.ca.read_text())
    assert files.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert len(files.fingerprint) == 95


@pytest.mark.parametrize(
    ("left", "renewed"),
    [
        (timedelta(days=-1), True),
        (timedelta(days=30), True),
        (timedelta(days=31), False),
    ],
)
def test_within_thirty_days_the_certificate_is_renewed_under_the_same_ca(
    tmp_path: Path, left: timedelta, renewed: bool
):
    first = ensure(tmp_path)
    second = ensure(tmp_path, at=first.expires - left)
    assert second.issued is renewed
    assert second.fingerprint == first.fingerprint
    assert (second.expires > first.expires) is renewed


def test_a_new_bind_address_gets_a_certificate_that_names_it(tmp_path: Path):
    first = ensure(tmp_path)
    second = ensure(tmp_path, "10.1.2.3")
    assert (second.issued, second.fingerprint) == (True, first.fingerprint)
    names = certificate(second.cert).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "10.1.2.3" in {str(name.value) for name in names.value}
    assert ensure(tmp_path, "10.1.2.3").issued is False


def test_a_key_that_is_not_the_certificates_is_replaced_with_it(tmp_path: Path):
    files = ensure(tmp_path / "a")
    ensure(tmp_path / "b")
    files.key.write_bytes((tmp_path / "b/server.key").read_bytes())
    assert ensure(tmp_path / "a").issued is True
    ssl.create_default_context().load_cert_chain(files.cert, files.key)


def test_a_certificate_of_another_ca_is_replaced(tmp_path: Path):
    files = ensure(tmp_path / "a")
    other = ensure(tmp_path / "b")
    files.cert.write_bytes(other.cert.read_bytes())
    files.key.write_bytes(other.key.read_bytes())
    assert ensure(tmp_path / "a").issued is True


def test_the_cas_key_is_only_needed_to_renew(tmp_path: Path):
    first = ensure(tmp_path)
    (tmp_path / "ca.key").unlink()
    assert ensure(tmp_path).issued is False
    with pytest.raises(ConfigError, match="put it back, or remove"):
        ensure(tmp_path, at=first.expires)


def test_a_ca_that_cannot_be_read_is_not_replaced_silently(tmp_path: Path):
    files = ensure(tmp_path)
    files.ca.write_text("nonsense")
    with pytest.raises(ConfigError, match="wanted a certificate, found none in it"):
        ensure(tmp_path)
    assert files.ca.read_text() == "nonsense"


def test_a_start_that_was_killed_while_the_ca_was_made_is_made_good(tmp_path: Path):
    ensure(tmp_path)
    (tmp_path / "ca.pem").unlink()
    assert ensure(tmp_path).issued is True
