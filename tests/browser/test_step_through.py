"""The Step through page in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.train_page import click, drawn, iteration, pause, set_batch_size, wait_for

pytestmark = pytest.mark.browser


def open_step_through(page: Page) -> None:
    """Open the page by its link."""
    page.get_by_role("link", name="Step through").click()
    page.locator(".st-key-walk_stage button:enabled").first.wait_for(timeout=40_000)


def lit_lines(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".st-key-walk_code .lit").all_inner_texts()]


def box(page: Page, selector: str) -> tuple[float, float]:
    """Return the upper and the lower edge of what is visible under this selector."""
    found = page.locator(f"{selector}:visible").first.bounding_box()
    assert found is not None, selector
    return found["y"], found["y"] + found["height"]


def lit_lines_are_in_the_box(page: Page) -> bool:
    top, bottom = box(page, ".st-key-walk_code .listing")
    edges = [place for line in page.locator(".st-key-walk_code .lit").all() if (place := line.bounding_box())]
    return bool(edges) and all(top - 1 <= edge["y"] and edge["y"] + edge["height"] <= bottom + 1 for edge in edges)


def overflow(page: Page) -> int:
    """Return how many pixels of the open tab are out of view."""
    found: int = page.locator(".st-key-walk_tabs [role=tabpanel]:visible").evaluate(
        "e => e.scrollHeight - e.clientHeight"
    )
    return found


SIZES = ((1280, 720), (1440, 900), (1920, 1080))
WITH_CHART = (6, 7, 13, 14)  # stages


def check_all_is_in_view(page: Page, height: int, stage: int) -> None:
    wait_for(page, lambda: overflow(page) == 0, f"stage {stage} fits: {overflow(page)} pixels do not")
    top, bottom = box(page, ".st-key-walk_page")
    assert bottom - top <= height - 130, "the window without the rows above and the margin below"
    assert box(page, ".st-key-walk_code .listing")[1] <= bottom
    wait_for(page, lambda: lit_lines_are_in_the_box(page), "the lit lines are in view")


def check_the_chart_follows_the_window(page: Page) -> None:
    """It fills its place, is no higher than the window, and its type grows as the text beside it does."""
    follows = """() => {
        const chart = document.querySelector(".st-key-walk_tabs .plot"), {width, height} = chart._fullLayout;
        const size = (element) => parseFloat(getComputedStyle(element).fontSize);
        const text = size(document.querySelector(".st-key-walk_tabs th")), label = size(chart.querySelector(".ytick text"));
        return Math.abs(width - chart.clientWidth) < 2 && Math.abs(height - chart.clientHeight) < 2
            && height < 0.6 * innerHeight && Math.abs(label / text - 12 / 14) < 0.02;
    }"""
    page.wait_for_function(follows, timeout=30_000)


def check_the_position_is_uncovered(page: Page) -> None:
    """The tooltip of the button that was clicked does not lie on it."""
    tooltips = page.locator("[data-testid=stTooltipContent]")
    if tooltips.count() and (tooltip := tooltips.first.bounding_box(timeout=1000)):
        assert tooltip["y"] + tooltip["height"] <= box(page, ".st-key-walk_head p")[0]


def test_all_of_a_stage_is_in_view_without_scrolling(visit: Visit) -> None:
    page = visit(size=SIZES[0])
    open_step_through(page)
    for stage in range(1, 15):
        click(page, "walk_stage")
        at = f"D, stage {stage} of 7" if stage < 8 else f"G, stage {stage - 7} of 7"
        expect(page.get_by_text(re.compile(at))).to_be_visible()
        drawn(page)
        check_the_position_is_uncovered(page)
        check_all_is_in_view(page, SIZES[0][1], stage)
        if stage not in WITH_CHART:
            continue
        page.locator(".st-key-walk_tabs .main-svg:visible").first.wait_for()
        for width, height in reversed(SIZES):
            page.set_viewport_size({"width": width, "height": height})
            check_all_is_in_view(page, height, stage)
            check_the_chart_follows_the_window(page)
    for name in page.get_by_role("tab").all_inner_texts():
        expect(page.get_by_role("tab", name=name)).to_be_in_viewport(ratio=1)


def test_the_code_scrolls_to_the_lit_line(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server}/walk?update_order=simultaneous&g_steps=3")
    page.locator(".st-key-walk_stage button:enabled").first.wait_for(timeout=40_000)
    listing = page.locator(".st-key-walk_code .listing")
    listing.wait_for()
    assert listing.evaluate("e => e.scrollHeight > e.clientHeight"), "this loop is longer than its box"
    for network in ("D and G", "G", "G"):
        click(page, "walk_turn")
        expect(page.get_by_text(re.compile(rf"\({network}\).*stage 7 of 7"))).to_be_visible()
        wait_for(page, lambda: lit_lines_are_in_the_box(page), "the lit line is in view")
    wait_for(page, lambda: listing.evaluate("e => e.scrollTop") > 0, "it has scrolled")
    page.set_viewport_size({"width": 1280, "height": 560})
    wait_for(page, lambda: lit_lines_are_in_the_box(page), "it stays in view in a lower window")


def test_on_a_phone_what_the_stage_made_comes_before_the_code(page: Page) -> None:
    open_step_through(page)
    click(page, "walk_stage")
    expect(page.get_by_text(re.compile("stage 1 of 7"))).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    wait_for(
        page, lambda: box(page, ".st-key-walk_tabs")[1] <= box(page, ".st-key-walk_code")[0], "one below the other"
    )
    assert box(page, ".st-key-walk_head")[1] <= box(page, ".st-key-walk_tabs")[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator(".st-key-walk_real img").last).to_be_in_viewport()
    click(page, "walk_turn")
    page.locator(".st-key-walk_tabs .main-svg:visible").first.wait_for()
    check_the_chart_follows_the_window(page)


def test_every_stage_of_an_iteration_is_shown(page: Page) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "a step")
    open_step_through(page)
    expected = {
        1: ["real = next(batches)", "noise = torch.randn(128, 100)"],
        2: ["fake = generator(noise).detach()"],
        4: [
            "real_loss = bce(real_logits, ones)",
            "fake_loss = bce(fake_logits, zeros)",
            "d_loss = (real_loss + fake_loss) / 2",
        ],
        7: ["d_optimizer.step()"],
        11: ["g_loss = bce(fake_logits, ones)"],
        13: ["g_loss.backward()"],
        21: ["g_optimizer.step()"],
    }
    for stage in range(1, 22):
        click(page, "walk_stage")
        update, at = (stage - 1) // 7 + 1, (stage - 1) % 7 + 1
        expect(page.get_by_text(re.compile(rf"Iteration 2 · update {update} of 3 .*stage {at} of 7"))).to_be_visible()
        if stage in expected:
            wait_for(page, lambda stage=stage: lit_lines(page) == expected[stage], f"lines of stage {stage}")  # type: ignore[misc]
        if stage == 3:
            captions = page.locator(".st-key-walk_real figcaption")
            expect(captions).to_have_count(8)
            assert all(0 <= float(text) <= 1 for text in captions.all_inner_texts())
        if stage == 7:
            expect(page.get_by_text("D's step moved D's weights. G's stay as they are")).to_be_visible()
        if stage == 13:
            expect(page.locator(".st-key-walk_sample_gradient img")).to_have_count(8)
    wait_for(page, lambda: iteration(page) == 2, "the iteration is counted")


def test_settings_and_run_survive_a_reload_and_a_change_of_page(page: Page) -> None:
    set_batch_size(page, 64)
    open_step_through(page)
    page.reload()
    page.locator(".st-key-walk_stage button:enabled").first.wait_for(timeout=20_000)
    expect(page.locator(".st-key-walk_code .line", has_text="torch.randn(64, 100)").first).to_be_visible()
    for _ in range(3):
        click(page, "walk_stage")
    expect(page.get_by_text(re.compile("stage 3 of 7"))).to_be_visible()
    click(page, "start")
    wait_for(page, lambda: iteration(page) >= 2, "it runs on")
    click(page, "pause")
    page.locator(".st-key-walk_stage button:enabled").first.wait_for()
    drawn(page)
    done = iteration(page)
    page.get_by_role("link", name="Train").click()
    page.locator(".st-key-start button:enabled:visible").first.wait_for()
    drawn(page)
    expect(page.get_by_text("batch 64")).to_be_visible()
    assert iteration(page) == done
    assert "Waits for Reset" not in page.locator("body").inner_text()
    click(page, "start")
    wait_for(page, lambda: iteration(page) > done, "the same run trains on")
    pause(page)


def test_the_laboratory_shows_pytorchs_own_message(page: Page) -> None:
    open_step_through(page)
    page.get_by_role("tab", name="Detach laboratory").click()
    page.locator(".st-key-lab_detach label").first.click()
    page.locator(".st-key-lab_reuse_fakes label").first.click()
    click(page, "lab_try")
    expect(page.get_by_text("Trying to backward through the graph a second time")).to_be_visible(timeout=30_000)
    assert iteration(page) == 0
