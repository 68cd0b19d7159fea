"""Fixtures: a real server and a real browser."""

import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "mnist"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PROXIES = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # no download leaves this machine
# No sandbox: containers run as root. The others keep the browser from calling home.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# Each window starts a renderer for the suggestions below the address bar; without the first two it does not, and opens in a
# quarter of the processor time. The others repeat what matters here of Playwright's list, which this one replaces.
UNUSED = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose",
    "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding",
)  # fmt: skip

expect.set_options(timeout=20_000)  # milliseconds: the other process of the tests may need both cores


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        if os.environ.get("GAN_REQUIRE_BROWSER"):
            pytest.fail("GAN_REQUIRE_BROWSER is set and there is no Chromium on the path.")
        pytest.skip("There is no Chromium on the path.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*ARGUMENTS, f"--disable-features={','.join(UNUSED)}"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The README's command, from another folder, on a free port; its address."""
    yield from serve(tmp_path_factory, "streamlit")


def serve(tmp_path_factory: pytest.TempPathFactory, module: str) -> Iterator[str]:
    """Run the page on a free port with ``module`` as Streamlit's command, and yield its address; then end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", module, "run", str(ROOT / "dashboard" / "app.py"), "--server.headless=true"]
    address = f"http://localhost:{port}"
    path = tmp_path_factory.mktemp("server") / "log"
    environment = {
        **os.environ,
        "GAN_DATA_DIR": str(_data_folder(tmp_path_factory)),
        **PROXIES,
    }
    folder = path.parent if module == "streamlit" else ROOT  # from which Python finds the tests' own command
    with path.open("w") as log:
        process = subprocess.Popen(
            [*command, f"--server.port={port}"], cwd=folder, stdout=log, stderr=log, env=environment
        )
        _wait_until_up(f"{address}/_stcore/health", process)
        yield address
        process.terminate()
        process.wait(10)
    assert "Traceback" not in path.read_text(), path.read_text()


def _data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder, with MNIST's files if this machine has some."""
    folder = tmp_path_factory.mktemp("data")
    if REAL.is_dir():
        raw = folder / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            (raw / f"train-{kind}").write_bytes(gzip.decompress((REAL / f"t10k-{kind}.gz").read_bytes()))
    return folder


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)  # nothing signals that the server is ready
    pytest.fail("The server did not answer within 30 seconds.")


class Visitors:
    """Pages of new visitors, each in its own wide window; while a test uses one, the next loads beside it."""

    def __init__(self, browser: Browser, server: str) -> None:
        self._browser = browser
        self._server = server
        self._next = self._open()

    def take(self) -> Page:
        """Return a page that is fully drawn."""
        page = self.wait_for_next()
        self._next = self._open()
        return page

    def wait_for_next(self) -> Page:
        """Return the next page once it is fully drawn, and needs no processor time any more."""
        wait_until_drawn(self._next)
        return self._next

    def _open(self) -> Page:
        context = self._browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True)
        page = context.new_page()
        page.goto(self._server, wait_until="commit")
        return page


def wait_until_drawn(page: Page) -> None:
    """Wait for the buttons and charts of the Train page."""
    page.locator(".st-key-start button:enabled:visible").first.wait_for(timeout=40_000)
    page.locator(".st-key-plot_losses .main-svg").first.wait_for(timeout=40_000)


@pytest.fixture(scope="session")
def visitors(browser: Browser, server: str) -> Iterator[Visitors]:
    made = Visitors(browser, server)
    yield made
    made.wait_for_next().context.close()


@pytest.fixture
def page(visitors: Visitors) -> Iterator[Page]:
    """The page of a new visitor in a wide window, fully drawn."""
    page = visitors.take()
    yield page
    pause_if_running(page)
    page.context.close()


@pytest.fixture
def quiet_page(page: Page, visitors: Visitors) -> Page:
    """The same, where no other page loads: for what a test times, or finds among the server's processes."""
    visitors.wait_for_next()
    return page


def pause_if_running(page: Page) -> None:
    """Pause: a run whose page is gone trains on for a minute, beside the next tests."""
    pause = page.locator(".st-key-pause button:enabled:visible").first
    start = page.locator(".st-key-start button:enabled:visible").first
    if page.locator(".st-key-pause button:visible").count():
        with suppress(TimeoutError):  # the run may stop by itself first
            pause.click(timeout=3000)
        start.wait_for(timeout=20_000)
