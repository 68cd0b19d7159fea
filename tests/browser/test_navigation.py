"""Back, Forward, links and reload in a real browser: settings and run stay as they were."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from gan_core.config import GANConfig
from tests.browser.conftest import WIDE, Visitors, wait_until_drawn
from tests.browser.train_page import click, drawn, iteration, open_popover, wait_for

pytestmark = pytest.mark.browser

MINE = GANConfig(update_order="g_first")  # what the run trains with; BatchNorm waits for Reset


def link(page: Page, title: str) -> None:
    """Go to a page by its link."""
    page.get_by_role("link", name=title).first.click()


def run_config(page: Page) -> GANConfig:
    """Return the settings that the run trains with, from the file with them."""
    open_popover(page, "downloads", ".st-key-download_config button")
    with page.expect_download(timeout=20_000) as waiting:
        click(page, "download_config")
    page.keyboard.press("Escape")
    return GANConfig.from_json(waiting.value.path().read_bytes())


def settings_in_address(page: Page) -> dict[str, list[str]]:
    """Return what the address says of the settings."""
    query = parse_qs(urlsplit(page.url).query)
    return {name: query[name] for name in query if name != "run"}


def on_step_through(page: Page) -> None:
    page.locator(".st-key-walk_stage").first.wait_for(timeout=20_000)
    drawn(page)


def on_train(page: Page) -> None:
    page.locator(".st-key-plot_losses .main-svg").first.wait_for(timeout=20_000)
    drawn(page)


def check_settings(page: Page) -> None:
    """Check the widgets of the Train page, the address, and that only BatchNorm waits."""
    expect(page.locator(".st-key-update_order").get_by_role("radio", name="G first")).to_be_checked(timeout=30_000)
    expect(page.locator(".st-key-generator_batch_norm input")).not_to_be_checked()
    expect(page.get_by_text("Waits for Reset: G BatchNorm.")).to_be_visible()
    wanted = {"speed": ["25"], "update_order": ["g_first"], "generator_batch_norm": ["false"]}
    wait_for(page, lambda: settings_in_address(page) == wanted, f"the address has {wanted}, not {page.url}")
    assert run_config(page) == MINE


def check_it_trains(page: Page) -> None:
    """Check that the run goes on by itself."""
    shown = iteration(page)
    assert shown > 0
    wait_for(page, lambda: iteration(page) > shown, "the run goes on")


@pytest.fixture(scope="module")
def run_page(visitors: Visitors, server: str) -> Iterator[Page]:
    """A run that trains, with a live setting and another changed."""
    page = visitors.come(f"{server}/?speed=25", WIDE, "light")
    wait_until_drawn(page)
    click(page, "start")
    wait_for(page, lambda: iteration(page) > 0, "it trains")
    page.locator(".st-key-update_order").get_by_text("G first").click()
    page.locator(".st-key-generator_batch_norm label").first.click()
    check_settings(page)
    yield page
    visitors.leave(page)


@pytest.fixture
def training(run_page: Page) -> Iterator[Page]:
    """The same run for every test, which leaves it as it was."""
    yield run_page
    on_train(run_page)
    check_it_trains(run_page)
    check_settings(run_page)


def test_a_link_and_a_link_back_leave_settings_and_run(training: Page) -> None:
    link(training, "Step through")
    on_step_through(training)
    link(training, "Train")


def test_one_back_leaves_settings_and_run(training: Page) -> None:
    link(training, "Step through")
    on_step_through(training)
    training.go_back()


def test_back_forward_and_back_leave_settings_and_run(training: Page) -> None:
    link(training, "Step through")
    on_step_through(training)
    training.go_back()
    on_train(training)
    check_settings(training)
    training.go_forward()
    on_step_through(training)
    training.go_back()


def test_a_reload_leaves_settings_and_run(training: Page) -> None:
    training.reload()


def test_a_reload_of_the_step_through_page_leaves_settings_and_run(training: Page) -> None:
    link(training, "Step through")
    on_step_through(training)
    training.wait_for_url(re.compile("g_first"))
    training.reload()
    on_step_through(training)
    training.go_back()


def test_back_after_a_reload_leaves_settings_and_run(training: Page) -> None:
    training.reload()
    on_train(training)
    link(training, "Step through")
    on_step_through(training)
    training.go_back()


def test_opening_the_same_address_leaves_settings_and_run(training: Page) -> None:
    training.goto(training.url)


def test_a_changed_setting_makes_no_entry_in_the_browsers_history(training: Page) -> None:
    before = training.evaluate("history.length")
    training.locator(".st-key-update_order").get_by_text("D first").click()
    training.wait_for_url(lambda url: "update_order" not in url)
    training.locator(".st-key-update_order").get_by_text("G first").click()
    training.wait_for_url(re.compile("update_order"))
    assert training.evaluate("history.length") == before


def test_a_setting_changed_after_back_is_kept_by_the_next_back(training: Page) -> None:
    link(training, "Step through")
    on_step_through(training)
    training.go_back()
    on_train(training)
    training.locator(".st-key-update_order").get_by_text("D first").click()
    training.wait_for_url(lambda url: "update_order" not in url)
    link(training, "Step through")
    on_step_through(training)
    training.go_back()
    on_train(training)
    assert run_config(training) == GANConfig()
    training.locator(".st-key-update_order").get_by_text("G first").click()
