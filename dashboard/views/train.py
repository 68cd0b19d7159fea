"""The Train page: the model with its settings, the live panels, the downloads."""

from typing import Any

import streamlit as st

from dashboard.charts.diagnosis import reading
from dashboard.charts.points import LAYERS, SHOWN_FIRST
from dashboard.charts.rich_text import bold, building, icon, rich_text
from dashboard.controls import model
from dashboard.controls.transport import train_buttons
from dashboard.panels import losses, shown_panels
from dashboard.panels.base import Payload
from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.views.downloads import section as draw_downloads
from dashboard.views.panels import LivePanels
from dashboard.views.shell import Page
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def draw(state: PageState) -> None:
    """Draw the model's cards, then charts beside images, or beside 2-D data."""
    panels = LivePanels(state)
    model.cards(state, panels.mount_card)
    grid = st.grid(2 if panels.points else 3, min_column_width=300, gap="small")
    if panels.points:
        with grid.cell():
            _samples_card(panels, state.report.snapshot)
        with grid.cell():
            _charts(panels, columns=1)
    else:
        with grid.cell(column_span=2):
            _charts(panels, columns=2)
        with grid.cell():
            _samples_card(panels, state.report.snapshot)
    draw_downloads(state.report)


def hint(report: Report) -> Payload:
    """Return how the training stands and what can be done next."""
    snapshot = report.snapshot
    if report.state == "starting" or snapshot is None:
        return building()
    if report.state == "running":
        found = reading(snapshot)
        said = found.text if found else "Training. Change a setting and watch what it does."
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
        bold("D step"), " and ", bold("G step"), " train one network only"
        f" ({snapshot.updates_d:,} D and {snapshot.updates_g:,} G updates so far).",
    )  # fmt: skip


def _charts(panels: LivePanels, columns: int) -> None:
    """Draw each chart in a card of its own, below a line that says how to read it."""
    grid = st.grid(columns, min_column_width=300, border=True, gap="small")
    for panel in shown_panels(panels.shape, "charts"):
        with grid.cell(), st.container(gap="xxsmall"):
            with _head(panel.title):
                if panel.key == losses.PANEL.key:
                    st.segmented_control(
                        "Axes", ("log x", "log y"), selection_mode="multi", key="axes", label_visibility="collapsed",
                        help="Logarithmic axes; with both off, axes are linear. log x applies to every chart, log y to the"
                        " losses.",
                    )  # fmt: skip
            st.caption(panel.caption(panels.config))
            panels.mount(panel)


def _samples_card(panels: LivePanels, snapshot: Snapshot | None) -> None:
    """Draw images side by side, or 2-D data with the choice of its layers."""
    shown = shown_panels(panels.shape, "samples")
    with st.container(border=True, gap="xxsmall", height="stretch"):
        with _head("2-D data" if panels.points else "Pictures"):
            st.button(
                "Fresh noise", "fresh_noise", on_click=commands.fresh_noise, type="tertiary", icon=":material/refresh:"
            )
            if not panels.points and st.button("Larger", "larger", type="tertiary", icon=":material/open_in_full:"):
                _larger(snapshot)
        if panels.points:
            st.pills(
                "Layers", list(LAYERS), selection_mode="multi", default=SHOWN_FIRST, format_func=LAYERS.__getitem__,
                key="layers", label_visibility="collapsed", persist_state="session",
            )  # fmt: skip
            for panel in shown:
                panels.mount(panel)
        else:
            for column, panel in zip(st.columns(len(shown)), shown, strict=True):
                with column:
                    panels.mount_titled(panel)
        for panel in shown:
            if caption := panel.caption(panels.config):
                st.caption(caption)


def _head(title: str) -> Any:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"**{title}**")
    return row


@st.dialog("Pictures", width="large")
def _larger(snapshot: Snapshot | None) -> None:
    if snapshot is None:
        st.markdown("There are no pictures yet.")
        return
    st.caption(f"Fakes at iteration {snapshot.samples_iteration:,}, and real ones below.")
    st.image(samples_png(snapshot.fake, scale=3), width="stretch", alt="Fakes, enlarged")
    st.image(samples_png(snapshot.real, scale=3), width="stretch", alt="Real samples, enlarged")


PAGE = Page("Train", "train", draw, hint, train_buttons, default=True, has_controls=True, has_panels=True)
