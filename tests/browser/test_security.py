"""A page asks this server alone, and shows what comes from outside as plain text."""

import re
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import wait_until_drawn
from tests.browser.train_page import click, download, drawn, iteration, pause, wait_for

pytestmark = pytest.mark.browser

EVIL = "[x](http://evil.example/) ![y](http://evil.example/y.png) <img src=http://evil.example/z.png> **b** :material/home:"


def watch(page: Page) -> tuple[set[str], list[str]]:
    """Return the hosts that the page asks and its errors, both filled from now on; other hosts than this are blocked."""
    hosts: set[str] = set()
    errors: list[str] = []

    def only_here(route: Route) -> None:
        host = urlsplit(route.request.url).hostname or ""
        hosts.add(host)
        if host == "localhost":
            route.continue_()
        else:
            route.abort()

    page.context.route("**/*", only_here)
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return hosts, errors


def test_all_that_a_page_needs_comes_from_its_server(browser: Browser, server: str, tmp_path: object) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
    page = context.new_page()
    hosts, errors = watch(page)
    page.goto(server)
    wait_until_drawn(page)
    expect(page.locator("link[rel~=icon]").first).to_have_attribute("href", re.compile("^data:image/svg"))
    click(page, "start")
    wait_for(page, lambda: iteration(page) > 1, "it trains")
    pause(page)
    page.locator(".st-key-plot_losses .nsewdrag").first.hover()
    with page.expect_download(timeout=20_000):  # Plotly draws the chart into an image of its own
        page.locator(".st-key-plot_losses .modebar-btn").first.click()
    download(page, "download_generator", tmp_path)  # type: ignore[arg-type]
    page.get_by_role("link", name="Step through").first.click()
    page.get_by_role("button", name="Next stage").first.click()
    expect(page.get_by_text("stage 1 of 7: Noise")).to_be_visible()
    page.goto(f"{server}/?dataset=drawn")
    wait_until_drawn(page)
    drawn(page)
    assert hosts == {"localhost"}
    assert errors == []
    context.close()


def test_the_policy_forbids_every_other_host(page: Page) -> None:
    refused = page.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true });
            setTimeout(resolve, 5000, "nothing");
            const image = new Image();
            image.src = "http://evil.example/x.png";
        })"""
    )
    assert refused == "img-src"
    assert page.evaluate("fetch('http://evil.example/').then(() => 'sent', () => 'refused')") == "refused"


def test_every_answer_has_the_policy(page: Page, server: str) -> None:
    for path in ("", "_stcore/health", "modules/plot.js", "live/nothing", "live/nothing?page="):
        answer = page.request.get(f"{server}/{path}")
        assert "default-src 'self'" in answer.headers["content-security-policy"], path


def test_texts_in_the_address_are_shown_as_they_are(browser: Browser, server: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    hosts, errors = watch(page)
    names = ("generator_hidden", "dataset", "drawing", "loss", "classes", "speed", EVIL)
    page.goto(f"{server}/?{'&'.join(f'{quote(name)}={quote(EVIL)}' for name in names)}")
    wait_until_drawn(page)
    notice = page.locator(".st-key-text_notice")
    expect(notice).to_contain_text("evil.example")
    shown = notice.inner_text()
    assert shown.count("[x](http://evil.example/)") == len(names)
    assert page.locator("a[href*=evil], img[src*=evil]").count() == 0
    assert hosts == {"localhost"}
    assert errors == []
    context.close()


def test_foreign_questions_for_updates_are_refused_without_an_error(page: Page, server: str) -> None:
    known = "page=train&layout=paused.28x28.0&axes=&layers="
    assert page.request.get(f"{server}/live/x?{known}&since=-1").status == 200
    foreign = ("", "page=" + "[" * 3000, "page=&layout=&axes=&layers=", "page=" + quote("{" * 2000))
    for query in (
        *foreign,
        f"{known}&since=1e309",
        f"{known}&turn={'9' * 5000}",
        f"{known}&since=",
        f"{known}&layers=x",
    ):
        assert page.request.get(f"{server}/live/{'x' * 50}?{query}").status == 400
        assert page.request.post(f"{server}/live/x?{query}", data="[" * 5000).status == 405
