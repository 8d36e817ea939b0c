"""The API page: the document, read and tried in a browser."""

import json
import re

from playwright.sync_api import expect

from ordo.http.routes import ROUTES
from tests.browser.desk import ORDER

PHONE = (360, 740)
CALLS = "#calls section > details"


def card(page, name):
    return page.locator(f"details#{name}")


def opened(page, name):
    """The form of a call, its card opened."""
    page.locator(f"details#{name} > summary").click()
    return card(page, name).locator("form.trial")


def newest(desk):
    orders = desk.client.get("/api/v1/orders?limit=1").json()["data"]["orders"]
    return orders[0]["note"] if orders else None


def test_it_shows_every_call_and_finds_one(tab):
    page = tab.open("/docs")
    expect(page.locator(CALLS)).to_have_count(len(ROUTES))
    page.get_by_label("Find a call").fill("kill-switch")
    expect(page.locator(f"{CALLS}:visible")).to_have_count(2)


def test_it_asks_for_a_token_and_says_why_a_wrong_one_will_not_do(tab):
    page = tab.open("/docs", token="wrong")
    expect(page.get_by_role("alert")).to_contain_text("not known, revoked or expired")
    expect(page.locator("#book")).to_be_hidden()
    tab.complaints.clear()  # the browser tells of the 401


def test_a_call_is_shown_with_its_fields_its_answers_and_its_errors(tab):
    page = tab.open("/docs")
    opened(page, "post_orders")
    shown = card(page, "post_orders")
    expect(shown).to_contain_text("trigger_price number or null")
    expect(shown).to_contain_text("list of OrderBody, required")
    refused = shown.locator("details.answer", has_text="idempotency_key_reused")
    refused.locator("summary").click()
    example = refused.get_by_label("Example idempotency_key_reused")
    expect(example).to_contain_text('"status": "error"')


def test_a_read_is_tried(tab):
    page = tab.open("/docs")
    form = opened(page, "get_status")
    form.get_by_role("button", name="Send").click()
    expect(form.locator(".came")).to_contain_text("200")
    expect(form.locator("pre")).to_contain_text('"kill_switch": {')
    expect(form.locator(".came")).to_contain_text("Server-Timing: ordo;dur=")


def test_a_path_and_a_query_are_filled_in(tab):
    order_id = tab.desk.place()["order_id"]
    page = tab.open("/docs#get_orders_order_id")
    form = card(page, "get_orders_order_id").locator("form.trial")
    form.get_by_label("order_id").fill(order_id)
    form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_contain_text(order_id)
    form = opened(page, "get_quotes")
    form.get_by_label("brokers").fill("paper")
    form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_contain_text('"last_price"')


def test_an_order_is_sent_after_one_more_question(tab):
    page = tab.open("/docs#post_orders")
    form = card(page, "post_orders").locator("form.trial")
    body = form.get_by_label("Body")
    expect(body).to_have_value(re.compile("NSE:SBIN"))
    order = {"brokers": ["paper"], "orders": [{**ORDER, "note": "tried"}]}
    body.fill(json.dumps(order))
    form.get_by_role("button", name="Send").click()
    dialog = page.get_by_role("dialog", name="Send this to Ordo?")
    dialog.get_by_role("button", name="Cancel").click()
    assert newest(tab.desk) != "tried"
    form.get_by_role("button", name="Send").click()
    dialog.get_by_role("button", name="Send it").click()
    expect(form.locator("pre")).to_contain_text('"status": "acked"')
    assert newest(tab.desk) == "tried"


def test_a_refusal_is_shown_as_it_came(tab):
    page = tab.open("/docs#post_orders")
    form = card(page, "post_orders").locator("form.trial")
    form.get_by_label("Body").fill('{"orders": "<b>none</b>"}')
    form.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Send it").click()
    expect(form.locator(".came")).to_contain_text("422")
    expect(form.locator("pre")).to_contain_text("validation_failed")
    tab.complaints.clear()  # the browser tells of the 422


def test_the_events_come_until_they_are_stopped(tab):
    page = tab.open("/docs#get_events")
    form = card(page, "get_events").locator("form.trial")
    form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_contain_text("retry: 2000")
    order_id = tab.desk.place()["order_id"]
    expect(form.locator("pre")).to_contain_text(order_id)
    form.get_by_role("button", name="Stop").click()
    expect(form.locator(".came")).to_contain_text("Stopped.")


def test_on_a_phone_nothing_is_cut_off(make_tab):
    tab = make_tab(PHONE)
    page = tab.open("/docs#post_orders")
    expect(card(page, "post_orders").locator("form.trial")).to_be_visible()
    assert tab.width() == (360, 360)
