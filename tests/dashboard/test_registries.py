"""A panel or a page that is named in its registry appears everywhere."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import panels, views
from dashboard.charts.figure import Figure
from dashboard.charts.rich_text import rich_text
from dashboard.controls.transport import step_through_buttons
from dashboard.live.answer import answer
from dashboard.live.watch import Watch, layout_version
from dashboard.panels.base import Panel, for_points
from dashboard.views.shell import Page
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import component, follows, go_to, healthy, texts

PANEL = Panel(
    key="plot_dummy",
    title="Dummy",
    kind="plot",
    place="charts",
    payload=lambda snapshot, options: Figure(title=f"iteration {snapshot.iteration}").payload(),
    caption=lambda config: f"A dummy under {config.loss}.",
    takes_turns=True,
)
PAGE = Page(
    title="Dummy page",
    url_path="dummy",
    draw=lambda state: (st.markdown(f"The body of a {state.report.state} run"), None)[1],
    hint=lambda report: rich_text("The hint of a dummy"),
    buttons=step_through_buttons,
)


def answer_to(url_path: str, snapshot: Snapshot, turn: int = -1) -> dict[str, object]:
    report = Report("running", snapshot)
    page = next(page for page in views.PAGES if page.url_path == url_path)
    found: dict[str, object] = answer(report, Watch(url_path, layout_version(report)), page, 0, turn)["panels"]
    return found


def test_a_registered_panel_is_on_the_page_and_in_the_live_answer(
    app: AppTest, snapshot: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, PANEL))
    healthy(app.run())
    assert component(app, "plot_dummy")["layout"]["title"] == "iteration 0"
    (title,) = [title for title in app.header if title.value == "Dummy"]
    assert title.proto.help == "A dummy under bce."
    assert "plot_dummy" in answer_to("train", snapshot(1))
    assert "plot_dummy" not in answer_to("walk", snapshot(1))


def test_a_registered_panel_takes_its_turn(snapshot: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, PANEL))
    turns = [panel.key for panel in panels.PANELS if panel.takes_turns]
    assert turns[-1] == "plot_dummy"
    charts = [
        [key for key in answer_to("train", snapshot(1), turn) if key.startswith("plot_")]
        for turn in range(len(turns) + 1)
    ]
    assert charts == [[key] for key in (*turns, turns[0])]


def test_a_panel_for_points_is_not_shown_for_images(
    app: AppTest, snapshot: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setattr(panels, "PANELS", (*panels.PANELS, replace(PANEL, shown=for_points)))
    healthy(app.run())
    assert "Dummy" not in [title.value for title in app.header]
    assert "plot_dummy" not in answer_to("train", snapshot(1))
    assert "plot_dummy" in answer_to("train", snapshot(1, dataset="ring", generator_batch_norm=False))


def test_a_registered_page_is_in_the_navigation_and_on_the_live_channel(
    app: AppTest, snapshot: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGES", (*views.PAGES, PAGE))
    healthy(app.run())
    go_to(app, "dummy")
    assert "The body of a paused run" in texts(app)
    assert "The hint of a dummy" in texts(app)
    assert "page=dummy" in follows(app)["address"]
    assert answer_to("dummy", snapshot(1)).keys() == {"text_message", "status"}
