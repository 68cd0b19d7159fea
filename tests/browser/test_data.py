"""Datasets in a real browser: chosen, drawn and uploaded."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import REAL
from tests.browser.train_page import chart, click, iteration, open_popover, pause, wait_for


def choose(page: Page, title: str) -> None:
    """Choose a dataset by its title."""
    field = page.locator(".st-key-dataset input").first
    field.click()
    field.fill(title)
    page.get_by_role("option", name=title).first.click()


def points(page: Page, name: str) -> list[float]:
    return chart(page, "plot_plane")["y"].get(name, [])  # type: ignore[no-any-return]


def train(page: Page, iterations: int) -> None:
    click(page, "start")
    wait_for(page, lambda: iteration(page) >= iterations, f"iteration {iterations}", 30)
    pause(page)


def test_2d_data_is_updated_live(page: Page) -> None:
    choose(page, "Eight Gaussians on a ring")
    page.locator(".st-key-plot_plane .main-svg").first.wait_for(timeout=20_000)
    before = points(page, "Fake")
    assert len(before) == 400
    train(page, 20)
    wait_for(page, lambda: points(page, "Fake") != before, "the fakes move")
    for layer in ("G's sheet", "D's pull"):
        page.get_by_role("button", name=layer).first.click()
        wait_for(page, lambda layer=layer: bool(points(page, layer)), layer)  # type: ignore[misc]
    page.get_by_role("button", name="Real", exact=True).first.click()
    wait_for(page, lambda: not points(page, "Real"), "real points are switched off")
    expect(page.get_by_text("modes").first).to_be_visible()
    page.locator(".st-key-axes").get_by_text("log x").click()
    uncovered = """() => {
        const chart = document.querySelector(".st-key-plot_losses .plot"), title = chart.querySelector(".xtitle");
        const below = document.querySelector(".st-key-plot_scores").getBoundingClientRect();
        return chart._fullLayout.xaxis.type === "log" && title.getBoundingClientRect().bottom <= below.top + 3;
    }"""
    page.wait_for_function(uncovered, timeout=30_000)  # minor ticks have labels too, which move the axis' title down
    page.locator(".st-key-samples [data-testid=stTooltipIcon]").first.hover()
    tooltip = page.locator("[data-testid=stTooltipContent]")
    for explained in (
        "where D says real",
        "as G transforms it",
        "point where D's gradient moves",
        "1 if they share no cell",
    ):
        expect(tooltip).to_contain_text(explained)


def check_tools_are_below_the_view(page: Page) -> None:
    """The canvas's tools stand between the view and its measures; nothing but the canvas lies on the view."""

    def edges(selector: str) -> tuple[float, float]:
        found = page.locator(selector).first.bounding_box()
        assert found is not None, selector
        return found["y"], found["y"] + found["height"]

    view, canvas = ".st-key-plot_plane .nsewdrag", ".st-key-canvas canvas"
    wait_for(
        page,
        lambda: edges(view)[0] <= edges(canvas)[0] and edges(canvas)[1] <= edges(view)[1] <= edges(canvas)[1] + 30,
        "the chart has the size of the window",
    )
    tools = edges(".st-key-canvas .tools")
    assert edges(view)[1] <= tools[0]
    assert tools[1] <= edges(".st-key-text_measures")[0]


def test_a_drawing_changes_the_real_samples_of_the_run(page: Page) -> None:
    choose(page, "Your drawing")
    canvas = page.locator(".st-key-canvas canvas")
    canvas.wait_for(timeout=20_000)
    page.locator(".st-key-plot_plane .main-svg").first.wait_for(timeout=20_000)
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("drawing is empty")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Brush").click()
    for size in ((1280, 720), (390, 844), (1440, 1000)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        check_tools_are_below_the_view(page)
    box = canvas.bounding_box()
    assert box is not None
    middle, edge = box["y"] + box["height"] * 0.9, box["x"] + box["width"] * 0.1
    page.mouse.move(edge, middle)
    page.mouse.down()
    page.mouse.move(edge + box["width"] * 0.8, middle, steps=10)
    page.mouse.up()
    expect(page.get_by_text("drawing is empty")).to_be_hidden(timeout=30_000)
    wait_for(page, lambda: max(points(page, "Real"), default=1000) < -500, "real points lie along the stroke")
    train(page, 5)
    assert "drawing=" in page.url


def test_own_pictures_are_uploaded_previewed_and_trained_on(page: Page, tmp_path: Path) -> None:
    upload = tmp_path / "mine.zip"
    with zipfile.ZipFile(upload, "w") as archive:
        for index in range(20):
            file = io.BytesIO()
            Image.new("L", (40, 30), index * 10).save(file, "PNG")
            archive.writestr(f"mine/{index:02}.png", file.getvalue())
        archive.writestr("../evil.png", b"x")
    choose(page, "My own pictures")
    page.locator("input[type=file]").first.set_input_files(upload)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("20 pictures, 28×28")).to_be_visible(timeout=30_000)
    dialog.get_by_text("Left out: 1").click()
    expect(dialog.get_by_text("evil.png")).to_be_visible()
    click(page, "own_train")
    expect(page.locator(".st-key-picture_reals img")).to_have_attribute(
        "alt", "18 real samples of My own pictures", timeout=20_000
    )
    train(page, 3)


def test_own_points_are_read_from_two_chosen_columns(page: Page, tmp_path: Path) -> None:
    upload = tmp_path / "mine.dat"
    rows = "".join(f"{row} {row % 5},5 −{row % 7},25 {row % 3}\n" for row in range(40))
    upload.write_bytes(("Measured in May\n\nnr left right *third*\n" + rows).encode("utf-16"))
    choose(page, "My own points")
    page.locator("input[type=file]").first.set_input_files(upload)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("x is column 2 (left), y is column 3 (right).")).to_be_visible(timeout=30_000)
    dialog.get_by_role("combobox").nth(1).click()
    page.get_by_role("option", name="column 4 (*third*)").click()
    expect(dialog.get_by_text("x is column 2 (left), y is column 4 (*third*).")).to_be_visible(timeout=30_000)
    click(page, "own_train")
    expect(dialog).to_be_hidden(timeout=20_000)
    wait_for(page, lambda: len(set(points(page, "Real"))) == 3, "the third column's numbers are real samples")


@pytest.mark.skipif(not REAL.is_dir(), reason=f"needs MNIST's test files in {REAL}")
def test_mnist_is_prepared_in_the_background_and_filtered_by_class(page: Page) -> None:
    choose(page, "MNIST")
    expect(page.locator(".st-key-picture_reals img")).to_have_attribute(
        "alt", "18 real samples of MNIST", timeout=60_000
    )
    open_popover(page, "more_data", ".st-key-classes button")
    for digit in ("3", "8"):
        page.locator(".st-key-classes").get_by_role("button", name=digit, exact=True).click()
    expect(page.get_by_text("2 of 10 classes").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("trains on 1,984 samples")).to_be_visible(timeout=30_000)
    page.keyboard.press("Escape")
    train(page, 2)


def test_an_unavailable_dataset_shows_the_reason_and_leaves_the_run_unchanged(page: Page) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "a step")
    choose(page, "KMNIST")
    expect(page.get_by_text("KMNIST could not be downloaded")).to_be_visible(timeout=60_000)
    choose(page, "Digits")
    expect(page.get_by_text("KMNIST could not be downloaded")).to_be_hidden(timeout=30_000)
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 2, "the run goes on")
