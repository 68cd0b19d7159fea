"""axe-core finds nothing serious on any page, light and dark."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.train_page import chart, click, drawn, pause, wait_for

pytestmark = pytest.mark.browser

# Streamlit's own: the menu of the page, and the element that holds tooltips, outside every landmark.
OURS = {"exclude": [["[data-testid=stToolbar]"], ["#stFloatingOverlayPortal"]]}
# The label of a disabled slider may be pale; axe-core knows that only of the browser's own widgets.
POPOVER = {"include": [["[data-testid=stPopoverBody]"]], "exclude": [[".st-key-sgd_momentum"]]}
SERIOUS = ("serious", "critical")
POPOVERS = (
    "more_noise", "more_generator", "more_data", "more_discriminator", "more_updates",
    "run_to", "presets_0", "share", "downloads",
)  # fmt: skip
ALSO = ("region", "empty-table-header", "page-has-heading-one", "heading-order", "landmark-one-main")


def problems(page: Page, context: dict[str, list[list[str]]] = OURS) -> list[str]:
    """Return what axe-core objects to, each with its first element."""
    found: list[dict[str, Any]] = Axe().run(page, context=context).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]} {one['nodes'][0]['any'][:1]}"
        for one in found
        if one["impact"] in SERIOUS or one["id"] in ALSO
    ]


def check_popovers(page: Page) -> None:
    """Open each popover: all of it is in the window, and axe-core finds nothing, such as a caption without contrast."""
    for key in POPOVERS:
        click(page, key)
        body = page.locator("[data-testid=stPopoverBody]:visible")
        body.locator("[data-testid=stElementContainer]").first.wait_for()
        drawn(page)
        expect(body).to_be_in_viewport(ratio=1)
        assert body.evaluate("e => e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth"), (
            f"{key} scrolls"
        )
        assert problems(page, POPOVER) == [], key
        page.keyboard.press("Escape")
        expect(body).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Visit, scheme: str) -> None:
    page = visit("?speed=5", (1280, 720), scheme)
    assert problems(page) == []
    if scheme == "light":  # where they are in the window is the same in both, so each tries one size
        page.set_viewport_size({"width": 390, "height": 844})
    check_popovers(page)
    page.set_viewport_size({"width": 1280, "height": 720})
    click(page, "start")
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 3, "it trains")
    assert problems(page) == []
    pause(page)
    page.get_by_role("link", name="Step through").click()
    for stage in range(1, 8):
        click(page, "walk_stage")
        expect(page.get_by_text(re.compile(rf"stage {stage} of 7"))).to_be_visible(timeout=30_000)
        drawn(page)
        assert problems(page) == []


def test_axe_would_find_a_serious_problem(page: Page) -> None:
    page.evaluate(
        "() => document.querySelector('[data-testid=stMain]').insertAdjacentHTML('beforeend', '<button></button>')"
    )
    assert any(problem.startswith("button-name") for problem in problems(page))
