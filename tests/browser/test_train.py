"""The Train page in a real browser."""

import os
import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from safetensors.numpy import load_file

from tests.browser.conftest import WIDE, Visit, Visitors
from tests.browser.train_page import (
    chart,
    click,
    download,
    fakes,
    iteration,
    open_popover,
    pause,
    set_batch_size,
    wait_for,
)

pytestmark = pytest.mark.browser


def test_start_updates_chart_and_fakes_and_pause_stops_both(page: Page) -> None:
    before = fakes(page)
    expect(page.locator(".st-key-text_message .icon")).to_have_attribute("aria-hidden", "true")
    expect(page.locator(".st-key-text_message strong").first).to_have_text("Start")
    click(page, "start")
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 3, "the loss chart moves", 10)
    wait_for(page, lambda: fakes(page) != before, "the fakes change", 10)
    pause(page)
    stopped, picture = iteration(page), fakes(page)
    page.wait_for_timeout(1500)
    assert iteration(page) == stopped > 0
    assert fakes(page) == picture


def test_step_is_exactly_one_iteration_and_reset_gives_the_same_first_losses(page: Page) -> None:
    def first_losses() -> tuple[list[float], list[float]]:
        for count in (1, 2):
            click(page, "step")
            wait_for(page, lambda count=count: iteration(page) == count, f"iteration {count}")  # type: ignore[misc]
        wait_for(page, lambda: chart(page, "plot_losses")["x"].get("D loss") == 2, "the chart shows both")
        drawn = chart(page, "plot_losses")["y"]
        return drawn["D loss"], drawn["G loss"]

    once = first_losses()
    click(page, "reset")
    wait_for(page, lambda: iteration(page) == 0, "back at iteration 0")
    assert first_losses() == once


def test_start_clicked_while_reset_still_works_starts_the_new_run(page: Page) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "a step")
    click(page, "reset")
    page.wait_for_timeout(100)  # Reset builds the new run for about a quarter of a second
    click(page, "start")
    wait_for(page, lambda: iteration(page) > 1, "the new run trains")
    pause(page)


def test_d_step_changes_only_d_and_g_step_only_g(page: Page, tmp_path: Path) -> None:
    before = load_file(download(page, "download_generator", tmp_path))
    picture = fakes(page)
    click(page, "step_d")
    expect(page.get_by_text("1 D and 0 G updates so far")).to_be_visible()
    after_d = load_file(download(page, "download_generator", tmp_path))
    weights = [name for name in before if name.endswith((".weight", ".bias"))]
    assert all(np.array_equal(before[name], after_d[name]) for name in weights)
    click(page, "step_g")
    expect(page.get_by_text("1 D and 1 G updates so far")).to_be_visible()
    after_g = load_file(download(page, "download_generator", tmp_path))
    assert not any(np.array_equal(before[name], after_g[name]) for name in weights)
    wait_for(page, lambda: fakes(page) != picture, "new weights, new pictures")
    assert iteration(page) == 0


