"""The pages' files: for anybody, nothing from outside, nothing that could be abused."""

import re
from itertools import product

import pytest

from ordo.http.pages import POLICY, files
from ordo.version import __version__
from tests.ordo.http.caller import calling
from tests.ordo.http.serving import serving
from tests.support import asgi

FILES = files()
SCRIPTS = {path: file for path, file in FILES.items() if path.endswith(".js")}
TEXT = ("--text", "--soft", "--link", "--good", "--warn", "--bad")
BACKS = {
    "--good": ("--good-back",),
    "--warn": ("--warn-back",),
    "--bad": ("--bad-back",),
}


async def ask(caller, path, method="GET", **headers):
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await asgi.ask(caller.app, method, path, sent)


@pytest.mark.parametrize("path", FILES)
async def test_a_file_is_served_without_a_token_and_with_its_guards(
    autojump_clock, tmp_path, path
):
    async with calling(tmp_path) as caller:
        status, headers, body = await ask(caller, path)
    assert (status, body) == (200, FILES[path].body)
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["X-Request-ID"]
    assert headers["Server-Timing"].startswith("ordo;dur=")
    assert __version__ not in f"{headers}{body.decode()}"


async def test_a_page_that_is_kept_is_not_sent_again(autojump_clock, tmp_path):
    async with calling(tmp_path) as caller:
        _, first, _ = await ask(caller, "/")
        tags = f'"other", W/{first["ETag"]}'
        status, headers, body = await ask(caller, "/", If_None_Match=tags)
        other = await ask(caller, "/", If_None_Match='"other"')
    assert (status, body, headers["ETag"]) == (304, b"", first["ETag"])
    assert headers["Content-Security-Policy"] == POLICY
    assert other[0] == 200


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
async def test_a_head_is_the_answer_without_its_body(tmp_path, version):
    http2 = version == "HTTP/2"
    async with serving(tmp_path) as gateway, gateway.client(http2=http2) as client:
        answers = [await client.head("/"), await client.get("/")]
        tag = {"If-None-Match": answers[0].headers["ETag"]}
        answers.append(await client.get("/", headers=tag))
    told = [(a.http_version, a.status_code, len(a.content)) for a in answers]
    size = len(FILES["/"].body)
    assert told == [(version, 200, 0), (version, 200, size), (version, 304, 0)]
    assert answers[0].headers["Content-Length"] == str(size)


@pytest.mark.parametrize("path", ["/", "/docs", "/pages/style.css"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_it_is_only_to_be_read(autojump_clock, tmp_path, method, path):
    async with calling(tmp_path) as caller:
        status, headers, body = await ask(caller, path, method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert b"method_not_allowed" in body


@pytest.mark.parametrize(
    "path",
    [
        *("/docs/", "/pages", "/pages/", "/pages/operations.html", "/pages/docs.html"),
        *("/pages/__init__.py", "/pages/../routes.py", "/pages/..%2froutes.py"),
        *("/pages/.", "/pages//style.css", "/pages/style.css/", "/index.html"),
    ],
)
async def test_nothing_else_is_served(autojump_clock, tmp_path, path):
    async with calling(tmp_path) as caller:
        answer = await caller.get(path)
    assert (answer.status, answer.code) == (404, "not_found")


def test_the_policy_lets_nothing_in_from_outside_and_nobody_frame_a_page():
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'none'",
    }


@pytest.mark.parametrize("path", FILES)
def test_a_file_names_only_what_is_served_here(path):
    text = FILES[path].body.decode()
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    named = re.findall(r'(?:href|src)="(/[^"]*)"', text)
    named += [f"/pages/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]
    assert [name for name in named if name not in FILES] == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_no_script_makes_markup_or_code_of_text(path):
    banned = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\("
    )
    assert re.findall(banned, SCRIPTS[path].body.decode()) == []


def test_the_token_is_kept_by_the_tab_alone():
    text = b"".join(file.body for file in SCRIPTS.values())
    assert text.count(b"sessionStorage") == 3
    assert not re.search(rb"localStorage|document\.cookie|indexedDB", text)


def colours():
    """Both schemes: each colour's red, green and blue, by its name."""
    text = FILES["/pages/style.css"].body.decode()
    light, dark = re.findall(r":root {(.*?)}", text, re.S)
    for scheme in (light, dark):
        found = re.findall(r"(--[\w-]+): #(\w{6}|\w{3});", scheme)
        yield {name: _rgb(digits) for name, digits in found}


def _rgb(digits):
    digits = digits if len(digits) == 6 else "".join(one * 2 for one in digits)
    return [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]


def contrast(one, other):
    """Source: WCAG 2.2, "contrast ratio" and "relative luminance"."""
    lights = []
    for colour in (one, other):
        line = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour
        ]
        lights.append(0.2126 * line[0] + 0.7152 * line[1] + 0.0722 * line[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_all_text_can_be_read_in_both_schemes():
    for colour in colours():
        pairs = [
            *product(TEXT, ("--page", "--panel")),
            *((text, back) for text, backs in BACKS.items() for back in backs),
            *(("--text", back) for backs in BACKS.values() for back in backs),
            ("--on-link", "--link"),
            ("--soft", "--bad-back"),
            ("--panel", "--bad"),
        ]
        ratios = {pair: contrast(colour[pair[0]], colour[pair[1]]) for pair in pairs}
        assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}
        assert contrast([1, 1, 1], colour["--halt"]) >= 4.5
