"""The data directory: who may read what, and whether SQLite works there."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from adapters.stores.sqlite import WAL_RESET_FIXED
from ordo.doctor.finding import Finding, fail, ok, warn

SECRET = (
    "master.key",
    "audit.key",
    "tokens.json",
    "secrets.json",
    "admin.token",
    "ordo.db",
    "tls/ca.key",
    "tls/server.key",
)
"""What nobody but Ordo's user may read, in the data directory."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO
WRITABLE = stat.S_IWGRP | stat.S_IWOTH
LOCAL = "put [data] dir on a local disk: not NFS, SMB or FUSE"


def directory(data: Path) -> Finding:
    """The directory itself."""
    name = "data directory"
    if not data.exists():
        return ok(name, f"{data} is not there yet; the first start makes it, 0700")
    if not data.is_dir():
        return fail(name, f"{data} is no directory", "move it, or set [data] dir")
    mode = stat.S_IMODE(data.stat().st_mode)
    words = f"{data} has mode {mode:04o}"
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return fail(name, f"{words}, not ours", f'chown -R "$(id -un)" {data}')
    if mode & WRITABLE:
        return fail(name, f"{words}: others may write there", f"chmod 700 {data}")
    if mode & OTHERS:
        return warn(name, f"{words}: others may look into it", f"chmod 700 {data}")
    return ok(name, words)


def secret_files(data: Path, settings: Path | None) -> Iterator[Finding]:
    """Keys, tokens, the database, and the settings file: readable to nobody else."""
    loose = [path for path in _present(data) if _mode(path) & OTHERS]
    name = "keys and tokens"
    if loose:
        words = ", ".join(f"{path} ({_mode(path):04o})" for path in loose)
        files = " ".join(str(path) for path in loose)
        yield fail(name, f"others may read {words}", f"chmod 600 {files}")
    else:
        there = [str(path.relative_to(data)) for path in _present(data)]
        yield ok(name, ", ".join(there) or "none yet")
    yield _settings(settings)


def _settings(file: Path | None) -> Finding:
    name = "settings file"
    if file is None:
        return warn(name, "there is none", "make one with: ordo init")
    mode = _mode(file)
    words = f"{file} has mode {mode:04o}"
    if mode & WRITABLE:
        advice = f"chmod 600 {file}: whoever changes it decides where orders go"
        return fail(name, f"{words}: others may change it", advice)
    if mode & OTHERS:
        return warn(name, f"{words}: others may read it", f"chmod 600 {file}")
    return ok(name, words)


def _present(data: Path) -> list[Path]:
    return [data / name for name in SECRET if (data / name).is_file()]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sqlite(data: Path, version: str = sqlite3.sqlite_version) -> Iterator[Finding]:
    """The library's version, and whether its write-ahead log works on that disk."""
    name = "SQLite"
    if tuple(int(part) for part in version.split(".")) < WAL_RESET_FIXED:
        advice = (
            "let no other program write to ordo.db: before 3.51.3 two writers can lose"
            " what is committed; Ordo alone writes from one connection, and is not hit"
        )
        yield warn(name, version, advice)
    else:
        yield ok(name, version)
    yield _wal(data)


def _wal(data: Path) -> Finding:
    name = "write-ahead log"
    try:
        with (
            tempfile.TemporaryDirectory(dir=data, prefix=".doctor-") as place,
            closing(sqlite3.connect(Path(place) / "try.db")) as database,
        ):
            mode = database.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            database.execute("CREATE TABLE t (x)")
            database.execute("INSERT INTO t VALUES (1)")
            database.commit()
    except (OSError, sqlite3.Error) as error:
        return fail(name, f"it does not work at {data}: {error}", LOCAL)
    if mode != "wal":
        return fail(name, f"SQLite gives {mode!r} at {data} instead", LOCAL)
    return ok(name, f"works at {data}")
