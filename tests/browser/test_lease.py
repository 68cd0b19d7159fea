"""A run's process lives as long as a page that shows it is open, whatever the page does; later the run is saved."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.conftest import Visit, serve, wait_until_drawn
from tests.browser.train_page import click, iteration, wait_for

LEASE = 6_000  # milliseconds after which a run without an open page has surely ended
SMALL = "?generator_hidden=8&discriminator_hidden=8"


@pytest.fixture(scope="module")
def short_lease(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(tmp_path_factory, "tests.browser.short_lease")


def test_a_paused_page_that_asks_for_nothing_keeps_its_run(visit: Visit, short_lease: str) -> None:
    page = visit(SMALL, server=short_lease)
    click(page, "step")
    expect(page.locator(".st-key-status")).to_contain_text("Iteration 1")
    page.wait_for_timeout(LEASE)
    click(page, "step")
    expect(page.locator(".st-key-status")).to_contain_text("Iteration 2")
    expect(page.get_by_text("has ended")).to_have_count(0)


def test_a_connection_that_comes_back_within_seconds_does_not_pause_the_run(browser: Browser, short_lease: str) -> None:
    """Streamlit's frontend reconnects, and asks for no run of the script."""
    connections: list[WebSocketRoute] = []

    def through(connection: WebSocketRoute) -> None:
        connection.connect_to_server()
        connections.append(connection)

    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.route_web_socket(re.compile("_stcore/stream"), through)
    page.goto(f"{short_lease}/{SMALL}&speed=25", wait_until="commit")
    wait_until_drawn(page)
    click(page, "start")
    page.locator(".st-key-pause button:visible").wait_for()
    connections[-1].close()
    wait_for(page, lambda: len(connections) == 2, "the page has connected again", 5)
    page.wait_for_timeout(LEASE)
    before = iteration(page)
    page.wait_for_timeout(1000)
    assert iteration(page) > before, "it trains on"
    page.close()


def test_a_page_that_comes_back_late_finds_its_run_as_it_was_saved(visit: Visit, short_lease: str) -> None:
    page = visit(SMALL, server=short_lease)
    click(page, "step")
    expect(page.locator(".st-key-status")).to_contain_text("Iteration 1")
    address = page.url
    assert "run=" in address
    page.goto("about:blank")
    other = visit(f"{SMALL}&seed=1", server=short_lease)
    other.wait_for_timeout(LEASE)
    page.goto(address)
    expect(page.locator(".st-key-status")).to_contain_text("Iteration 1", timeout=40_000)
    assert page.url == address
    expect(other.get_by_text("has ended")).to_have_count(0)
