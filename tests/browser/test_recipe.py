"""A recipe link rebuilds a run in another browser."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.train_page import click, copied, drawn, fakes, iteration, pause, wait_for


def test_a_recipe_link_rebuilds_a_run_in_another_browser(visit: Visit) -> None:
    page = visit(size=(1280, 720))
    click(page, "start")
    wait_for(page, lambda: iteration(page) >= 20, "it trains", 30)
    order = page.locator(".st-key-update_order button", has_text="G first")
    order.click()
    page.wait_for_url(re.compile("update_order=g_first"))
    reached = iteration(page)
    wait_for(page, lambda: iteration(page) >= reached + 60, "it trains with the change", 30)
    pause(page)
    click(page, "step_d")
    expect(page.get_by_text("One update of D alone")).to_be_visible(timeout=30_000)
    drawn(page)
    reached, shown, address = iteration(page), fakes(page), copied(page, "copy_recipe_link")
    query = parse_qs(urlsplit(address).query)
    assert query["iterations"] == [str(reached)]
    assert re.fullmatch(rf"\d+:update_order=g_first,{reached}:update=D", query["changes"][0])
    assert "update_order=g_first," in address, "it can be read"
    again = visit(f"?{urlsplit(address).query}", (1280, 720), drawn=False)
    rebuilding = again.locator(".st-key-text_message")
    expect(rebuilding).to_contain_text("Rebuilding the run", timeout=40_000)
    bar = rebuilding.locator("progress")
    wait_for(again, lambda: float(bar.evaluate("bar => bar.value")) > 0.2, "the bar grows", 30)
    expect(again.get_by_text(f"Rebuilt up to iteration {reached:,}.")).to_be_visible(timeout=60_000)
    expect(again.locator(".st-key-start button:enabled:visible").first).to_be_visible(timeout=30_000)
    drawn(again)
    assert iteration(again) == reached
    assert fakes(again) == shown
    assert "update_order=g_first" in again.url
    assert "changes=" not in again.url
    assert copied(again, "copy_recipe_link") == address
