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
from typing import Protocol

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


WIDE = (1440, 1000)  # pixels


class Visitors:
    """Pages of new visitors. The window that one has left serves the next: its page loads in half the processor time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._left: list[Page] = []

    def come(self, address: str, size: tuple[int, int], scheme: str) -> Page:
        page = self._left.pop() if self._left else self._open()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(address, wait_until="commit")
        return page

    def _open(self) -> Page:
        context = self._browser.new_context(accept_downloads=True, permissions=["clipboard-read", "clipboard-write"])
        return context.new_page()

    def leave(self, page: Page) -> None:
        """Pause, and take the browser's secret along: the next one is somebody else."""
        pause_if_running(page)
        page.unroute_all()
        page.goto("about:blank")
        page.context.clear_cookies()
        self._left.append(page)


def wait_until_drawn(page: Page) -> None:
    """Wait for the buttons and charts of the Train page."""
    try:
        page.locator(".st-key-start button:enabled:visible").first.wait_for(timeout=40_000)
        page.locator(".st-key-plot_losses .main-svg").first.wait_for(timeout=40_000)
    except TimeoutError:
        pytest.fail(f"The page is not drawn: {page.locator('body').inner_text()}")


@pytest.fixture(scope="session")
def visitors(browser: Browser) -> Visitors:
    return Visitors(browser)


class Visit(Protocol):
    """Opens the Train page as a new visitor, fully drawn, at ``query`` of a server, in a window of ``size`` pixels.

    Not ``drawn``: as soon as the browser has the address.
    """

    def __call__(
        self, query: str = "", size: tuple[int, int] = WIDE, scheme: str = "light", server: str = "", drawn: bool = True
    ) -> Page: ...


@pytest.fixture
def visit(visitors: Visitors, request: pytest.FixtureRequest) -> Iterator[Visit]:
    come: list[Page] = []

    def visit(
        query: str = "", size: tuple[int, int] = WIDE, scheme: str = "light", server: str = "", drawn: bool = True
    ) -> Page:
        server = server or request.getfixturevalue("server")
        come.append(visitors.come(f"{server}/{query}", size, scheme))
        if drawn:
            wait_until_drawn(come[-1])
        return come[-1]

    yield visit
    for page in come:
        visitors.leave(page)


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page of a new visitor in a wide window."""
    return visit()


def pause_if_running(page: Page) -> None:
    """Pause: a run whose page is gone trains on for a minute, beside the next tests."""
    pause = page.locator(".st-key-pause button:enabled:visible").first
    start = page.locator(".st-key-start button:enabled:visible").first
    if page.locator(".st-key-pause button:visible").count():
        with suppress(TimeoutError):  # the run may stop by itself first
            pause.click(timeout=3000)
        start.wait_for(timeout=20_000)
