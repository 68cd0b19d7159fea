"""What a learner does and sees on the Train page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect


def click(page: Page, key: str) -> None:
    """Click the button with this key; on a phone Streamlit draws a hidden second one."""
    page.locator(f".st-key-{key} button:visible").first.click()


def open_popover(page: Page, key: str, content: str) -> None:
    """Open the popover with this key, unless ``content`` is visible already."""
    if not page.locator(content).first.is_visible():
        click(page, key)
        page.locator(content).first.wait_for()


def set_batch_size(page: Page, size: int) -> None:
    """Type a batch size into the cell of the data, and close its popover."""
    open_popover(page, "more_data", ".st-key-batch_size input")
    batch = page.locator(".st-key-batch_size input")
    batch.fill(str(size))
    batch.press("Enter")
    page.wait_for_url(re.compile(f"batch_size={size}"))
    page.keyboard.press("Escape")


def copied(page: Page, key: str) -> str:
    """Click one of the buttons that copy a link, and return what it has copied."""
    open_popover(page, "share", f".st-key-{key}")
    click(page, key)
    expect(page.locator(f".st-key-{key}")).to_contain_text("Copied")
    page.keyboard.press("Escape")
    return str(page.evaluate("navigator.clipboard.readText()"))


def iteration(page: Page) -> int:
    """Return the iteration in the status."""
    text = page.get_by_text(re.compile(r"Iteration [\d,]+ · epoch")).first.inner_text()
    found = re.search(r"Iteration ([\d,]+)", text)
    assert found is not None
    return int(found.group(1).replace(",", ""))


def wait_for(page: Page, condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until ``condition`` holds."""
    for _ in range(int(seconds * 20)):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within {seconds} s: {what}")


def pause(page: Page) -> None:
    """Pause, and wait until the page is drawn as paused."""
    click(page, "pause")
    expect(page.locator(".st-key-start button:enabled:visible").first).to_be_visible(timeout=20_000)
    drawn(page)


def drawn(page: Page) -> None:
    """Wait until the page is drawn to its end; its buttons appear before the rest."""
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(timeout=10_000)


def fakes(page: Page) -> str:
    """Return the image of the fakes as a data URL."""
    return page.locator(".st-key-picture_fakes img").get_attribute("src") or ""


def chart(page: Page, key: str) -> dict[str, Any]:
    """Return what Plotly draws: traces by name with their last x, the axis ranges, and a mark that a remount would lose."""
    ready = "key => document.querySelector(`.st-key-${key} .plot`)?._fullLayout?.xaxis?.range"
    page.wait_for_function(ready, arg=key, timeout=10_000)  # a chart is mounted before Plotly draws it
    found: dict[str, Any] = page.evaluate(
        """key => {
            const div = document.querySelector(`.st-key-${key} .plot`);
            const last = values => values?.length ? Number(values[values.length - 1]) : null;
            return {
                x: Object.fromEntries(div._fullData.map(t => [t.name, last(t.x)])),
                y: Object.fromEntries(div._fullData.map(t => [t.name, Array.from(t.y ?? [], Number)])),
                visible: Object.fromEntries(div._fullData.map(t => [t.name, t.visible])),
                range: div._fullLayout.xaxis.range.map(Number),
                mark: div.mark ?? null,
            };
        }""",
        key,
    )
    return found


def download(page: Page, key: str, folder: Path) -> Path:
    """Click a download button, and save the file under its own name."""
    open_popover(page, "downloads", f".st-key-{key} button")
    with page.expect_download(timeout=20_000) as waiting:
        click(page, key)
    page.keyboard.press("Escape")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    drawn(page)  # a download draws the page again
    return path
