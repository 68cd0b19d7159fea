"""Speed, stops, undo, presets and the link, in a real browser."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.train_page import chart, click, drawn, fakes, iteration, pause, wait_for

pytestmark = pytest.mark.browser


def test_undo_brings_back_a_trained_run_and_its_curve_is_shown_meanwhile(page: Page) -> None:
    for count in (1, 2, 3):
        click(page, "step")
        wait_for(page, lambda count=count: iteration(page) == count, "a step")  # type: ignore[misc]
    drawn(page)  # the images come after the iteration
    picture = fakes(page)
    click(page, "reset")
    wait_for(page, lambda: iteration(page) == 0, "reset")
    wait_for(page, lambda: "last run" in chart(page, "plot_losses")["x"], "its curve stays")
    click(page, "undo")
    wait_for(page, lambda: iteration(page) == 3, "the old run")
    wait_for(page, lambda: fakes(page) == picture, "with its images")


def test_run_to_an_iteration_pauses_there(page: Page) -> None:
    click(page, "run_to")
    page.locator(".st-key-run_until button:visible").wait_for()
    drawn(page)  # opening it draws the page again
    field = page.locator(".st-key-stop_iteration input")
    field.fill("12")
    field.press("Enter")
    click(page, "run_until")
    expect(page.get_by_text("Stopped at iteration 12, as you asked.")).to_be_visible(timeout=40_000)
    assert iteration(page) == 12


def test_run_to_a_value_pauses_at_the_first_iteration_that_has_it(page: Page) -> None:
    click(page, "run_to")
    page.locator(".st-key-run_until button:visible").wait_for()
    drawn(page)  # opening it draws the page again
    page.locator(".st-key-stop_metric [data-baseweb=select], .st-key-stop_metric [role=combobox]").first.click()
    page.get_by_role("option", name="D(x)", exact=True).click()
    value = page.locator(".st-key-stop_value input")
    value.fill("0.6")
    value.press("Enter")
    click(page, "run_until")
    expect(
        page.get_by_text(re.compile(r"Stopped at iteration \d+: its D\(x\), 0\.\d+, is above 0\.6\."))
    ).to_be_visible(timeout=40_000)
    wait_for(page, lambda: [0, *chart(page, "plot_scores")["y"]["D(x), raw"]][-1] > 0.6, "the last score is above")
    assert max(chart(page, "plot_scores")["y"]["D(x), raw"][:-1]) <= 0.6


def test_slow_motion_names_each_stage_and_lights_its_cells(page: Page) -> None:
    page.locator(".st-key-speed").get_by_text("slow", exact=True).click()
    click(page, "start")
    for stage, cell in (("Noise", "noise"), ("Scores", "discriminator"), ("Loss", "updates")):
        expect(page.locator(".st-key-text_message strong", has_text=stage).first).to_be_visible(timeout=30_000)
        expect(page.locator(f".st-key-cell_{cell}.lit-cell")).to_be_visible()
    page.locator(".st-key-speed").get_by_text("max", exact=True).click()
    expect(page.locator(".lit-cell")).to_have_count(0)
    pause(page)


def test_a_speed_limits_the_iterations_per_second(page: Page) -> None:
    page.locator(".st-key-speed").get_by_text("5", exact=True).click()
    click(page, "start")
    wait_for(page, lambda: iteration(page) >= 1, "it trains")
    before, began = iteration(page), time.monotonic()
    page.wait_for_timeout(3000)
    trained, seconds = iteration(page) - before, time.monotonic() - began
    assert 5 * seconds - 6 <= trained <= 5 * seconds + 4, "a page shows a run up to half a second late"
    pause(page)


def test_copy_link_copies_an_address_with_the_settings(page: Page) -> None:
    page.locator(".st-key-update_order").get_by_text("G first").click()
    page.wait_for_url(re.compile("update_order=g_first"))
    drawn(page)  # the link comes after the address
    click(page, "share")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith("?update_order=g_first")
    assert copied.startswith("http")


# Two clicks within some 20 ms, as no hand makes them, reach Streamlit before it has begun to work on the first, which it drops.
@pytest.mark.parametrize("milliseconds", [50, 150])
def test_start_right_after_a_preset_trains_the_preset(page: Page, milliseconds: int) -> None:
    page.locator("[class*=st-key-presets_] button:visible").first.click()
    page.locator(".st-key-preset_mode_collapse button:visible").wait_for()
    page.evaluate(
        """milliseconds => {
            const shown = key => [...document.querySelectorAll(`.st-key-${key} button`)].find(one => one.offsetParent);
            shown("preset_mode_collapse").click();
            setTimeout(() => shown("start")?.click(), milliseconds);
        }""",
        milliseconds,
    )
    page.wait_for_url(re.compile("dataset=eight_gaussians.*g_steps=5.*learning_rate_g=0.004"), timeout=30_000)
    wait_for(page, lambda: iteration(page) > 0, "it trains")
    drawn(page)
    assert "g_steps=5" in page.url


def test_the_axes_reach_to_the_data_of_a_run_that_undo_brings_back_in_place_of_an_untrained_one(page: Page) -> None:
    click(page, "start")
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 8, "it trains")
    pause(page)
    last = chart(page, "plot_losses")["x"]["D loss"]
    page.locator("[class*=st-key-presets_] button:visible").first.click()
    click(page, "preset_ring")
    wait_for(page, lambda: chart(page, "plot_losses")["range"] == [0, 100], "the new run's empty axes")
    click(page, "undo")
    wait_for(page, lambda: chart(page, "plot_losses")["range"] == [0, last], "the axes of the run that is back")
    assert chart(page, "plot_scores")["range"] == [0, last]
