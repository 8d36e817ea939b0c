"""One Chromium and one Ordo for all tests here; a page of its own for each test.

Playwright's own loop rests in this thread for as long as the browser runs, so these
tests are plain functions, and it ends with this folder and not with the session.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.desk import Desk
from tests.support.processes import ROOT, TOKEN

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = (1280, 800)
PICTURES = ROOT / "docs" / "pictures"
WRITE = "WRITE_PICTURES"
"""In the environment: pictures go to the docs, and else nowhere that stays."""
WITHIN = 6_000
"""Milliseconds in which a thing must show itself, on a machine with other work."""


class Tab:
    """A page of the browser, and what went wrong in it.

    Attributes:
        page: Playwright's.
        complaints: what the console was told of: errors, warnings, violations.
    """

    def __init__(self, page: Page, desk: Desk) -> None:
        self.page = page
        self.desk = desk
        self.complaints: list[str] = []
        page.on("console", self._told)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _told(self, message: object) -> None:
        kind, text = message.type, message.text  # type: ignore[attr-defined]
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open(self, path: str = "/", token: str | None = TOKEN) -> Page:
        """Open a page; with *token* it is typed in."""
        self.page.goto(f"{self.desk.url}{path}")
        if token is not None:
            self.page.get_by_label("Token").fill(token)
            self.page.get_by_role("button", name="Log in").click()
        return self.page

    def width(self) -> tuple[int, int]:
        """How wide what it shows is, and how wide it is itself."""
        root = "document.documentElement"
        found = self.page.evaluate(f"[{root}.scrollWidth, {root}.clientWidth]")
        return found[0], found[1]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium is not None, "wanted chromium, found none: make browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[*FLAGS], handle_sigint=False
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(stack, tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """The Ordo, trading, with no order that is open by a test before."""
    yield shared_desk
    shared_desk.switch(engaged=False)
    shared_desk.cancel_all()


@pytest.fixture
def make_tab(browser: Browser, desk: Desk) -> Iterator[Callable[..., Tab]]:
    """Tabs of *size*, in the colours of *scheme*; none may have complained at the end
    but as the test says itself, by emptying `complaints`."""
    expect.set_options(timeout=WITHIN)
    tabs: list[Tab] = []
    with ExitStack() as stack:

        def make(size: tuple[int, int] = WIDE, scheme: str = "light") -> Tab:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme=scheme,  # type: ignore[arg-type]
                device_scale_factor=1,
                locale="en-GB",
                timezone_id="Asia/Kolkata",
            )
            stack.callback(context.close)
            tabs.append(Tab(context.new_page(), desk))
            return tabs[-1]

        yield make
    assert [words for tab in tabs for words in tab.complaints] == []


@pytest.fixture
def tab(make_tab: Callable[..., Tab]) -> Tab:
    return make_tab()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go."""
    if not os.environ.get(WRITE):
        return tmp_path
    PICTURES.mkdir(exist_ok=True)
    return PICTURES
