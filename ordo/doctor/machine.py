"""The machine: its clock, its disk, how many files may be open."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import trio

from actors.clock_watch import PATIENCE, TRIES, ClockReport
from adapters import sntp
from ordo.doctor.finding import Finding, fail, ok, warn

FREE_LITTLE, FREE_LOW = 100 * 2**20, 2**30
"""Bytes. A day of 10,000 orders takes some 40 MB, with its audit."""
SYNC_SLOW, SYNC_FAIR = 0.050, 0.010
"""Seconds of one fsync at the median. Each order waits for two."""
SYNCS = 20
FILES_FEW, FILES_FAIR = 256, 1024
"""Open files: connections to brokers and of clients, and some forty of our own."""


def clock(server: str, limit: float, wall: Callable[[], datetime]) -> Finding:
    """Our clock against a time server's; no answer is no fault of ours.

    Args:
        server: `HOST` or `HOST:PORT`.
        limit: seconds it may be off by.
    """
    name = "clock"
    if not server:
        return ok(name, "not looked at, as asked for")
    reading, error = trio.run(_asked, server, wall)
    if reading is None:
        words = f"cannot tell: {server} gives no time ({error})"
        advice = "let UDP port 123 out, or name another server by --ntp"
        return warn(name, words, advice)
    report = ClockReport(
        server=server, limit=limit, ahead=reading.ahead, doubt=reading.doubt
    )
    words = f"{report.words}, give or take {reading.doubt:.2f} s"
    if report.wrong:
        advice = "have the system set it: timedatectl set-ntp true, or chrony"
        return fail(name, words, advice)
    return ok(name, words)


async def _asked(
    server: str, wall: Callable[[], datetime]
) -> tuple[sntp.Reading | None, str]:
    place, error = sntp.server_of(server), f"no answer in {PATIENCE:g} s"
    for _ in range(TRIES):
        with trio.move_on_after(PATIENCE):
            try:
                return await sntp.ask(place, wall), ""
            except sntp.NoTime as refused:
                error = str(refused)
    return None, error


def space(data: Path) -> Finding:
    """How much the disk under the data directory still takes."""
    name, usage = "disk space", shutil.disk_usage(data)
    words = f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.1f} GiB free at {data}"
    if usage.free < FREE_LITTLE:
        return fail(name, words, "make room: a full disk stops new orders")
    if usage.free < FREE_LOW:
        return warn(name, words, "make room before the disk is full")
    return ok(name, words)


def sync_speed(data: Path, timed: Callable[[Path], float] | None = None) -> Finding:
    """How long the disk takes to keep something for good.

    Args:
        timed: seconds of one fsync there; as measured by default.
    """
    name = "disk speed"
    try:
        took = (timed or _sync_time)(data)
    except OSError as error:
        words = f"nothing can be written to {data}: {error.strerror}"
        return fail(name, words, f"let Ordo's user write there: chown -R it {data}")
    words = f"{took * 1000:.1f} ms to keep a write (fsync, median of {SYNCS})"
    if took > SYNC_SLOW:
        advice = "each order waits for two of these; move [data] dir to an SSD"
        return fail(name, words, advice)
    if took > SYNC_FAIR:
        return warn(name, words, "orders wait for it; a local SSD takes some 1 ms")
    return ok(name, words)


def _sync_time(data: Path) -> float:
    times = []
    with tempfile.TemporaryFile(dir=data) as file:
        for _ in range(SYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return sorted(times)[SYNCS // 2]


def open_files(
    limits: Callable[[], tuple[int, int]] = lambda: resource.getrlimit(
        resource.RLIMIT_NOFILE
    ),
) -> Finding:
    """How many files and connections may be open at once."""
    name, (soft, _) = "open files", limits()
    words = "as many as there may be" if soft < 0 else f"{soft} at most"
    advice = "ulimit -n 4096, or LimitNOFILE=4096 in the unit's file"
    if 0 <= soft < FILES_FEW:
        return fail(name, words, advice)
    if 0 <= soft < FILES_FAIR:
        return warn(name, words, advice)
    return ok(name, words)
