"""A learner's run outlives the page, the training process and the server, and opens in no other browser."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import PROXIES, ROOT, Visit, _wait_until_up, wait_until_drawn
from tests.browser.test_train import run_processes
from tests.browser.train_page import chart, click, copied, drawn, fakes, iteration, pause, wait_for

SMALL = (1280, 720)


class Server:
    """The README's command on one port, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.address = f"http://localhost:{self._port}"
        self._log = folder / "log"
        self._environment = {**os.environ, "GAN_RUNS_DIR": str(folder / "runs"), **PROXIES}
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(ROOT / "dashboard" / "app.py"),
            "--server.headless=true",
        ]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, f"--server.port={self._port}"], stdout=log, stderr=log, env=self._environment
            )
        _wait_until_up(f"{self.address}/_stcore/health", self.process)

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    if server.process.poll() is None:
        server.end(signal.SIGTERM)
    assert "Traceback" not in (tmp_path / "log").read_text()


def train_to(page: Page, least: int) -> int:
    click(page, "start")
    wait_for(page, lambda: iteration(page) >= least, f"iteration {least}", 30)
    pause(page)
    return iteration(page)


def back(page: Page, address: str) -> None:
    """Open the address again, in the same browser."""
    page.goto(address, wait_until="commit")
    wait_until_drawn(page)


def test_after_the_servers_end_the_address_opens_the_run_in_its_browser_alone(mortal: Server, visit: Visit) -> None:
    page = visit(size=SMALL, server=mortal.address)
    reached = train_to(page, 20)
    address, private = page.url, copied(page, "copy_private_link")
    shown, curve = fakes(page), chart(page, "plot_losses")["y"]["D loss"]
    mortal.end(signal.SIGKILL)
    mortal.start()
    back(page, address)
    assert iteration(page) == reached
    assert fakes(page) == shown
    assert chart(page, "plot_losses")["y"]["D loss"] == curve
    click(page, "step")
    wait_for(page, lambda: iteration(page) == reached + 1, "one iteration more")
    drawn(page)
    thief = visit(f"?{urlsplit(address).query}", SMALL, server=mortal.address)
    assert iteration(thief) == 0
    assert re.search(r"run=([\w-]+)", thief.url)[1] not in address  # type: ignore[index]
    page.goto("about:blank")
    back(thief, private)
    assert iteration(thief) == reached + 1
    assert "key=" not in thief.url


def test_a_killed_training_goes_on_from_its_last_save(visit: Visit, server: str) -> None:
    page = visit(size=SMALL)
    reached = train_to(page, 10)
    others = run_processes(server)
    click(page, "start")
    wait_for(page, lambda: iteration(page) > reached + 3, "it trains on")
    for child in others:
        os.kill(child, signal.SIGKILL)
    expect(page.get_by_text("Start again begins at iteration 0")).to_be_visible(timeout=20_000)
    expect(page.locator(".st-key-go_on")).to_contain_text(re.compile(r"Go on from \d+"))
    saved = int(re.search(r"from ([\d,]+)", page.locator(".st-key-go_on").inner_text())[1].replace(",", ""))  # type: ignore[index]
    assert saved >= reached
    click(page, "go_on")
    wait_for(page, lambda: iteration(page) > reached + 6, "it trains on from there")
    pause(page)


def test_nobody_takes_a_run_while_its_connection_is_lost(browser: Browser, visit: Visit, server: str) -> None:
    connections: list[WebSocketRoute] = []

    def through(connection: WebSocketRoute) -> None:
        connection.connect_to_server()
        connections.append(connection)

    page = browser.new_page(viewport={"width": 1280, "height": 720})  # no other test may have its connections
    page.route_web_socket(re.compile("_stcore/stream"), through)
    back(page, server)
    click(page, "start")
    wait_for(page, lambda: iteration(page) > 3, "it trains")
    address = page.url
    connections[-1].close()
    waiting = visit(f"?{urlsplit(address).query}", SMALL)
    assert iteration(waiting) == 0
    assert waiting.url != address
    wait_for(page, lambda: len(connections) > 1, "it has connected again")
    now = iteration(page)
    wait_for(page, lambda: iteration(page) > now + 3, "it is followed again", 20)
    pause(page)
    page.close()


