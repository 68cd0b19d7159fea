"""The Train page: the model with its settings, the live panels, the downloads."""

from typing import Any

import streamlit as st

from dashboard.charts.explain import reading
from dashboard.charts.points import LAYERS, SHOWN_FIRST
from dashboard.charts.rich_text import bold, building, icon, rich_text
from dashboard.controls import model
from dashboard.controls.transport import train_buttons
from dashboard.panels.base import Panel, Payload
from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.views import downloads
from dashboard.views.panels import LivePanels
from dashboard.views.shell import Page
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(state: PageState) -> None:
    """Draw the model's cards, then charts beside images, or beside 2-D data."""
    live = LivePanels(state)
    model.cards(state, live)
    if live.points:
        grid = st.grid(2, min_column_width=300, gap="small")
        with grid.cell():
            _points_card(live)
        with grid.cell():
            _charts(live, columns=1)
    else:
        grid = st.grid(3, min_column_width=300, gap="small")
        with grid.cell(column_span=2):
            _charts(live, columns=2)
        with grid.cell():
            _images_card(live, state.report.snapshot)
    downloads.section(state.report)


def hint(report: Report) -> Payload:
    """Return how the training stands and what can be done next."""
    snapshot = report.snapshot
    if report.state == "starting" or snapshot is None:
        return building()
    if report.state == "running":
        said = reading(snapshot) or "Training. Change a setting and watch what it does."
        return rich_text(icon("insights"), f" {said}")
    if snapshot.walk is not None and snapshot.walk.iteration > snapshot.iteration:
        return rich_text(
            icon("directions_walk"), f" Paused inside iteration {snapshot.walk.iteration:,}, which the ",
            bold("Step through"), " page has begun. Every button here finishes that iteration first.",
        )  # fmt: skip
    if snapshot.iteration == 0 and not snapshot.singles:
        return rich_text(
            icon("play_circle"), " Press ", bold("Start"),
            ". An untrained generator makes these fakes from noise; they change within seconds.",
        )  # fmt: skip
    return rich_text(
        icon("pause_circle"), " Paused. ", bold("Start"), " continues, ", bold("Step"), " does one iteration, ",
        bold("D step"), " and ", bold("G step"), " train one network alone"
        f" ({snapshot.updates_d:,} D and {snapshot.updates_g:,} G updates so far).",
    )  # fmt: skip


def _charts(live: LivePanels, columns: int) -> None:
    """Draw each chart in a card of its own, below a line that says how to read it."""
    grid = st.grid(columns, min_column_width=300, gap="small")
    for panel in live.at("charts"):
        with grid.cell(), st.container(border=True, gap="xxsmall", height="stretch"):
            with _head(panel):
                if panel.key == "plot_losses":
                    _axes()
            st.caption(panel.caption(live.config))
            live.mount(panel)


def _head(title: str) -> Any:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"**{title}**")
    return row
