"""A run and a generator, downloaded from one page and opened on another."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, serve
from tests.browser.train_page import click, download, drawn, fakes, iteration, open_popover, pause, wait_for


def open_file(page: Page, path: Path) -> None:
    """Upload a file in the Download popover."""
    open_popover(page, "downloads", ".st-key-upload_run")
    page.locator(".st-key-upload_run input[type=file]").set_input_files(path)
    drawn(page)


def test_downloads_open_on_another_page_with_the_same_images_and_train_on(
    page: Page, visit: Visit, tmp_path: Path
) -> None:
    click(page, "start")
    wait_for(page, lambda: iteration(page) >= 10, "iteration 10", 30)
    pause(page)
    shown, reached = fakes(page), iteration(page)
    whole, generator = (download(page, f"download_{key}", tmp_path) for key in ("run", "generator"))
    assert (whole.name, generator.name) == ("run.zip", "generator.safetensors")
    other = visit(size=(1280, 720))
    assert fakes(other) != shown
    open_file(other, generator)
    wait_for(other, lambda: fakes(other) == shown, "the generator's images")
    expect(other.get_by_text("The discriminator is new.")).to_be_visible()
    open_file(other, whole)
    wait_for(other, lambda: iteration(other) == reached, "the run's iteration")
    wait_for(other, lambda: fakes(other) == shown, "the run's images")
    other.keyboard.press("Escape")
    click(other, "start")
    wait_for(other, lambda: iteration(other) > reached + 3, "it trains on", 30)
    pause(other)
    damaged = tmp_path / "run.safetensors"
    damaged.write_bytes(b"\x80\x04" + bytes(100))
    open_file(other, damaged)
    expect(other.get_by_text("It is a pickle")).to_be_visible()


@pytest.fixture
def fresh_server(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of another server, which shares no run with the first."""
    monkeypatch.setenv("GAN_RUNS_DIR", str(tmp_path / "runs"))
    yield from serve(tmp_path_factory, "streamlit")


def test_downloads_open_on_a_fresh_server(page: Page, visit: Visit, fresh_server: str, tmp_path: Path) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "iteration 1")
    shown = fakes(page)
    whole, generator = (download(page, f"download_{key}", tmp_path) for key in ("run", "generator"))
    other = visit(server=fresh_server)
    open_file(other, generator)
    wait_for(other, lambda: fakes(other) == shown, "the generator's images")
    assert iteration(other) == 0
    open_file(other, whole)
    wait_for(other, lambda: iteration(other) == 1, "the run's iteration")
    wait_for(other, lambda: fakes(other) == shown, "the run's images")
    for one in (page, other):
        one.keyboard.press("Escape")
        click(one, "step")
        wait_for(one, lambda one=one: iteration(one) == 2 and fakes(one) != shown, "iteration 2")  # type: ignore[misc]
    assert fakes(other) == fakes(page), "it trains on as the first"


def fits(page: Page, width: int, height: int) -> bool:
    """Return whether the open popover is inside the window."""
    box = page.locator("[data-testid=stPopoverBody]:visible").bounding_box()
    assert box is not None
    return min(box["x"], box["y"]) >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height


def test_the_download_popover_fits_a_small_window_and_a_phone(page: Page) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "one iteration")
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 2, "two iterations")
    for width, height in ((1280, 720), (390, 720)):
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": width, "height": height})
        drawn(page)
        open_popover(page, "downloads", ".st-key-upload_run")
        wait_for(page, lambda size=(width, height): fits(page, *size), f"it fits {width}×{height}")  # type: ignore[misc]
        expect(page.locator(".st-key-download_gif")).to_be_visible()
