"""The operations page, as a person at a browser meets it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.desk import ORDER, OTP
from tests.support.processes import run_ordo

PHONE = (360, 740)
SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
UNKNOWN = "orders may have arrived|order may have arrived"


def row(page, order_id):
    return page.locator(f"#order-{order_id}")


def broker(page, name):
    return page.locator(f"#broker-{name}")


def is_live(page):
    expect(page.locator("#link")).to_have_text("live")


def test_it_asks_for_a_token_and_says_why_a_wrong_one_will_not_do(tab):
    page = tab.open(token="wrong")
    expect(page.get_by_role("alert")).to_contain_text("not known, revoked or expired")
    expect(page.locator("#desk")).to_be_hidden()
    (words,) = tab.complaints
    assert "status of 401" in words
    tab.complaints.clear()
    page.get_by_label("Token").fill("with a blank")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("without blanks")


def test_the_token_stays_in_its_tab_and_goes_with_the_log_out(tab):
    page = tab.open()
    is_live(page)
    page.reload()
    is_live(page)
    kept = "[localStorage.length, document.cookie, location.href]"
    assert page.evaluate(kept) == [0, "", f"{tab.desk.url}/"]
    other = page.context.new_page()
    other.goto(tab.desk.url)
    expect(other.get_by_label("Token")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Token")).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0


def test_an_order_that_is_placed_elsewhere_appears_by_itself_and_goes_when_it_ends(tab):
    page = tab.open()
    is_live(page)
    leg = tab.desk.place(quantity=25, note="from elsewhere")
    shown = row(page, leg["order_id"])
    for words in ("acked", "paper", "NSE:SBIN", "BUY", "0 / 25", "LIMIT 800"):
        expect(shown).to_contain_text(words)
    expect(shown).to_contain_text("from elsewhere")
    fill = {"fills": [{"fill_price": 800, "fill_qty": 10}]}
    path = f"/api/v1/orders/{leg['order_id']}"
    tab.desk.client.post(f"{path}/simulate_fill", json=fill)
    expect(shown).to_contain_text("10 / 25")
    tab.desk.client.delete(path)
    expect(shown).to_have_count(0)
    expect(page.locator("#events")).to_contain_text("order.cancelled")


def test_halting_with_a_reason_stops_and_releasing_goes_on(tab):
    page = tab.open()
    page.get_by_role("button", name="Halt trading…").click()
    dialog = page.get_by_role("dialog", name="Halt trading")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    dialog.get_by_role("button", name="Halt trading now").click()
    assert tab.desk.client.get("/api/v1/kill-switch").json()["data"]["engaged"] is False
    dialog.get_by_label("Reason").fill("prices look wrong")
    dialog.get_by_role("button", name="Halt trading now").click()
    halted = page.get_by_role("heading", name="Trading is halted")
    expect(halted).to_be_visible()
    expect(page.locator("#switch")).to_contain_text("prices look wrong")
    expect(page).to_have_title(re.compile("HALTED"))
    assert halted.evaluate("one => parseFloat(getComputedStyle(one).fontSize)") >= 26
    answer = tab.desk.client.post(
        "/api/v1/orders", json={"brokers": ["paper"], "orders": [ORDER]}
    )
    assert answer.json()["error_code"] == "kill_switch_engaged"
    page.get_by_role("button", name="Release…").click()
    dialog = page.get_by_role("dialog", name="Release the kill-switch")
    expect(dialog).to_contain_text("prices look wrong")
    dialog.get_by_role("button", name="Cancel").click()
    expect(halted).to_be_visible()
    page.get_by_role("button", name="Release…").click()
    dialog.get_by_role("button", name="Release and trade on").click()
    expect(page.get_by_role("heading", name="Trading is on")).to_be_visible()
    assert tab.desk.place()["status"] == "acked"


def test_a_halt_can_cancel_what_is_open_and_shows_how_far_that_is(tab):
    order_id = tab.desk.place()["order_id"]
    page = tab.open()
    expect(row(page, order_id)).to_be_visible()
    page.get_by_role("button", name="Halt trading…").click()
    page.get_by_label("Reason").fill("the end of the day")
    page.get_by_label("Cancel all open orders").check()
    page.get_by_role("button", name="Halt trading now").click()
    expect(page.locator("#switch")).to_contain_text("Cancels of open orders: 1 of 1")
    expect(row(page, order_id)).to_have_count(0)


def test_a_halt_from_elsewhere_shows_itself_and_is_spoken(tab):
    page = tab.open()
    is_live(page)
    tab.desk.switch(engaged=True, reason="by the second door")
    expect(page.get_by_role("heading", name="Trading is halted")).to_be_visible()
    expect(page.locator("#spoken")).to_have_text("Trading is halted")


def test_the_keyboard_is_enough_to_halt(tab):
    page = tab.open()
    button = page.get_by_role("button", name="Halt trading…")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.type("a reason that is left")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("by hand")
    page.keyboard.press("Enter")
    expect(page.locator("#switch")).to_contain_text("by hand")
    assert tab.desk.client.get("/api/v1/kill-switch").json()["data"]["engaged"] is True


def test_a_token_that_may_only_read_is_told_so(tab):
    made = run_ordo("--config", str(tab.desk.config), "token", "new", "--scope", "read")
    page = tab.open(token=made.stdout.split()[-1])
    page.get_by_role("button", name="Halt trading…").click()
    page.get_by_label("Reason").fill("no")
    page.get_by_role("button", name="Halt trading now").click()
    expect(page.get_by_role("dialog")).to_contain_text("wanted scope trade, found read")
    assert len(tab.complaints) == 1  # the browser tells of the 403
    tab.complaints.clear()


def test_a_code_is_typed_here_and_a_wrong_one_can_be_corrected(tab):
    page = tab.open()
    expect(broker(page, "hdfc-main")).to_contain_text("login required")
    page.get_by_role("button", name="Log in to hdfc-main").click()
    dialog = page.get_by_role("dialog", name="Log in to hdfc-main")
    code = dialog.locator("input")
    expect(code).to_have_attribute("type", "password")
    code.fill("000000")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Invalid OTP")
    code.fill(OTP)
    page.keyboard.press("Enter")
    expect(broker(page, "hdfc-main")).to_contain_text("connected")
    expect(broker(page, "hdfc-main")).to_contain_text("until")
    expect(dialog).to_have_count(0)
    assert OTP not in page.content()
    tab.desk.log_out("hdfc-main")
    expect(broker(page, "hdfc-main")).to_contain_text("logged out")


def test_a_brokers_own_page_opens_and_comes_back_by_itself(tab):
    page = tab.open()
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Log in to fyers-main").click()
    came = opened.value
    expect(came.get_by_role("heading")).to_have_text("Logged in")
    assert came.evaluate("window.opener") is None
    expect(broker(page, "fyers-main")).to_contain_text("connected")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_unknown_order_stands_out_and_stands_first(tab):
    tab.desk.log_in("fyers-main")
    page = tab.open()
    is_live(page)
    tab.desk.place()
    tab.desk.lose_next_order()
    leg = tab.desk.place("fyers-main")
    assert leg["status"] == "unknown"
    shown = row(page, leg["order_id"])
    expect(shown).to_have_class("unknown")
    expect(shown).to_contain_text("it may have arrived")
    expect(row(page, tab.desk.place()["order_id"])).to_be_visible()
    first = page.locator("#orders tbody tr").first
    expect(first).to_have_attribute("id", f"order-{leg['order_id']}")
    expect(page.locator("#attention")).to_contain_text(re.compile(UNKNOWN))


def test_what_looks_like_a_script_is_shown_as_text(tab):
    page = tab.open()
    is_live(page)
    leg = tab.desk.place(note=SCRIPT)
    tab.desk.switch(engaged=True, reason=SCRIPT)
    expect(row(page, leg["order_id"])).to_contain_text(SCRIPT)
    expect(page.locator("#switch .reason")).to_have_text(SCRIPT)
    expect(page.locator("#events")).to_contain_text(SCRIPT)
    assert page.locator("main img, main script").count() == 0


def test_nothing_that_is_put_into_the_page_could_run(tab):
    page = tab.open(token=None)
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.ran = true'}))"
    )
    assert page.evaluate("window.ran") is None
    with_style = "document.body.setAttribute('style', 'color: red')"
    page.evaluate(with_style)
    assert len(tab.complaints) == 2
    assert all("Content Security Policy" in words for words in tab.complaints)
    tab.complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_cut_off(make_tab, scheme):
    tab = make_tab(PHONE, scheme)
    tab.desk.place(note="W" * 256, symbol="NFO:NIFTY28MAR2420800CE", quantity=10_000)
    page = tab.open()
    is_live(page)
    expect(page.locator("#orders tbody tr")).not_to_have_count(0)
    assert tab.width() == (360, 360)
    page.get_by_role("button", name="Halt trading…").click()
    page.get_by_label("Reason").fill("x" * 256)
    assert tab.width() == (360, 360)
    page.get_by_role("button", name="Halt trading now").click()
    expect(page.locator("#switch .reason")).to_be_visible()
    assert tab.width() == (360, 360)


def test_every_control_has_a_name_and_every_table_its_headings(tab):
    page = tab.open()
    is_live(page)
    page.get_by_role("button", name="Halt trading…").click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, a, meter")].filter(
            (one) => !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0


def test_focus_stays_where_it_is_while_the_page_goes_on(tab):
    page = tab.open()
    is_live(page)
    button = page.get_by_role("button", name="Log in to hdfc-main")
    button.focus()
    leg = tab.desk.place()
    expect(row(page, leg["order_id"])).to_be_visible()
    expect(button).to_be_focused()


def test_a_fault_of_the_page_itself_is_not_hidden(tab):
    page = tab.open()
    is_live(page)
    page.evaluate("setTimeout(() => { throw new Error('planted') })")
    expect(page.locator("#stale")).to_contain_text("load it again (planted)")
    assert tab.complaints == ["planted"]
    tab.complaints.clear()


def test_a_restart_is_told_of_and_survived(tab):
    page = tab.open()
    is_live(page)
    tab.desk.ordo.stop()
    expect(page.locator("#link")).to_contain_text("no events")
    expect(page.locator("#stale")).to_contain_text("Ordo does not answer")
    tab.desk.start()
    leg = tab.desk.place()  # before it is connected again
    is_live(page)
    expect(page.locator("#stale")).to_be_hidden()
    expect(row(page, leg["order_id"])).to_be_visible()
    events = page.locator("#events li", has_text=leg["order_id"])
    expect(events).to_have_count(2)  # placed and acked, each once
    tab.complaints.clear()  # the browser tells of each try to connect
