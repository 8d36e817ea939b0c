"""The docs' pictures: made of a desk at work, each small enough to be kept.

`make pictures` writes them to docs/pictures; otherwise nothing of them stays.
"""

from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk

MOST = 150_000
"""Bytes of a picture: the repository keeps every one it ever had."""


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory):
    """One of its own: no other test's orders are in the pictures."""
    with ExitStack() as stack:
        desk = Desk(stack, tmp_path_factory.mktemp("pictures"))
        desk.log_in("fyers-main")
        desk.place(symbol="NSE:INFY", price=1488.5, quantity=40, portfolio_id="swing-1")
        desk.lose_next_order()
        desk.place("fyers-main", quantity=15)
        desk.place("fyers-main", side="SELL", price=815, quantity=15)
        leg = desk.place(symbol="NSE:RELIANCE", price=1290, quantity=100)
        path = f"/api/v1/orders/{leg['order_id']}/simulate_fill"
        fill = {"fills": [{"fill_price": 1290, "fill_qty": 60}]}
        desk.client.post(path, json=fill).raise_for_status()
        yield desk


@pytest.fixture
def desk(shared_desk):
    """A log-in missing, a part filled, and an order of which nobody knows."""
    return shared_desk


def keep(page, folder, name, **more):
    """Take a picture; it must be small."""
    file = folder / f"{name}.png"
    page.screenshot(path=file, animations="disabled", **more)
    assert 10_000 < file.stat().st_size < MOST


def test_of_the_operations_page(make_tab, desk, pictures):
    tab = make_tab((1240, 860))
    page = tab.open()
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#orders tr.unknown")).to_be_visible()
    keep(page, pictures, "operations")


def test_of_the_api_page(make_tab, desk, pictures):
    tab = make_tab((1240, 860))
    page = tab.open("/docs#get_orders")
    form = page.locator("details#get_orders form.trial")
    form.get_by_label("broker").fill("paper")
    form.get_by_label("limit").fill("1")
    form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_contain_text('"orders"')
    keep(page, pictures, "docs")


def test_of_the_operations_page_on_a_phone_while_halted(make_tab, desk, pictures):
    tab = make_tab((390, 900), "dark")
    desk.switch(engaged=True, reason="fyers-main shows prices of yesterday")
    page = tab.open()
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#orders tr.unknown")).to_have_count(1)
    keep(page, pictures, "operations-phone")
