"""The settings file that `ordo init` writes: commented, complete enough to start.

No secret is ever in it. A real broker's table is switched off by `#` until its secrets
are stored, so that the file is good as it stands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from msgspec.structs import FieldInfo, fields

from adapters import catalogue
from adapters.secret import Secret
from ordo.files import replace

PORT = "127.0.0.1:8443"
OPT_IN = frozenset({"password", "totp_seed", "base_url"})
"""Keys that are left out: asked for at log-in, or for tests."""


class Answers(NamedTuple):
    """What was asked. `tls` files: `cert` and `key`; `ntp` empty: nobody is asked."""

    brokers: Sequence[str] = ("paper",)
    data: str = "./var"
    tls: str = "auto"
    cert: str = ""
    key: str = ""
    ntp: str = ""


def render(answers: Answers) -> str:
    """The file's text."""
    return "\n".join(
        [*_head(), *_server(answers), *_data(answers), *_rest(answers)]
        + [line for name in _named(answers.brokers) for line in _broker(*name)]
    )


def write(path: Path, text: str, *, force: bool) -> None:
    """Write the file, readable to its owner alone.

    Raises:
        FileExistsError: there is one, and *force* is not set.
        OSError: it cannot be written.
    """
    if force:
        replace(path, text.encode(), mode=0o600)
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())


def _head() -> Iterator[str]:
    yield "# Ordo's settings, made by `ordo init`. All keys stand in ordo.toml.example;"
    yield "# what is not written here has its default. Check it with: ordo config check"
    yield "# Secrets do not belong here: env:NAME, file:PATH or stored:NAME stand for"
    yield "# them, and `ordo secret set NAME` keeps one encrypted."
    yield ""


def _server(answers: Answers) -> Iterator[str]:
    yield "[server]"
    yield "# Where clients reach Ordo."
    yield f"bind = {_text(PORT)}"
    yield "# auto: a CA and a certificate of our own, made on the first start, in"
    yield "# [data] dir; files: `cert` and `key`; proxy: plain HTTP behind a proxy that"
    yield "# ends TLS; off: plain HTTP, on loopback alone."
    yield f"tls = {_text(answers.tls)}"
    if answers.tls == "files":
        yield f"cert = {_text(answers.cert)}"
        yield f"key = {_text(answers.key)}"
    yield ""


def _data(answers: Answers) -> Iterator[str]:
    yield "[data]"
    yield "# Database, audit files, tokens, TLS, master key: on a local disk, and"
    yield "# backed up. A relative path starts at the directory Ordo is started in."
    yield f"dir = {_text(answers.data)}"
    yield ""


def _rest(answers: Answers) -> Iterator[str]:
    yield "[log]"
    yield "# DEBUG | INFO | WARNING | ERROR"
    yield 'level = "INFO"'
    yield ""
    yield "[clock]"
    yield "# A time server that our clock is held against; empty: none."
    yield f"server = {_text(answers.ntp)}"
    yield ""
    yield "[telemetry]"
    yield "# Anonymous counts; see what they are with: ordo telemetry show"
    yield "enabled = false"
    yield ""


# Brokers ------------------------------------------------------------------------------


def _named(adapters: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A name for each; the second of an adapter is `fyers-2`."""
    seen: dict[str, int] = {}
    for adapter in adapters:
        seen[adapter] = number = seen.get(adapter, 0) + 1
        yield (adapter if number == 1 else f"{adapter}-{number}"), adapter


def _broker(name: str, adapter: str) -> Iterator[str]:
    if catalogue.capabilities(adapter).simulated:
        yield f"[brokers.{name}]"
        yield "# A simulated broker: nothing leaves this machine."
        yield f"adapter = {_text(adapter)}"
        yield ""
        return
    lines = [f"[brokers.{name}]", f"adapter = {_text(adapter)}"]
    steps = []
    for field in fields(catalogue.settings_type(adapter)):
        if field.name not in OPT_IN:
            lines.append(f"{field.name} = {_text(_value(field, name))}")
            if _is_secret(field):
                steps.append(f"ordo secret set {_stored(name, field.name)}")
    yield f"# A real broker, still switched off. See docs/brokers/{adapter}.md, then"
    for step in steps:
        yield f"#   {step}"
    yield "# and fill in the lines below, without their #."
    yield from (f"#{line}" for line in lines)
    yield ""


def _value(field: FieldInfo, broker: str) -> str:
    """What to begin with: a reference, the address to register, a default, dots."""
    if _is_secret(field):
        return f"stored:{_stored(broker, field.name)}"
    if field.name == "redirect_uri":
        return f"https://{PORT}/api/v1/sessions/{broker}/callback"
    if get_origin(field.type) is Literal:
        return "|".join(get_args(field.type))
    return "..." if field.required else str(field.default)


def _stored(broker: str, key: str) -> str:
    return f"{broker}_{key}"


def _is_secret(field: FieldInfo) -> bool:
    kind: Any = field.type
    return kind is Secret or Secret in get_args(kind)


def _text(value: str) -> str:
    """A TOML string, which escapes as JSON does."""
    return json.dumps(value, ensure_ascii=False)
