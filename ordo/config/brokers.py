"""One `[brokers.NAME]` table: the keys all brokers share, and the adapter's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import asdict, fields

from actors.breaker import BreakerSettings
from adapters import catalogue
from adapters.errors import ConfigError
from adapters.secret import Secret
from ordo.config.checked import checked
from ordo.config.environment import typed, variable_of
from ordo.config.references import SECRET_KEYS, Stored, resolved
from ordo.config.sections import Count, Seconds, Section
from ordo.config.wording import unknown

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Limits(Section, frozen=True, kw_only=True):
    """Our own limits; None leaves what the adapter publishes.

    `per_second` counts what changes orders; the others count every call.
    """

    per_second: Count | None = None
    per_minute: Count | None = None
    per_hour: Count | None = None
    per_day: Count | None = None


class BrokerKeys(Section, frozen=True, kw_only=True):
    """What every broker table may say. `submit_timeout` is seconds."""

    adapter: str
    base_url: str = ""
    egress: str = "direct"
    expect_ip: str = ""
    limits: Limits = Limits()
    registered_limits: bool = False
    market_policy: Literal["protected", "native", "reject"] = "protected"
    algo_id: str = ""
    breaker: BreakerSettings = BreakerSettings()
    submit_timeout: Seconds = 10.0
    access_token: Secret | None = None
    order_updates: bool = True


class Broker(BrokerKeys, frozen=True, kw_only=True):
    """One account at one broker. `own` is the adapter's settings struct."""

    name: str
    own: msgspec.Struct


def broker(
    name: str,
    table: dict[str, Any],
    environ: Mapping[str, str],
    *,
    stored: Stored,
    submit_timeout: float,
) -> Broker:
    """Read one broker's table.

    Args:
        name: The table's name.
        table: Its keys, as they stand in the file and the environment.
        environ: What `env:NAME` names.
        stored: What `stored:NAME` names.
        submit_timeout: Seconds, where the table does not say.

    Raises:
        ConfigError: One line that names the key by its whole path.
    """
    path = f"brokers.{name}"
    _check_name(name)
    own_type = _own_type(table, path)
    own_types = {field.encode_name: field.type for field in fields(own_type)}
    secret = {key for key, kind in own_types.items() if _is_secret(kind)}
    table = {"submit_timeout": submit_timeout} | resolved(
        table, path, environ, SECRET_KEYS | secret, stored=stored
    )
    shared = [field.encode_name for field in fields(BrokerKeys)]
    common = {key: value for key, value in table.items() if key in shared}
    for key in table:
        if key not in shared and key not in own_types:
            variable = variable_of(table[key])
            at = f"{path}.{key}" + (f" ({variable})" if variable else "")
            raise ConfigError(unknown(at, key, [*shared, *own_types]))
    rest = {
        key: value if key in secret or not isinstance(value, Secret) else value.reveal()
        for key, value in table.items()
        if key in own_types or key not in shared
    }
    keys = checked(typed(common, BrokerKeys), BrokerKeys, path)
    own = checked(typed(rest, own_type), own_type, path, show=False)
    _check_endpoints(keys, path)
    return Broker(name=name, own=own, **asdict(keys))


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise ConfigError(
            "brokers: a name is up to 32 of a-z, 0-9, - and _ and starts with a"
            f" letter or digit, found {name[:40]!r}"
        )


def _own_type(table: dict[str, Any], path: str) -> type[msgspec.Struct]:
    adapter = table.get("adapter")
    if not isinstance(adapter, str):
        there = ", ".join(sorted(catalogue.ADAPTERS))
        raise ConfigError(
            f"{path}.adapter: wanted one of {there},"
            f" found {'nothing' if adapter is None else 'no text'}"
        )
    try:
        return catalogue.settings_type(adapter)
    except ConfigError as exc:
        raise ConfigError(f"{path}.adapter: {exc}") from None


def _is_secret(kind: Any) -> bool:
    return kind is Secret or Secret in get_args(kind)


def _check_endpoints(keys: BrokerKeys, path: str) -> None:
    """Check what is an address; none is shown, for a proxy's may hold a password."""
    if keys.base_url and not _is_url(keys.base_url, "http", "https"):
        raise ConfigError(f"{path}.base_url: wanted http:// or https:// and a host")
    if not _is_egress(keys.egress):
        raise ConfigError(
            f"{path}.egress: wanted direct, bind:ADDRESS, http://PROXY or"
            " socks5://PROXY"
        )
    if keys.expect_ip and not _is_address(keys.expect_ip):
        raise ConfigError(
            f"{path}.expect_ip: wanted an IP address, found {keys.expect_ip[:60]!r}"
        )


def _is_egress(text: str) -> bool:
    if text.startswith("bind:"):
        return _is_address(text.removeprefix("bind:"))
    return text == "direct" or _is_url(text, "http", "socks5")


def _is_url(text: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
