"""Long files of a broker, such as instrument masters: streamed, whole or not at all.

What arrives is written beside its place under another name, and takes the place only
when it is complete and on the disk: a download that broke off leaves nothing behind.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, NamedTuple

import trio

from adapters.errors import RateLimited, Refused, SentUnknown
from adapters.http import BrokerHttp, Endpoint, Streamed
from adapters.http1 import RawHeaders
from adapters.reply import retry_after

MAX_BYTES = 512 * 1024 * 1024
"""The longest master seen is some 60 MB: FYERS's NSE_FO as JSON."""
BLOCK = 1024 * 1024
"""Bytes that are gathered before a thread writes them."""


class Wanted(NamedTuple):
    """A file to fetch, and where it is to stand."""

    endpoint: Endpoint
    path: Path
    query: Mapping[str, str] | None = None


async def download(
    http: BrokerHttp,
    endpoint: Endpoint,
    path: Path,
    *,
    headers: RawHeaders = (),
    query: Mapping[str, str] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Fetch one file to *path*, replacing what stands there; gives *path*.

    Args:
        headers: such as those of a session.
        max_bytes: of the file, unpacked; a longer one is given up.

    Raises:
        NotSent, SentUnknown: it did not come, or not all of it: a server error, a page
            in its place, a cut-off, nothing at all, more than *max_bytes*.
        RateLimited: HTTP 429.
        Refused: any other 4xx; its code is `http_STATUS`.
        OSError: the disk does not take it.
    """
    wanted = [Wanted(endpoint, path, query)]
    (one,) = await download_all(http, wanted, headers=headers, max_bytes=max_bytes)
    return one


async def download_all(
    http: BrokerHttp,
    wanted: Sequence[Wanted],
    *,
    headers: RawHeaders = (),
    max_bytes: int = MAX_BYTES,
) -> list[Path]:
    """Fetch several files, one after the other; none takes its place before all came.

    Raises:
        As `download`.
    """
    parts = [file.path.with_name(f".{file.path.name}.part") for file in wanted]
    try:
        for file, part in zip(wanted, parts, strict=True):
            async with http.stream(
                file.endpoint, headers=headers, query=file.query
            ) as reply:
                _raise_for_status(reply)
                async with aclosing(_plain(reply, max_bytes)) as chunks:
                    await _write(part, chunks)
        await trio.to_thread.run_sync(_put_in_place, wanted, parts)
    finally:
        for part in parts:  # those in place are not under this name any more
            part.unlink(missing_ok=True)
    return [file.path for file in wanted]


def _raise_for_status(reply: Streamed) -> None:
    status = reply.status
    if status == 200:
        kind = reply.headers.get("content-type", "")
        if kind.lower().startswith("text/html"):
            raise SentUnknown(f"HTTP 200: wanted a file, found {kind[:40]}", status)
        return
    if status == 429:
        raise RateLimited(f"HTTP {status}", retry_after(reply.headers), status)
    if 400 <= status < 500 and status != 408:
        raise Refused(f"http_{status}", "wanted a file, found a refusal", status)
    raise SentUnknown(f"HTTP {status}: wanted a file", status)


async def _plain(reply: Streamed, most: int) -> AsyncGenerator[bytes]:
    """The answer's bytes, unpacked where a server packs although asked not to.

    A body shorter than its `Content-Length` is an error of the HTTP layer already.
    """
    encoding = reply.headers.get("content-encoding", "identity")
    if encoding not in ("identity", "gzip"):
        raise SentUnknown(f"HTTP 200: wanted it plain, found {encoding}", 200)
    gzip = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    size = 0
    async for part in reply.body:
        plain = part if gzip is None else _unpacked(gzip, part, most - size + 1)
        size += len(plain)
        if size > most:
            raise SentUnknown(f"HTTP 200: wanted at most {most} bytes, found more", 200)
        yield plain
    if gzip is not None and not gzip.eof:
        raise SentUnknown("HTTP 200: wanted a whole gzip stream, found it cut off", 200)


def _unpacked(gzip: zlib._Decompress, part: bytes, most: int) -> bytes:
    try:
        return gzip.decompress(part, most)
    except zlib.error as exc:
        raise SentUnknown(f"HTTP 200: not gzip: {exc}", 200) from exc


async def _write(part: Path, chunks: AsyncIterator[bytes]) -> None:
    """Write the chunks to *part*, block by block, each in a thread.

    Raises:
        SentUnknown: there were none, or they are a page.
    """
    block, empty = bytearray(), True
    with part.open("wb") as file:
        async for chunk in chunks:
            block += chunk
            if len(block) >= BLOCK:
                await _put(file, block, first=empty)
                block, empty = bytearray(), False
        if block:
            await _put(file, block, first=empty)
        elif empty:
            raise SentUnknown("HTTP 200: wanted a file, found nothing", 200)
        await trio.to_thread.run_sync(_to_disk, file)


async def _put(file: BinaryIO, block: bytearray, *, first: bool) -> None:
    if first and block.lstrip()[:1] == b"<":
        raise SentUnknown("HTTP 200: wanted a file, found a page", 200)
    await trio.to_thread.run_sync(file.write, block)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _put_in_place(wanted: Sequence[Wanted], parts: Sequence[Path]) -> None:
    for file, part in zip(wanted, parts, strict=True):
        os.replace(part, file.path)
    for directory in {file.path.parent for file in wanted}:
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
