"""The Step through page in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.train_page import click, drawn, iteration, pause, wait_for

pytestmark = pytest.mark.browser


def open_step_through(page: Page) -> None:
    """Open the page by its link."""
    page.get_by_role("link", name="Step through").click()
    page.locator(".st-key-walk_stage button:enabled").first.wait_for(timeout=15_000)


def lit_lines(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".st-key-walk_code .lit").all_inner_texts()]


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
            expect(page.locator(".st-key-walk_push img")).to_have_count(8)
    wait_for(page, lambda: iteration(page) == 2, "the iteration is counted")


def test_settings_and_run_survive_a_reload_and_a_change_of_page(page: Page) -> None:
    batch = page.locator(".st-key-batch_size input")
    batch.fill("64")
    batch.press("Enter")
    page.wait_for_url(re.compile("batch_size=64"))
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
    page.locator(".st-key-start button:enabled").first.wait_for()
    drawn(page)
    expect(page.locator(".st-key-batch_size input")).to_have_value("64")
    assert iteration(page) == done
    assert "Changed:" not in page.locator("body").inner_text()
    click(page, "start")
    wait_for(page, lambda: iteration(page) > done, "the same run trains on")
    pause(page)


def test_the_laboratory_shows_pytorchs_own_message(page: Page) -> None:
    open_step_through(page)
    page.get_by_role("tab", name="Detach laboratory").click()
    page.locator(".st-key-lab_detach label").first.click()
    page.locator(".st-key-lab_reuse_fakes label").first.click()
    click(page, "lab_try")
    expect(page.get_by_text("Trying to backward through the graph a second time")).to_be_visible(timeout=15_000)
    assert iteration(page) == 0
