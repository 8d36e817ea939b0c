"""The pages for people: files that ask the API as any other client of it does.

They hold nothing that is a secret, so they are served without a token: what they show
comes by the API, under the token that is typed in. Source of the headers: the HTML and
Content Security Policy standards, and MDN's "Practical security implementation guides".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ADDRESSES = {"operations.html": "/", "docs.html": "/docs"}
"""Where people look for a page; all other files are below `FOLDER`."""
FOLDER = "/pages/"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'none'",
    )
)
"""Nothing from outside, nothing inline, in nobody's frame; scripts read the forms."""
GUARDS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
CACHE = "no-cache"
"""Kept, and asked for again at each use: after an upgrade no old script talks to a new
API. The `ETag` tells of the file's bytes and of no version."""


class File(NamedTuple):
    """A file as it is served; *etag* in its quotes."""

    body: bytes
    kind: str
    etag: str

    def headers(self) -> dict[str, str]:
        """What goes with it, and with word that it is unchanged."""
        return {"ETag": self.etag, "Cache-Control": CACHE, **GUARDS}

    def is_known(self, if_none_match: str) -> bool:
        """Whether a browser has it; it may name several, and says `W/` behind proxies
        that compress."""
        tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
        return self.etag in tags


def files() -> Mapping[str, File]:
    """Every file by the path that it is served at."""
    here = Path(__file__).parent
    return {
        ADDRESSES.get(path.name, FOLDER + path.name): _read(path)
        for path in sorted(here.iterdir())
        if path.suffix in KINDS
    }


def _read(path: Path) -> File:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:32]
    return File(body, KINDS[path.suffix], f'"{digest}"')
