"""The audit key: 32 bytes that seal the log, made at the first start."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from adapters.errors import StoreUnusable

LENGTH = 32


def load_or_make_key(path: Path) -> bytes:
    """Read the key, or make one with mode 0600 where there is none.

    Raises:
        StoreUnusable: it cannot be read or made, is not 32 bytes long, or others may
            read it.
    """
    if not path.exists():
        try:
            _make(path)
        except OSError as exc:
            raise StoreUnusable(f"{path}: cannot be made: {exc.strerror}") from exc
    return load_key(path)


def load_key(path: Path) -> bytes:
    """Read the key where there must be one: `verify` has no use for a new one.

    Raises:
        StoreUnusable: it cannot be read, is not 32 bytes long, or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(LENGTH + 1)
    except OSError as exc:
        raise StoreUnusable(f"{path}: cannot be read: {exc.strerror}") from exc
    if mode & 0o077:
        raise StoreUnusable(
            f"{path}: its mode must be 0600, was {mode:04o}: run chmod 600 on it"
        )
    if len(key) != LENGTH:
        raise StoreUnusable(
            f"{path}: the audit key must be {LENGTH} bytes, was {len(key)}: "
            "restore it from a backup"
        )
    return key


def _make(path: Path) -> None:
    """Write it aside and link it in: whoever is first wins, and it is never half."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, secrets.token_bytes(LENGTH))
        os.fsync(handle)
        try:
            os.link(aside, path)
        except FileExistsError:
            return
    finally:
        os.close(handle)
        aside.unlink()
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
