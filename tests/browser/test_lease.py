"""A run's process lives as long as a page that shows it is open, whatever the page does; later the run is saved."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import serve, wait_until_drawn
from tests.browser.train_page import click, iteration

LEASE = 6_000  # milliseconds after which a run without an open page has surely ended


@pytest.fixture(scope="module")
def short_lease(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(tmp_path_factory, "tests.browser.short_lease")


@pytest.fixture
def visit(browser: Browser, short_lease: str) -> Iterator[Callable[[str], Page]]:
    """Open a page at an address of the server with short leases."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})

    def visit(query: str = "") -> Page:
        page = context.new_page()
        page.goto(f"{short_lease}/{query}", wait_until="commit")
        wait_until_drawn(page)
        return page

    yield visit
    context.close()


def test_a_paused_page_that_asks_for_nothing_keeps_its_run(visit: Callable[[str], Page]) -> None:
    page = visit("?generator_hidden=8&discriminator_hidden=8")
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

    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.route_web_socket(re.compile("_stcore/stream"), through)
    page.goto(f"{short_lease}/?generator_hidden=8&discriminator_hidden=8&speed=25", wait_until="commit")
    wait_until_drawn(page)
    click(page, "start")
    page.locator(".st-key-pause button:visible").wait_for()
    connections[-1].close()
    for _ in range(50):
        if len(connections) > 1:
            break
        page.wait_for_timeout(100)
    assert len(connections) == 2, "the page has connected again"
    page.wait_for_timeout(LEASE)
    before = iteration(page)
    page.wait_for_timeout(1000)
    assert iteration(page) > before, "it trains on"
    context.close()


def test_a_page_that_comes_back_late_finds_its_run_as_it_was_saved(visit: Callable[[str], Page]) -> None:
    page = visit("?generator_hidden=8&discriminator_hidden=8")
    click(page, "step")
    expect(page.locator(".st-key-status")).to_contain_text("Iteration 1")
    address = page.url
    assert "run=" in address
    page.close()
    other = visit("?generator_hidden=8&discriminator_hidden=8&seed=1")
    other.wait_for_timeout(LEASE)
    again = visit("?" + address.partition("?")[2])
    expect(again.locator(".st-key-status")).to_contain_text("Iteration 1")
    assert again.url == address
    expect(other.get_by_text("has ended")).to_have_count(0)
