"""What of the market's settings can be wrong beyond its types."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from adapters.errors import ConfigError
from adapters.market import load_calendar, load_protection
from ordo.config.brokers import Broker
from ordo.config.sections import Market


def check_market(market: Market) -> None:
    """Read the protection table and the calendar, and see that the echo is a URL.

    Raises:
        ConfigError: One line that names the key. An echo's URL is not shown, for it may
            hold a token.
    """
    try:
        load_protection(market.protection_file)
    except ConfigError as exc:
        raise ConfigError(f"market.protection_file: {exc}") from None
    try:
        load_calendar(market.calendar_file)
    except ConfigError as exc:
        raise ConfigError(f"market.calendar_file: {exc}") from None
    if market.address_echo and not is_safe_url(market.address_echo):
        raise ConfigError(
            "market.address_echo: wanted an https:// address (http:// on loopback only:"
            " what it says decides whether orders may leave)"
        )


def check_expected(brokers: Mapping[str, Broker], market: Market) -> None:
    """Refuse an address that is expected and that nobody could check.

    Raises:
        ConfigError: One line that names the key.
    """
    for name, table in brokers.items():
        if table.expect_ip and not market.address_echo:
            raise ConfigError(
                f"brokers.{name}.expect_ip: wanted market.address_echo beside it, the"
                " https:// address of a service that tells which address it is called"
                " from, found none; leave expect_ip out to trade unchecked"
            )


def is_safe_url(text: str) -> bool:
    """Whether it is `https://`, or `http://` where nothing leaves this machine."""
    try:
        parts = urlsplit(text)
        if parts.port == 0 or not parts.hostname:
            return False
    except ValueError:  # a port that is no number
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and _is_loopback(parts.hostname)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