def test_the_downloaded_generator_and_the_snippet_reproduce_the_shown_fakes(page: Page, tmp_path: Path) -> None:
    for count in (1, 2, 3):
        click(page, "step")
        wait_for(page, lambda count=count: iteration(page) == count, "a step")  # type: ignore[misc]
    click(page, "fresh_noise")
    open_popover(page, "downloads", ".st-key-download_generator button")
    page.get_by_text("Code that loads the generator").click()
    code = page.locator("[data-testid=stCode] code", has_text="load_state_dict")
    expect(code).to_contain_text("manual_seed(1)")
    source = code.inner_text()
    download(page, "download_generator", tmp_path)
    shown = np.asarray(Image.open(download(page, "download_pictures", tmp_path)))[1::3, 1::3].astype(float)

    scope: dict[str, object] = {}
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        exec(source, scope)
    finally:
        os.chdir(here)
    pictures = scope["pictures"].numpy()  # type: ignore[attr-defined]
    assert pictures.shape == (36, 28, 28)
    for index, picture in enumerate(pictures):
        top, left = (index // 6) * 30, (index % 6) * 30
        assert np.abs(shown[top : top + 28, left : left + 28] - (picture + 1) * 127.5).max() < 1.5


def test_charts_come_with_the_next_update_where_their_library_could_not_be_loaded_at_first(
    visitors: Visitors, server: str
) -> None:
    page = visitors.come("about:blank", WIDE, "light")
    page.route("**/plotly.min.js", lambda route: route.abort())
    page.goto(server)
    losses = page.locator(".st-key-plot_losses")
    expect(losses).to_contain_text("The chart library could not be loaded")
    page.unroute_all()
    click(page, "step")
    wait_for(page, lambda: chart(page, "plot_losses")["x"].get("D loss") == 1, "the chart is drawn")
    expect(losses).not_to_contain_text("could not be loaded")
    visitors.leave(page)


def test_zoom_and_legend_survive_live_updates_and_the_chart_is_mounted_once(page: Page) -> None:
    click(page, "start")
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 6, "some iterations")
    page.evaluate(
        """() => {
            const div = document.querySelector(".st-key-plot_losses .plot");
            div.mark = "the same element";
        }"""
    )
    box = page.locator(".st-key-plot_losses .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] - 20, steps=5)
    page.mouse.up()
    page.locator(".st-key-plot_losses .legendtoggle").last.click()
    wait_for(page, lambda: chart(page, "plot_losses")["visible"]["G loss"] == "legendonly", "G loss is hidden")
    zoomed = chart(page, "plot_losses")
    wait_for(page, lambda: chart(page, "plot_losses")["x"]["D loss"] > zoomed["x"]["D loss"] + 3, "it goes on")
    later = chart(page, "plot_losses")
    assert later["range"] == zoomed["range"]
    assert later["visible"]["G loss"] == "legendonly"
    assert later["mark"] == "the same element"
    pause(page)


def test_the_page_asks_for_updates_only_while_a_run_trains_in_a_visible_tab(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live/" in request.url else None)
    click(page, "start")
    wait_for(page, lambda: len(asked) >= 4, "it asks")
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    page.wait_for_timeout(500)  # a request may be on its way
    before, shown = len(asked), iteration(page)
    page.wait_for_timeout(1500)
    assert (len(asked), iteration(page)) == (before, shown)
    page.evaluate("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
    wait_for(page, lambda: iteration(page) > shown, "it asks again")
    pause(page)
    page.wait_for_timeout(500)  # a request may be on its way
    before = len(asked)
    page.wait_for_timeout(1000)
    assert len(asked) == before


def test_the_page_is_redrawn_where_requests_for_updates_fail(page: Page) -> None:
    page.route("**/live/**", lambda route: route.abort())
    click(page, "start")
    wait_for(page, lambda: iteration(page) > 0, "it trains", 20)
    shown = iteration(page)
    wait_for(page, lambda: iteration(page) > shown, "and goes on", 20)
    pause(page)


def test_a_live_setting_marks_the_charts_and_another_waits_for_reset(page: Page) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "a step")
    page.locator(".st-key-update_order").get_by_text("G first").click()
    expect(page.locator(".st-key-plot_losses .annotation-text", has_text="Update order: G first")).to_be_visible()
    set_batch_size(page, 64)
    expect(page.get_by_text("Waits for Reset: Batch size.")).to_be_visible()
    pending = page.locator(".st-key-cell_data .pending")
    expect(pending).to_have_text("batch 64")
    click(page, "reset")
    wait_for(page, lambda: iteration(page) == 0, "reset")
    expect(page.get_by_text("Waits for Reset")).to_be_hidden()
    expect(pending).to_be_hidden()
    assert "batch_size=64" in page.url


def test_hidden_layers_are_edited_in_the_drawing_of_the_network(page: Page) -> None:
    picture = page.locator(".st-key-picture_generator_hidden")
    picture.get_by_role("button", name="Generator: remove hidden layer 3").click(force=True)
    expect(picture.get_by_label("Generator, hidden layer 3, units")).to_be_hidden()
    first = picture.get_by_label("Generator, hidden layer 1, units")
    first.fill("32")
    first.press("Enter")
    expect(
        page.get_by_text(f"{100 * 32 + 32 + 32 * 512 + 512 + 512 * 784 + 784 + 2 * (32 + 512):,} weights")
    ).to_be_visible()
    first.fill("0")
    first.press("Enter")
    expect(page.get_by_text("'0, 512' is not possible")).to_be_visible()
    expect(first).to_have_value("32")
    first.fill("32")
    first.press("Enter")
    expect(page.get_by_text("is not possible")).to_be_hidden()
    picture.get_by_role("button", name="Generator: add a hidden layer").click()
    expect(picture.get_by_label("Generator, hidden layer 3, units")).to_have_value("512")
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "it trains")


def test_a_reload_comes_back_to_the_same_run(page: Page) -> None:
    click(page, "step")
    wait_for(page, lambda: iteration(page) == 1, "a step")
    page.wait_for_url(re.compile("run="))
    page.reload()
    page.locator(".st-key-start button:enabled:visible").first.wait_for(timeout=20_000)
    wait_for(page, lambda: iteration(page) == 1, "the same run")


def test_a_killed_run_is_reported_at_once_and_start_begins_another(page: Page, server: str, tmp_path: Path) -> None:
    others = run_processes(server)
    click(page, "start")
    wait_for(page, lambda: len(run_processes(server) - others) == 1, "the run's process")
    (child,) = run_processes(server) - others
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 3, "it trains")
    os.kill(child, signal.SIGKILL)
    expect(page.get_by_text("The training process was killed (SIGKILL)")).to_be_visible(timeout=4000)
    drawn = chart(page, "plot_losses")["x"]["D loss"]
    assert drawn >= 3
    assert len(load_file(download(page, "download_generator", tmp_path))) > 10
    expect(page.locator(".st-key-start")).to_contain_text("Start again")
    click(page, "start")
    wait_for(page, lambda: 0 < (chart(page, "plot_losses")["x"].get("D loss") or 0) < drawn + 50, "a new run")
    pause(page)


def run_processes(server: str) -> set[int]:
    """Return the children of this server's fork server; other servers on this machine have such processes too."""
    listed = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=2) for line in listed.splitlines()[1:]]

    def children(parents: set[int], words: str) -> set[int]:
        return {int(pid) for pid, parent, args in lines if int(parent) in parents and words in args}

    port = server.rpartition(":")[2]
    servers = {int(pid) for pid, _, args in lines if args.endswith(f"--server.port={port}")}
    return children(children(servers, "multiprocessing.forkserver"), "multiprocessing.forkserver")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_is_cut_off_and_nothing_jumps(visit: Visit, width: int, scheme: str) -> None:
    page = visit(size=(width, 900), scheme=scheme)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), "the page scrolls sideways"

    def places() -> dict[str, float]:
        keys = ("plot_losses", "plot_scores", "picture_fakes", "picture_reals", "step", "reset")
        return {key: page.locator(f".st-key-{key} >> visible=true").first.bounding_box()["y"] for key in keys}  # type: ignore[index]

    before = places()
    click(page, "start")
    wait_for(page, lambda: (chart(page, "plot_losses")["x"].get("D loss") or 0) >= 3, "it trains")
    during = places()
    assert {key: abs(before[key] - during[key]) for key in before if abs(before[key] - during[key]) > 2} == {}
    pause(page)
