"""The master key: from the settings, or in `DATA/master.key`, made at the first start.

A key made anew beside secrets sealed with another would hide that they are lost, so
where anything is sealed a missing key stops the start.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.errors import ConfigError
from adapters.sealing import Keyring, MasterKey
from ordo.files import replace
from ordo.locked import locked

if TYPE_CHECKING:
    from ordo.config.sections import Data

NAME = "master.key"


def keyring(data: Data, *, sealed: int) -> Keyring:
    """The keys of a data directory; the first start makes one.

    Args:
        data: of the settings.
        sealed: how many secrets and sessions are sealed there already.

    Raises:
        ConfigError: it is missing, cannot be read, is no key, or others may read it.
    """
    if data.master_key is not None:
        return Keyring.parse(data.master_key.reveal(), "data.master_key")
    path = key_file(data)
    if not path.exists():
        if sealed:
            raise ConfigError(
                f"data.master_key: wanted the master key in {path}, found no such file,"
                f" and {sealed} stored secret(s) or session(s) are sealed with it:"
                " restore it, or set ORDO_MASTER_KEY"
            )
        _make(path)
    return read(path)


def is_there(data: Data) -> bool:
    """Whether there is a key, good or not."""
    return data.master_key is not None or key_file(data).exists()


def key_file(data: Data) -> Path:
    """Where the key is kept that is not in the settings."""
    return data.path / NAME


def read(path: Path) -> Keyring:
    """The keys in a file, a line each.

    Raises:
        ConfigError: it cannot be read, holds no key, or others may read it.
    """
    try:
        with path.open("r", encoding="ascii", errors="replace") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(4096)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror}") from exc
    if mode & 0o077:
        raise ConfigError(
            f"{path}: its mode must be 0600, was {mode:04o}: run chmod 600 on it"
        )
    return Keyring.parse(text, str(path))


def write(path: Path, keys: Keyring) -> None:
    """Keep *keys*, the one that seals first; whole or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    lines = "".join(f"{key.reveal()}\n" for key in keys.keys)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(path, lines.encode("ascii"), mode=0o600)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written: {exc.strerror}") from exc


def _make(path: Path) -> None:
    """A first key. Two commands that both find none must not make one each."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path):
            if not path.exists():
                write(path, Keyring([MasterKey.make()]))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be made: {exc.strerror}") from exc
