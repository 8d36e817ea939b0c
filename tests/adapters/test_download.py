"""A download: whole in its place, or nothing there."""

import contextlib
import gzip

import pytest
import trio

import adapters.download
from adapters.download import Wanted, download, download_all
from adapters.errors import NotSent, RateLimited, Refused, SentUnknown
from adapters.http import BrokerHttp

URL = "https://files.example/master.csv"
ROWS = b"symbol,lot\nSBIN,1\n" * 200_000


def answer(body, *headers, status=b"200 OK", length=None):
    length = len(body) if length is None else length
    lines = [b"HTTP/1.1 " + status, b"content-length: %d" % length, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.fixture
async def fetch(nursery, tmp_path):
    """Serve an answer to each request in turn, and download to `tmp_path`."""
    answers, asked = [], []
    target = tmp_path / "master.csv"

    async def serve(stream):
        with contextlib.suppress(trio.BrokenResourceError):
            while answers and (request := await stream.receive_some()):
                asked.append(bytes(request))
                await stream.send_all(answers.pop(0))
        await trio.aclose_forcefully(stream)

    listeners = await nursery.start(trio.serve_tcp, serve, 0)
    port = listeners[0].socket.getsockname()[1]
    http = BrokerHttp(base_url=f"http://127.0.0.1:{port}")

    async def fetch(*served, **options):
        answers[:] = served
        return await download(http, http.endpoint("GET", URL), target, **options)

    fetch.http, fetch.target, fetch.asked, fetch.answers = http, target, asked, answers
    yield fetch
    await http.aclose()
    nursery.cancel_scope.cancel()


async def test_a_file_comes_to_its_place_whole(fetch, tmp_path):
    assert await fetch(answer(ROWS)) == fetch.target
    assert fetch.target.read_bytes() == ROWS
    assert list(tmp_path.iterdir()) == [fetch.target]


async def test_headers_and_query_go_out(fetch):
    await fetch(answer(b"x"), headers=[(b"token", b"t1")], query={"day": "5"})
    head = fetch.asked[0]
    assert head.startswith(b"GET /master.csv?day=5 HTTP/1.1\r\n")
    assert b"\r\ntoken: t1\r\n" in head
    assert b"\r\nAccept-Encoding: identity\r\n" in head


async def test_a_file_that_is_packed_all_the_same_is_unpacked(fetch):
    await fetch(answer(gzip.compress(ROWS), b"content-encoding: gzip"))
    assert fetch.target.read_bytes() == ROWS


PACKED = gzip.compress(ROWS)
BAD = {
    "a server error": (answer(b"", status=b"503 Busy"), SentUnknown),
    "a redirect": (answer(b"", b"location: /x", status=b"302 Found"), SentUnknown),
    "no body": (answer(b""), SentUnknown),
    "part of what it declared": (answer(ROWS[:999], length=len(ROWS)), SentUnknown),
    "a page by its type": (answer(b"ok", b"content-type: text/html"), SentUnknown),
    "a page by its looks": (answer(b" \r\n<html>"), SentUnknown),
    "a long page": (answer(b"<html>" + ROWS), SentUnknown),
    "too much": (answer(ROWS * 2), SentUnknown),
    "too much unpacked": (
        answer(gzip.compress(ROWS * 2), b"content-encoding: gzip"),
        SentUnknown,
    ),
    "half a gzip": (answer(PACKED[:-9], b"content-encoding: gzip"), SentUnknown),
    "no gzip": (answer(b"plain", b"content-encoding: gzip"), SentUnknown),
    "brotli": (answer(b"x", b"content-encoding: br"), SentUnknown),
    "no right": (answer(b"{}", status=b"403 Forbidden"), Refused),
    "no such file": (answer(b"{}", status=b"404 Not Found"), Refused),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_not_the_whole_file_leaves_the_old_one(case, fetch, tmp_path):
    served, error = BAD[case]
    fetch.target.write_bytes(b"of yesterday")
    with pytest.raises(error) as caught:
        await fetch(served, max_bytes=len(ROWS) + 1)
    assert caught.type is error
    assert fetch.target.read_bytes() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [fetch.target]


async def test_a_refusal_bears_its_status(fetch):
    with pytest.raises(Refused) as caught:
        await fetch(answer(b"{}", status=b"401 Unauthorized"))
    assert (caught.value.code, caught.value.http_status) == ("http_401", 401)


async def test_a_429_tells_how_long_to_wait(fetch):
    with pytest.raises(RateLimited) as caught:
        await fetch(answer(b"", b"retry-after: 9", status=b"429 Slow down"))
    assert caught.value.retry_after == 9.0


async def test_the_connection_can_be_used_again_after_a_failure(fetch):
    with pytest.raises(SentUnknown):
        await fetch(answer(ROWS * 4), max_bytes=10)
    await fetch(answer(b"rows"))
    assert fetch.target.read_bytes() == b"rows"


async def test_nobody_there_is_not_sent(tmp_path):
    http = BrokerHttp(base_url="http://127.0.0.1:1")
    with pytest.raises(NotSent):
        await download(http, http.endpoint("GET", URL), tmp_path / "master.csv")
    await http.aclose()
    assert list(tmp_path.iterdir()) == []


async def test_a_cancelled_download_leaves_nothing(fetch, tmp_path):
    with trio.move_on_after(0.2) as scope:
        # Only the first part of it ever comes.
        fetch.answers[:] = [answer(ROWS, length=2 * len(ROWS)), None]
        http = fetch.http
        await download(http, http.endpoint("GET", URL), fetch.target)
    assert scope.cancelled_caught
    assert list(tmp_path.iterdir()) == []


async def test_cancelled_while_it_writes_it_leaves_nothing(
    fetch, tmp_path, monkeypatch
):
    put = adapters.download._put

    with trio.CancelScope() as scope:

        async def cancelled(*args, **options):
            scope.cancel()
            await put(*args, **options)
            await trio.lowlevel.checkpoint()

        monkeypatch.setattr(adapters.download, "_put", cancelled)
        await fetch(answer(ROWS))
    assert scope.cancelled_caught
    assert list(tmp_path.iterdir()) == []


async def test_of_several_files_none_takes_its_place_before_all_came(fetch, tmp_path):
    wanted = [
        Wanted(fetch.http.endpoint("GET", f"https://files.example/{name}"), path)
        for name in ("a", "b")
        for path in [tmp_path / name]
    ]
    fetch.answers[:] = [answer(b"first"), answer(b"", status=b"500 No")]
    with pytest.raises(SentUnknown):
        await download_all(fetch.http, wanted)
    assert list(tmp_path.iterdir()) == []
    fetch.answers[:] = [answer(b"first"), answer(b"second")]
    assert await download_all(fetch.http, wanted) == [tmp_path / "a", tmp_path / "b"]
    assert (tmp_path / "b").read_bytes() == b"second"
