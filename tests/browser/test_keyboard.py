"""The Train page by keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.train_page import drawn, iteration, wait_for

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """Return the key of the widget that has the keyboard's focus, also inside a component."""
    found: str = page.evaluate(
        "() => document.activeElement.closest('[class*=st-key-]')?.className.match(/st-key-(\\S+)/)[1] ?? 'nothing'"
    )
    return found


def test_the_keyboard_keeps_its_place_when_start_becomes_pause(page: Page) -> None:
    page.locator(".st-key-start button").first.focus()
    page.keyboard.press("Enter")
    wait_for(page, lambda: focused(page) == "pause", "the focus is on Pause")
    wait_for(page, lambda: iteration(page) > 0, "it trains")
    drawn(page)
    page.keyboard.press("Enter")
    wait_for(page, lambda: focused(page) == "start", "the focus is back on Start")


def test_the_keyboard_keeps_its_place_when_a_layer_is_added(page: Page) -> None:
    page.get_by_role("button", name="Generator: add a hidden layer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Generator, hidden layer 4, units")).to_be_visible()
    assert focused(page) == "picture_generator_hidden"


def test_tab_leaves_why_and_escape_closes_it_while_the_run_trains(page: Page) -> None:
    page.keyboard.press("p")
    why = page.locator(".why")
    why.wait_for(timeout=30_000)
    why.focus()
    page.keyboard.press("Enter")
    explanation = page.locator(".explanation")
    expect(explanation).to_be_visible()
    shown = iteration(page)
    wait_for(page, lambda: iteration(page) > shown + 5, "the text changes")
    expect(explanation).to_be_visible()
    assert focused(page) == "text_message"
    page.keyboard.press("Escape")
    expect(explanation).to_be_hidden()
    page.keyboard.press("Tab")
    wait_for(page, lambda: focused(page) != "text_message", "Tab goes on")


def test_a_wrong_size_in_the_drawing_is_refused_with_a_sentence(page: Page) -> None:
    first = page.locator(".st-key-picture_generator_hidden").get_by_label("Generator, hidden layer 1, units")
    for wrong in ("0", "-5", "1.5", "99999"):
        first.fill(wrong)
        first.press("Enter")
        expect(page.get_by_text(f"{wrong}, 512, 1024").first).to_be_visible()
    expect(page.get_by_text("each from 1 to 4096").first).to_be_visible()
    page.get_by_role("button", name="Undo changes").click()
    expect(first).to_have_value("256")


def test_start_is_among_the_first_tab_stops(page: Page) -> None:
    page.evaluate("() => document.activeElement.blur()")
    stops = []
    for _ in range(8):
        page.keyboard.press("Tab")
        stops.append(focused(page))
    assert "start" in stops, stops


def test_shortcuts_start_pause_and_step(page: Page) -> None:
    page.keyboard.press("s")
    wait_for(page, lambda: iteration(page) == 1, "a step")
    drawn(page)
    page.keyboard.press("p")
    wait_for(page, lambda: iteration(page) > 1, "it trains")
    page.keyboard.press("p")
    expect(page.locator(".st-key-start button:enabled:visible").first).to_be_visible()
    page.locator(".st-key-step button").first.hover()
    expect(page.get_by_text("Key: S").first).to_be_visible()
