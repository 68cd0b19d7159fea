"""A recipe link rebuilds a run in another browser."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_saved_runs import context, opened
from tests.browser.train_page import click, drawn, fakes, iteration, open_popover, pause, wait_for

__all__ = ["context"]  # a fixture


def copied_recipe(page: Page) -> str:
    """Copy the recipe link, and return it."""
    open_popover(page, "share", ".st-key-copy_recipe_link")
    click(page, "copy_recipe_link")
    expect(page.locator(".st-key-copy_recipe_link")).to_contain_text("Copied")
    page.keyboard.press("Escape")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_recipe_link_rebuilds_a_run_in_another_browser(
    context: BrowserContext, browser: Browser, server: str
) -> None:
    page = opened(context, server)
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
    reached, shown, address = iteration(page), fakes(page), copied_recipe(page)
    query = parse_qs(urlsplit(address).query)
    assert query["iterations"] == [str(reached)]
    assert re.fullmatch(rf"\d+:update_order=g_first,{reached}:update=D", query["changes"][0])
    assert "update_order=g_first," in address, "it can be read"
    other = browser.new_context(
        viewport={"width": 1280, "height": 720}, permissions=["clipboard-read", "clipboard-write"]
    )
    again = other.new_page()
    again.goto(address, wait_until="commit")
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
    assert copied_recipe(again) == address
    other.close()
