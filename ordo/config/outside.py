"""What of the settings for servers that are not brokers can be wrong."""

from __future__ import annotations

from adapters.errors import ConfigError
from adapters.sntp import server_of
from ordo.config.market import is_safe_url
from ordo.config.sections import Clock, Telemetry


def check_clock(clock: Clock) -> None:
    """Read the time server's name.

    Raises:
        ConfigError: One line that names the key.
    """
    if clock.server:
        try:
            server_of(clock.server)
        except ConfigError as exc:
            raise ConfigError(f"clock.server: {exc}") from None


def check_telemetry(telemetry: Telemetry) -> None:
    """See that counts leave encrypted, or not at all.

    Raises:
        ConfigError: One line that names the key; the URL may hold a token.
    """
    if telemetry.url and not is_safe_url(telemetry.url):
        raise ConfigError(
            "telemetry.url: wanted an https:// address (http:// on loopback only),"
            " found another"
        )
