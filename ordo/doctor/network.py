"""What the world sees of us: certificates, and the addresses that orders leave from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import trio

from adapters import BrokerError, ConfigError
from adapters.egress import Address, AddressEcho
from ordo.config import Settings
from ordo.doctor.finding import Finding, fail, ok, warn

ENDS_SOON = timedelta(days=14)
"""Ordo renews its own 30 days ahead, at a start; others' are renewed by them."""
ECHO_SECONDS = 10.0


def certificates(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Until when the server's certificate is good, and its CA where it is ours."""
    server = settings.server
    if server.tls in ("off", "proxy"):
        words = f'none: tls = "{server.tls}"'
        yield ok("TLS certificate", words)
    elif server.tls == "files":
        yield _certificate(Path(server.cert).expanduser(), now, "renew it, and restart")
    else:
        directory = settings.data.path / "tls"
        for file, renewal in (
            ("server.pem", "restart Ordo: it renews its own"),
            ("ca.pem", "restart Ordo, and give clients the new ca.pem"),
        ):
            yield _certificate(directory / file, now, renewal, ours=True)


def _certificate(
    file: Path, now: datetime, renewal: str, *, ours: bool = False
) -> Finding:
    from ordo.certificates import read_certificate

    name = f"TLS {file.name}"
    if ours and not file.exists():
        return ok(name, "not there yet; the first start makes it")
    try:
        certificate = read_certificate(file.read_bytes())
    except OSError as error:
        words = f"{file}: {error.strerror}"
        return fail(name, words, "name files that Ordo's user may read in [server]")
    if certificate is None:
        return fail(name, f"{file} holds no certificate", "name a PEM file in [server]")
    ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if now >= ends:
        return fail(name, f"ended on {ends:%Y-%m-%d}", renewal)
    if now < begins:
        return fail(
            name, f"begins on {begins:%Y-%m-%d}", "see whether the clock is right"
        )
    words = f"good until {ends:%Y-%m-%d}, {(ends - now).days} days"
    return warn(name, words, renewal) if ends - now < ENDS_SOON else ok(name, words)


def addresses(settings: Settings) -> Iterator[Finding]:
    """Where each broker's calls leave from, against `expect_ip`.

    Raises:
        ConfigError: an egress is none.
    """
    expecting = {
        name: table for name, table in settings.brokers.items() if table.expect_ip
    }
    if not expecting:
        advice = "set expect_ip and [market] address_echo, to have it held to the one"
        advice += " that is registered"
        real = [n for n, t in settings.brokers.items() if not _is_simulated(t.adapter)]
        words = "no broker expects one"
        yield warn("address", words, advice) if real else ok("address", words)
    for name, table in expecting.items():
        yield _address(
            name, settings.market.address_echo, table.egress, table.expect_ip
        )


def _address(broker: str, url: str, egress: str, wanted: str) -> Finding:
    name = f"address of {broker}"
    seen, error = trio.run(_seen, url, egress)
    if seen is None:
        words = f"cannot tell: the echo gives none ({error})"
        return warn(name, words, "see whether [market] address_echo can be reached")
    if seen != ip_address(wanted):
        words = f"calls leave from {seen}, wanted {wanted}"
        advice = "set its egress, or register the other address with the broker"
        return fail(name, words, advice)
    return ok(name, f"{seen}, as registered")


async def _seen(url: str, egress: str) -> tuple[Address | None, str]:
    echo = AddressEcho(url, egress)
    try:
        with trio.move_on_after(ECHO_SECONDS):
            return await echo.ask(), ""
        return None, f"no answer in {ECHO_SECONDS:g} s"
    except BrokerError as error:
        return None, str(error)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await echo.aclose()  # a socket left open would leak


def _is_simulated(adapter: str) -> bool:
    from adapters.catalogue import capabilities

    try:
        return capabilities(adapter).simulated
    except ConfigError:
        return False