def scrub(page: Page, share: float) -> int:
    """Move the slider over the kept moments; return the iteration that is shown then."""
    page.evaluate(
        """share => {
            const slider = document.querySelector(".live.time input");
            slider.value = Math.floor((slider.max - 1) * share);
            slider.dispatchEvent(new Event("input"));
        }""",
        share,
    )
    label = page.locator(".live.time output")
    expect(label).to_contain_text(re.compile(r"^Iteration"))
    return int(label.inner_text().removeprefix("Iteration ").replace(",", ""))


def test_the_slider_shows_kept_moments_while_the_run_trains_and_branches_from_one(
    visit: Visit,
) -> None:
    page = visit(size=SMALL)
    for _ in range(3):
        click(page, "step")
        page.wait_for_timeout(300)  # each is a moment of its own
    expect(page.locator(".st-key-picture_fakes img")).to_have_attribute("alt", re.compile("after 3 iterations"))
    third = fakes(page)
    click(page, "start")
    wait_for(page, lambda: iteration(page) > 8 and fakes(page) != third, "it trains on")
    shown = scrub(page, 0.0)
    assert shown == 0
    expect(page.locator(".st-key-picture_fakes img")).to_have_attribute("alt", re.compile("after 0 iterations"))
    before, now = fakes(page), iteration(page)
    wait_for(page, lambda: iteration(page) > now + 3, "the run goes on meanwhile")
    assert fakes(page) == before, "the moment stays"
    wait_for(page, lambda: len(marks(page)) == 3, "a mark on each chart")
    page.get_by_role("button", name="Back to the run as it is now").click()
    wait_for(page, lambda: fakes(page) != before and not marks(page), "live again")
    pause(page)
    last = fakes(page)
    moments = page.evaluate("document.querySelector('.live.time').payload.moments")
    assert scrub(page, moments.index(3) / (len(moments) - 1)) == 3
    wait_for(page, lambda: fakes(page) == third, "as it was then")
    page.get_by_role("button", name="Branch here").click()
    wait_for(page, lambda: iteration(page) == 3, "the branch")
    assert fakes(page) == third
    click(page, "undo")
    wait_for(page, lambda: iteration(page) > 3 and fakes(page) == last, "the parent is back")


def test_the_moments_play_to_the_last_one(visit: Visit) -> None:
    page = visit(size=SMALL)
    for count in range(1, 4):
        click(page, "step")
        wait_for(page, lambda count=count: iteration(page) == count, f"{count} iterations")
    page.evaluate(
        """() => {
            const label = document.querySelector(".live.time output");
            window.labels = [];
            new MutationObserver(() => labels.push(label.textContent)).observe(label, { childList: true });
        }"""
    )
    page.get_by_role("button", name="Play the run from its beginning").click()
    expect(page.locator(".live.time output")).to_have_text("Iteration 3")
    page.wait_for_timeout(500)  # nothing follows
    shown = [text for text in page.evaluate("labels") if text.startswith("Iteration")]
    assert list(dict.fromkeys(shown)) == [f"Iteration {count}" for count in range(4)]


def marks(page: Page) -> list[str]:
    """Return the charts that mark the moment which is shown."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => [...document.querySelectorAll(".live.plot")]
            .filter((plot) => plot._fullLayout?.shapes?.some((shape) => shape.line.color === "#d97706"))
            .map((plot) => plot.getAttribute("aria-label"))"""
    )


def test_of_two_tabs_that_open_the_address_at_once_one_has_the_run(visit: Visit) -> None:
    page = visit(size=SMALL)
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "one iteration")
    address = page.url
    tabs = [page, page.context.new_page()]
    page.goto("about:blank")
    for tab in tabs:
        tab.goto(address, wait_until="commit")
    for tab in tabs:
        wait_until_drawn(tab)
    assert sorted(map(iteration, tabs)) == [0, 1]
    assert sorted(tab.url == address for tab in tabs) == [False, True]
    tabs[1].close()
