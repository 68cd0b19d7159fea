"""The whole experiment is in view at once, without scrolling."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.train_page import chart, click, drawn, iteration, open_popover, wait_for

pytestmark = pytest.mark.browser

SIZES = ((1280, 720), (1440, 900), (1920, 1080))
POINTS = (
    "?dataset=eight_gaussians&latent_dim=2&generator_hidden=32,32&discriminator_hidden=32,32&generator_batch_norm=false"
)
MODEL = (
    "picture_generator_hidden", "picture_discriminator_hidden", "leaky_slope", "generator_batch_norm",
    "discriminator_batch_norm", "d_steps", "g_steps", "update_order", "dataset",
)  # fmt: skip
TRANSPORT = ("step", "step_d", "step_g", "reset", "speed", "status", "text_message", "time")
CHARTS = {"plot_losses": 190, "plot_scores": 140}  # key: least height in pixels
SAMPLES = {"": {"picture_fakes": 170, "picture_reals": 170}, POINTS: {"plot_plane": 300}}

# Where an element is, and whether each of nine points in it belongs to it: nothing may lie on top.
MEASURE = """key => {
    const element = document.querySelector(`.st-key-${key}`);
    if (!element) return null;
    const {left, top, width, height} = element.getBoundingClientRect();
    const covering = [];
    for (const across of [0.1, 0.5, 0.9]) for (const down of [0.25, 0.5, 0.85]) {
        const found = document.elementFromPoint(left + width * across, top + height * down);
        if (!found || !(element.contains(found) || found.contains(element))) covering.push(found?.outerHTML.slice(0, 90));
    }
    return {left, top, right: left + width, bottom: top + height, width, height, covering};
}"""


def measured(page: Page, keys: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Return where these are, after checking that each is inside the window and uncovered."""
    found = {key: page.evaluate(MEASURE, key) for key in keys}
    size = page.viewport_size
    assert size is not None
    for key, box in found.items():
        assert box is not None, f"{key} is missing"
        assert min(box["width"], box["height"]) > 0, f"{key} is empty"
        inside = (
            box["left"] >= 0 and box["top"] >= 0 and box["right"] <= size["width"] and box["bottom"] <= size["height"]
        )
        assert inside, f"{key} is outside the window of {size}: {box}"
        assert not box["covering"], f"{key} is covered: {box['covering']}"
    return found


def check_all(page: Page, button: str, query: str) -> dict[str, dict[str, float]]:
    """Measure every named thing, and the least sizes of charts and samples; return where they are."""
    least = CHARTS | SAMPLES[query]
    found = measured(page, (button, *MODEL, *TRANSPORT, *least))
    for key, pixels in least.items():
        assert found[key]["height"] >= pixels, f"{key} is {found[key]['height']} pixels high"
    for key in SAMPLES[query]:
        assert found[key]["width"] >= 170, f"{key} is {found[key]['width']} pixels wide"
    if not query:
        fakes, reals = (page.locator(f".st-key-picture_{kind} img").bounding_box() for kind in ("fakes", "reals"))
        assert fakes is not None
        assert reals is not None
        assert abs(fakes["y"] - reals["y"]) < 1, "fakes and real samples begin at one height"
        assert abs(fakes["height"] - reals["height"]) < 2, "and have one scale"
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollHeight <= e.clientHeight + 1"), "the page scrolls"
    return found


def check_measures_stay_on_one_line(page: Page) -> None:
    """They would jump at 1280 pixels otherwise, whenever a number gets another digit."""
    lines = """element => {
        const before = element.innerHTML;
        element.textContent = element.textContent.replace(/good samples .*/, "good samples 100%");
        const {height} = element.getBoundingClientRect(), line = parseFloat(getComputedStyle(element).lineHeight);
        element.innerHTML = before;
        return height / line;
    }"""
    assert page.locator(".st-key-text_measures .live").evaluate(lines) < 1.5


def resize(page: Page, size: tuple[int, int]) -> None:
    """Give the window another size, and wait until the charts have followed."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    fills = """() => [...document.querySelectorAll(".live.plot")].every((chart) => {
        const {width, height} = chart._fullLayout;
        return Math.abs(width - chart.clientWidth) < 2 && Math.abs(height - chart.clientHeight) < 2;
    })"""
    page.wait_for_function(fills, timeout=30_000)


def check_nothing_jumps(paused: dict[str, dict[str, float]], running: dict[str, dict[str, float]]) -> None:
    for key, box in paused.items():
        if key not in ("start", "status", "text_message"):
            moved = max(abs(box[side] - running[key][side]) for side in ("left", "top", "bottom"))
            assert moved <= 2, f"{key} jumps by {moved} pixels when training starts"


@pytest.mark.parametrize("query", SAMPLES, ids=["images", "2-D data"])
def test_everything_is_in_view_running_and_paused(visit: Visit, query: str) -> None:
    page = visit(query, SIZES[0])
    paused = {}
    for size in SIZES:
        resize(page, size)
        paused[size] = check_all(page, "start", query)
    for smaller, larger in pairwise(paused.values()):
        grown = {key for key in CHARTS | SAMPLES[query] if larger[key]["height"] > smaller[key]["height"] + 20}
        assert grown == {*CHARTS, *SAMPLES[query]}, "a larger window shows all of it larger"
    if not query:
        strip = page.locator(".st-key-picture_fake_strip img").first
        assert strip.evaluate("e => getComputedStyle(e).objectFit") == "cover", "the first row alone, not all in small"
    click(page, "start")
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 3, "it trains")
    for size in reversed(SIZES):
        resize(page, size)
        check_nothing_jumps(paused[size], check_all(page, "pause", query))
    if query:
        check_measures_stay_on_one_line(page)


def test_everything_stays_in_view_below_a_notice_of_three_lines(visit: Visit) -> None:
    page = visit("?seed=abc&batch_size=inf&learning_rate_d=nan&g_steps=99&loss=nonsense", SIZES[0])
    expect(page.locator(".st-key-notice_3")).to_be_visible()
    check_all(page, "start", "")


def test_everything_stays_in_view_while_own_pictures_are_awaited(visit: Visit) -> None:
    page = visit(size=SIZES[0])
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "the run has trained, so that the dataset waits for Reset")
    page.locator(".st-key-dataset input").click()
    page.get_by_role("option", name="My own pictures").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    check_all(page, "start", "")
    page.locator(".st-key-own_choose_first button").click()
    expect(page.get_by_role("dialog")).to_contain_text("or a zip of them")


def test_a_phone_shows_transport_diagnosis_and_images_first(visit: Visit) -> None:
    page = visit(size=(390, 844))
    measured(page, ("start", "step", "text_message", "picture_fakes", "picture_reals"))
    tops = [
        page.locator(f".st-key-{key}").first.bounding_box()["y"]  # type: ignore[index]
        for key in (
            "text_message",
            "picture_fakes",
            "plot_losses",
            "plot_scores",
            "picture_generator_hidden",
            "update_order",
        )
    ]
    assert tops == sorted(tops), "images, then charts, then controls"
    assert tops[-1] < 2600, "nothing is far down"
    resize(page, (1280, 720))
    check_all(page, "start", "")


def test_the_button_that_adds_a_layer_lies_on_no_bar_while_layers_wait_for_reset(visit: Visit) -> None:
    page = visit(POINTS, (1280, 720))
    drawing = page.locator(".st-key-picture_generator_hidden")
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "the run has trained, so that layers wait for Reset")
    for layers in range(3, 7):
        drawing.locator("button.add").click()
        expect(drawing.locator("input.size")).to_have_count(layers)
        add = drawing.locator("button.add").bounding_box()
        assert add is not None
        for bar in drawing.locator(".bar").all():
            box = bar.bounding_box()
            assert box is not None
            apart = add["x"] >= box["x"] + box["width"] or box["x"] >= add["x"] + add["width"]
            assert apart, f"{layers} layers wait: {add} lies on {box}"
    expect(drawing.locator(".bar")).to_have_count(4)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_both_pages_fit_the_window_in_projector_mode(visit: Visit, size: tuple[int, int]) -> None:
    page = visit("?dataset=eight_gaussians", size)
    open_popover(page, "share", ".st-key-projector label")
    page.locator(".st-key-projector label").first.click()
    page.keyboard.press("Escape")
    font = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    hidden = "(main => main.scrollHeight - main.clientHeight)(document.querySelector('[data-testid=stMain]'))"
    wait_for(page, lambda: bool(page.evaluate(f"{font} >= 16")), "larger type")
    drawn(page)
    assert page.evaluate(hidden) == 0
    check_measures_stay_on_one_line(page)
    page.get_by_role("link", name="Step through").first.click()
    click(page, "walk_stage")
    expect(page.locator(".st-key-walk_head")).to_contain_text("stage 1 of 7")
    drawn(page)
    assert page.evaluate(hidden) == 0
